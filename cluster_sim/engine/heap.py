"""The heap of a replica whose runtime may run short of it, and the collections that keep it from overflowing.

Each request in flight keeps some memory and leaves garbage as long as it is worked on. When what is free is used up,
the world is stopped and the garbage collected. The fuller the heap is with what is in use, the sooner it is full
again: from some load on the program does little but collect, which keeps its requests in flight, and their memory in
use, after the load is gone.

Fast-forward: events only (`Behaviour.max_heap` says so).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import MILLISECOND, SECOND

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica

MIB = 1 << 20

BASE = 80 * MIB
"""In use with no request in flight: classes, caches, the framework (chosen)."""
PER_REQUEST = 12 * MIB
"""In use for each request that is worked on: its cart, prices and documents (chosen)."""
GARBAGE_PER_REQUEST = 20 * MIB
GARBAGE = 5 * MIB
"""Garbage a second, for each request that is worked on and beside them (chosen)."""
LEAST_FREE = 0.01
"""Share of the heap that a collection frees at least (chosen; below 2 % HotSpot's parallel collector gives up)."""
FULL_FROM = 0.7
"""Share in use from which young collections are not enough, and the whole heap is collected (chosen)."""
YOUNG_PAUSE = 12 * MILLISECOND
FULL_PAUSE_PER_MIB = 3 * MILLISECOND
"""Time a collection takes: that of the whole heap in proportion to what is in use (chosen)."""
LOOK = SECOND // 2
"""Nanoseconds after which what is in flight is looked at again at the latest (chosen)."""


def needed(requests: int) -> int:
    """Bytes of heap in use with that many requests in flight."""
    return BASE + PER_REQUEST * requests


class Heap(Event):
    """The heap of one process; the event is the next look at how full it is.

    Attributes:
        limit: bytes it may grow to.
        garbage: bytes that a collection would free, as of the instant `looked`.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, replica: Replica, limit: int) -> None:
        self.cluster = cluster
        self.replica = replica
        self.limit = limit
        self.garbage = 0
        self.looked = cluster.sim.now
        self._arm()

    @property
    def live(self) -> int:
        """Bytes in use by what is in flight now."""
        replica = self.replica
        return min(needed(replica.workers - replica.free), int(self.limit * (1.0 - LEAST_FREE)))

    @property
    def _garbage_rate(self) -> int:
        replica = self.replica
        return GARBAGE + GARBAGE_PER_REQUEST * (replica.workers - replica.free)

    def used(self, now: int) -> int:
        """Bytes in use and garbage together."""
        fresh = self._garbage_rate * max(now - self.looked, 0) // SECOND
        return min(self.limit, self.live + self.garbage + fresh)

    def _arm(self, pause: int = 0) -> None:
        free = max(self.limit - self.live - self.garbage, 0)
        until_full = 1 + free * SECOND // self._garbage_rate
        self.callbacks = [self._look]
        self.cluster.sim.push(self.cluster.sim.now + pause + min(until_full, LOOK), self)

    def _look(self, _: Event) -> None:
        replica = self.replica
        if replica.heap is not self or not replica.alive or replica not in replica.service.replicas:
            return
        now = self.cluster.sim.now
        used = self.used(now)
        pause = 0
        if used >= self.limit:
            pause = self._collect(used)
        else:
            self.garbage = used - self.live
        self.looked = now + pause
        self._arm(pause)

    def _collect(self, used: int) -> int:
        """Free the garbage; returns how many nanoseconds the world stands still for that."""
        replica, live = self.replica, self.live
        full = live >= FULL_FROM * self.limit
        pause = FULL_PAUSE_PER_MIB * (live // MIB) if full else YOUNG_PAUSE
        self.garbage = 0
        self.cluster.recorder.log(
            replica.service.name, replica.name, "gc_collection", full, used, live, self.limit, pause
        )
        self.cluster.stop_world(replica, pause)
        return pause
