"""The indexes that the queries of a database rely on.

Fast-forward: events only while one is missing, for its query is a slowed operation then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simpy.events import Event

from ..clock import nanoseconds
from .replica import SUM

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .profile import Profile
    from .service import Service


class Mark(NamedTuple):
    """How many calls had been answered at an instant.

    Attributes:
        restarts: of the server until then; its counts begin anew with each.
        calls: by edge slot.
    """

    restarts: int
    calls: tuple[int, ...]


class Indexes:
    """The indexes of one server, each named by the operation whose query uses it.

    Attributes:
        absences: operation → the spells without its index, from mark to mark; the last has no end while it lasts.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.absences: dict[str, list[tuple[Mark, Mark | None]]] = {}

    @property
    def missing(self) -> list[str]:
        """The operations whose queries read the whole table."""
        return [operation for operation, spells in self.absences.items() if spells[-1][1] is None]

    def drop(self, operation: str, factor: float, profile: Profile) -> None:
        """The index is gone: its query takes up to `factor` times as long."""
        if operation not in self.missing:
            self.absences.setdefault(operation, []).append((self._mark(), None))
        self.service.slow_operation(operation, factor, profile)

    def create(self, operation: str) -> None:
        """The index is there again, if it was not."""
        if operation in self.missing:
            spells = self.absences[operation]
            spells[-1] = (spells[-1][0], self._mark())
            self.service.restore_operation(operation)

    def sequential_scans(self, operation: str, slot: int) -> int:
        """How many queries of an edge have read the whole table since the server started."""
        now = self._mark()
        scans = 0
        for begin, end in self.absences.get(operation, ()):
            end = end or now
            if end.restarts == now.restarts:
                scans += end.calls[slot] - (begin.calls[slot] if begin.restarts == now.restarts else 0)
        return scans

    def _mark(self) -> Mark:
        replica = self.service.replicas[0]
        return Mark(replica.restarts, tuple([sum(histogram[:SUM]) for histogram in replica.served]))


def drop(cluster: Cluster, service: Service, operation: str, factor: float, profile: Profile) -> None:
    """Drop the index of a query: it takes up to `factor` times as long."""
    assert service.indexes is not None
    _log(cluster, service, "index_dropped", operation, concurrently=False)
    service.indexes.drop(operation, factor, profile)


def _log(cluster: Cluster, service: Service, event: str, operation: str, *, concurrently: bool) -> None:
    client = next(e.client for e in cluster.edges if (e.server, e.operation) == (service.name, operation))
    cluster.recorder.log(service.name, service.replicas[0].name, event, operation, client, concurrently)


class IndexBuild(Event):
    """An index being built, with the disk as its bottleneck; the build is lost with the server's process.

    Attributes:
        restarts: of the server when it began.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(
        self, cluster: Cluster, service: Service, operation: str, duration_s: float, *, concurrently: bool
    ) -> None:
        assert service.indexes is not None
        _log(cluster, service, "index_built", operation, concurrently=concurrently)
        self.cluster = cluster
        self.indexes = service.indexes
        self.operation = operation
        self.restarts = service.replicas[0].restarts
        cluster.operations.append(self)
        self.callbacks = [self._done]
        cluster.sim.push(cluster.sim.now + nanoseconds(duration_s), self)

    def _done(self, _: Event) -> None:
        self.cluster.operations.remove(self)
        replica = self.indexes.service.replicas[0]
        if replica.ready and replica.restarts == self.restarts:
            self.indexes.create(self.operation)
