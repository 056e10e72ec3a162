"""The log lines of an episode, with what can be read from each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from heapq import merge
from typing import NamedTuple

from ..cluster import Cluster
from ..engine.service import Service
from ..telemetry.logs.reader import FORMATS
from ..telemetry.logs.scene import Scene
from ..telemetry.logs.written import Written


class Line(NamedTuple):
    """One line of a log.

    Attributes:
        at: simulated nanoseconds.
        fields: of a line in JSON or logfmt, its fields; of others none.
    """

    at: int
    service: str
    pod: str
    text: str
    fields: Mapping[str, object]

    @property
    def level(self) -> str:
        """How bad it is in small letters; empty where the line does not say."""
        level = self.fields.get("level")
        if level is None:
            match = _LEVEL.search(self.text)
            level = next(filter(None, match.groups())) if match else ""
        return _LEVELS.get(str(level), str(level).lower())


_LEVEL = re.compile(
    r"\b(PANIC|FATAL|ERROR|WARNING|NOTICE|LOG|DETAIL|HINT|CONTEXT|STATEMENT):  "  # PostgreSQL
    r"|^\d+:[MSCX] \d\d \w{3} \d{4} [\d:.]+ ([.*#-]) "  # Redis
    r"|^\[[^]]*\]\[(\w+)"  # the JVM's unified logging
    r"|^\S+   (Normal|Warning)   "  # events of Kubernetes
)
_LEVELS = {
    ".": "debug",
    "-": "verbose",
    "*": "notice",
    "#": "warning",
    "WARN": "warning",
    **dict.fromkeys(("LOG", "DETAIL", "HINT", "CONTEXT", "STATEMENT", "Normal"), "info"),
}


def lines(cluster: Cluster) -> Iterator[Line]:
    """Every line that is kept, oldest first; of one instant, service by service in the order of the catalogue."""
    written = Written(cluster, 0, cluster.now)
    return merge(*(_of(cluster, service, written) for service in cluster.services.values()), key=lambda line: line.at)


def _of(cluster: Cluster, service: Service, written: Written) -> Iterator[Line]:
    log_format = FORMATS[service.spec.language](Scene(cluster, service))
    for record, before in written.pairs(service):
        for text in log_format.lines(record, before):
            yield Line(record.at, service.name, record.source, text, _fields(text))


_PAIR = re.compile(r'([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_ESCAPE = re.compile(r"\\(.)")


def _fields(text: str) -> dict[str, object]:
    if text.startswith("{"):
        parsed: dict[str, object] = json.loads(text)
        return parsed
    if text.startswith("time="):
        return {key: _ESCAPE.sub(r"\1", quoted) if quoted else plain for key, quoted, plain in _PAIR.findall(text)}
    return {}
