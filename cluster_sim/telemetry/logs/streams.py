"""The logs of a cluster as a store keeps them: streams of entries, labelled as an agent on the nodes labels them.

A container's output is a stream with the labels `namespace`, `pod`, `container` and `service` that the pod's metrics
have too, `job` (`namespace/container`) and `stream` as promtail sets them, and Loki 3's `service_name`. The
orchestrator's events about a pod are a stream beside it, as Alloy's `loki.source.kubernetes_events` makes them. Each
line is an entry (there is no multiline stage) at the instant of its record. `detected_level` is what Loki 3 finds out
about a line by itself: a label of the entry, not of the stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from typing import TYPE_CHECKING

from ...clock import SECOND
from ...specs import Language
from ..identity import NAMESPACE
from ..logql.source import Entry, Stream
from ..matching import matches
from ..series import Matcher
from .reader import log_format
from .written import Written

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.service import Service

Labels = Mapping[str, str]

EVENTS_JOB = "loki.source.kubernetes_events"
_EVENTS = frozenset({"kubernetes", "audit"})

_STDERR = (Language.GO, Language.POSTGRES)
"""Programs whose log goes to stderr: Go's, as most set it up, and PostgreSQL's without a logging collector."""

_LEVEL_FIELD = re.compile(r'"level":"([A-Za-z]+)"|\blevel=([A-Za-z]+)')
_LEVEL_WORD = re.compile(r"\b(fatal|panic|critical|error|warning|warn|info|debug)\b", re.IGNORECASE)
_LEVELS = {"warning": "warn", "panic": "fatal"}


class ClusterLogs:
    """The streams of a cluster, rendered as they are read; reading changes nothing in it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._epoch = cluster.epoch_s * SECOND

    def entries(
        self, matchers: Sequence[Matcher], first: int, last: int, *, newest_first: bool = False
    ) -> Iterator[Entry]:
        """The entries of the streams that meet every condition; see `LogSource`."""
        written = self._written(first, last, newest_first=newest_first)
        logs = [self._entries(service, matchers, written, newest_first) for service in self._services(matchers)]
        return merge(*logs, key=lambda entry: entry.at, reverse=newest_first)

    def streams(self, matchers: Sequence[Matcher], first: int, last: int) -> list[Labels]:
        """The labels of the streams that meet every condition and have entries in a span."""
        meets = matches(matchers)
        found: list[Labels] = []
        written = self._written(first, last)
        for service in self._services(matchers):
            rendered = log_format(self._cluster, service.name)
            told: set[tuple[str, bool]] = set()
            for record, before in written.pairs(service):
                key = (record.source, record.event in _EVENTS)
                if key not in told and rendered.lines(record, before):
                    told.add(key)
                    labels = stream_labels(service, *key)
                    if meets(labels):
                        found.append(labels)
        return found

    def _services(self, matchers: Sequence[Matcher]) -> list[Service]:
        """The services that may have streams which meet every condition."""
        told = [matcher for matcher in matchers if matcher.label in _of_service("")]
        meets = matches(told)
        return [service for service in self._cluster.services.values() if meets(_of_service(service.name))]

    def _written(self, first: int, last: int, *, newest_first: bool = False) -> Written:
        return Written(self._cluster, first - self._epoch, last - self._epoch, newest_first=newest_first)

    def _entries(
        self, service: Service, matchers: Sequence[Matcher], written: Written, newest_first: bool
    ) -> Iterator[Entry]:
        meets = matches(matchers)
        rendered = log_format(self._cluster, service.name)
        known: dict[tuple[str, bool], _Levels | None] = {}
        for record, before in written.pairs(service):
            key = (record.source, record.event in _EVENTS)
            if key not in known:
                labels = stream_labels(service, *key)
                known[key] = _Levels(labels) if meets(labels) else None
            streams = known[key]
            if streams is None:
                continue
            lines = rendered.lines(record, before)
            for line in reversed(lines) if newest_first else lines:
                yield Entry(self._epoch + record.at, line, streams[level(line)])


class _Levels(dict[str, Stream]):
    """The entries of one stream have these labels, by their level."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels

    def __missing__(self, level: str) -> Stream:
        self[level] = stream = Stream(self.labels, {**self.labels, "detected_level": level})
        return stream


def _of_service(name: str) -> dict[str, str]:
    """The labels that all streams of a service have."""
    return {"namespace": NAMESPACE, "service": name, "service_name": name}


def stream_labels(service: Service, pod: str, event: bool) -> dict[str, str]:
    """The labels of a pod's stream.

    Args:
        event: whether it is the stream of the orchestrator's events about the pod.
    """
    labels = {**_of_service(service.name), "pod": pod}
    if event:
        return {**labels, "job": EVENTS_JOB}
    container = service.name.removesuffix("-service")
    stream = "stderr" if service.spec.language in _STDERR else "stdout"
    return {**labels, "container": container, "job": f"{NAMESPACE}/{container}", "stream": stream}


def level(line: str) -> str:
    """The level a line names: in its field for that, or else in its first word for one."""
    found = _LEVEL_FIELD.search(line)
    if found is None:
        found = _LEVEL_WORD.search(line)
        if found is None:
            return "unknown"
    text = (found[1] or found[2]).lower()
    return _LEVELS.get(text, text)
