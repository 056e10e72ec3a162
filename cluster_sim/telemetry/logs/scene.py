"""What a log format needs to know about the cluster whose records it renders."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from ...clock import EPOCH_UNIX_S, MILLISECOND, SECOND, moment, rfc3339
from ...rng import Streams

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.edge import Edge
    from ...engine.service import LogRecord, Service

Choice = TypeVar("Choice")

_UNPRINTABLE = re.compile(r"[^ -~\u00a1-\ud7ff\ue000-\ufffd]")


class Scene:
    """A service in its cluster, to be read only.

    Attributes:
        streams: streams of the cluster's seed, but not the cluster's own, which remember what was asked of them.
        epoch_s: Unix time of simulated zero.
        ahead: nanoseconds by which the clock of the pod is ahead whose record is rendered.
    """

    def __init__(self, cluster: Cluster, service: Service) -> None:
        self.cluster = cluster
        self.service = service
        self.streams = Streams(cluster.seed)
        self.epoch_s = cluster.epoch_s
        self.ahead = 0
        self._second, self._text = -1, ""

    def edge(self, index: int) -> Edge:
        """The call of that number."""
        return self.cluster.edges[index]

    def pick(self, choices: Sequence[Choice], stream: str, *keys: int) -> Choice:
        """One of several, the same for the same keys."""
        return choices[self.streams.bits(stream, *keys) % len(choices)]

    def moment(self, at: int) -> datetime:
        """The UTC date and time of an instant, as the pod takes it to be."""
        return moment(at + self.ahead, self.epoch_s)

    def instant(self, at: int) -> str:
        """`2025-03-14T09:04:30.123Z`, by the clock of the pod."""
        at += self.ahead
        second, rest = divmod(at, SECOND)
        if second != self._second:
            self._second, self._text = second, rfc3339(at, self.epoch_s)[:-1]
        return f"{self._text}.{rest // MILLISECOND:03d}Z"

    def audit_event(self, record: LogRecord) -> str:
        """A line of the audit log of Kubernetes' API server."""
        verb, user, resource, name = record.data
        entry = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "stage": "ResponseComplete",
            "verb": verb,
            "user": {"username": user},
            "objectRef": {"resource": resource, "namespace": "shop", "name": name, "apiGroup": "apps"},
            "responseStatus": {"code": 200},
            "stageTimestamp": self.instant(record.at),
        }
        return json.dumps(entry, separators=(",", ":"))

    def kubernetes_event(self, record: LogRecord) -> str:
        """An event of the orchestrator, as `kubectl get events` lists it."""
        kind, reason, message = record.data
        columns = (rfc3339(record.at, self.epoch_s), kind, reason, f"pod/{record.source}", message)
        return "   ".join(one_line(column) for column in columns)


def instant(at: int, epoch_s: int = EPOCH_UNIX_S) -> str:
    """`2025-03-14T09:04:30.123Z`."""
    return f"{rfc3339(at, epoch_s)[:-1]}.{milliseconds(at):03d}Z"


def milliseconds(at: int) -> int:
    """The whole milliseconds of an instant beyond its second."""
    return at % SECOND // MILLISECOND


def one_line(text: object) -> str:
    """A value for a plain-text line: what could end the line or steer a terminal is escaped."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", str(text))
