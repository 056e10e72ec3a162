"""Reads the records of a service as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from ...specs import Language
from .golang import GoFormat
from .java import JavaFormat
from .postgres import PostgresFormat
from .python import PythonFormat
from .redis import RedisFormat
from .scene import Scene
from .written import Written

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.service import LogRecord


class LogFormat(Protocol):
    """How one program writes its log."""

    def lines(self, record: LogRecord, before: LogRecord | None) -> list[str]:
        """The lines of a record; `before` is the service's record before it.

        Raises:
            KeyError: the program writes nothing of the kind.
        """
        ...


FORMATS: Mapping[Language, Callable[[Scene], LogFormat]] = {
    Language.JAVA: JavaFormat,
    Language.PYTHON: PythonFormat,
    Language.GO: GoFormat,
    Language.POSTGRES: PostgresFormat,
    Language.REDIS: RedisFormat,
}


def render(cluster: Cluster, service_name: str, records: Iterable[LogRecord]) -> list[str]:
    """The lines of some consecutive records of a service, oldest first."""
    written = log_format(cluster, service_name)
    lines: list[str] = []
    before: LogRecord | None = None
    for record in records:
        lines.extend(written.lines(record, before))
        before = record
    return lines


def recent(
    cluster: Cluster,
    service_name: str,
    *,
    since_ns: int | None = None,
    limit: int = 40,
    grep: str | None = None,
) -> list[str]:
    """The newest lines of a service's log, oldest first.

    Args:
        since_ns: simulated instant before which nothing is shown.
        limit: how many lines at most.
        grep: only lines with this text in them, in either case; `|` separates alternatives.
    """
    log = Written(cluster, since_ns or 0, cluster.now, newest_first=True)
    written = log_format(cluster, service_name)
    wanted = [text for text in grep.lower().split("|") if text] if grep else []
    newest: list[list[str]] = []
    left = limit
    for record, before in log.pairs(cluster.service(service_name)):
        if left <= 0:
            break
        lines = written.lines(record, before)
        if wanted:
            lines = [line for line in lines if any(text in line.lower() for text in wanted)]
        if lines:
            newest.append(lines[-left:])
            left -= len(lines)
    return [line for lines in reversed(newest) for line in lines]


def log_format(cluster: Cluster, service_name: str) -> LogFormat:
    """How a service writes its log."""
    service = cluster.service(service_name)
    scene = Scene(cluster, service)
    written = FORMATS[service.spec.language](scene)
    return ByItsClock(written, scene) if cluster.clocks.past else written


class ByItsClock:
    """A log whose lines bear the time that the clock of their pod's node showed."""

    def __init__(self, written: LogFormat, scene: Scene) -> None:
        self.written = written
        self.scene = scene
        self.clocks = scene.cluster.clocks
        self.pods = {replica.name: replica for replica in scene.service.replicas}

    def lines(self, record: LogRecord, before: LogRecord | None) -> list[str]:
        """The lines of a record."""
        replica = self.pods.get(record.source)
        self.scene.ahead = 0 if replica is None else self.clocks.offset_then(replica, record.at)
        return self.written.lines(record, before)
