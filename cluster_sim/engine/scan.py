"""A job that has a store go over all of its data in one command, again and again.

A store of one thread serves nobody meanwhile.

Fast-forward: up to each of its commands, no further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND
from .ahead import rehearsed
from .background import pause

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service

PERIOD = 60 * SECOND
"""Nanoseconds between two commands (cron)."""
SLOW = 5 * SECOND
"""How long a script runs until the log tells of it; source: busy-reply-threshold in redis.conf.

From then on Redis answers BUSY at once instead of not at all. That is left out: clients wait a quarter of a second.
"""


class Scan(Event):
    """One such job.

    Attributes:
        bytes_per_s: how fast the store goes over its data.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, store: Service, bytes_per_s: float, first: int) -> None:
        """Its first command comes `first` nanoseconds from now."""
        self.cluster = cluster
        self.store = store
        self.bytes_per_s = bytes_per_s
        cluster.jobs.append(self)
        self._arm(first)

    def _arm(self, delay: int) -> None:
        self.callbacks = [self._run]
        self.cluster.sim.push(self.cluster.sim.now + delay, self)

    def _run(self, _: Event) -> None:
        if self not in self.cluster.jobs:
            return
        self._arm(PERIOD)
        keyspace = self.store.keyspace
        assert keyspace is not None
        if self.store.ready:
            keyspace.sweep(self.cluster.sim.now)
            length = int(keyspace.dataset_bytes / self.bytes_per_s * SECOND)
            keyspace.scans += 1
            keyspace.scanned += length
            keyspace.last_scan = length
            pause(self.cluster, self.store.ready[0], length)
            if length > SLOW:
                self.cluster.after(SLOW, self._tell, self.store.ready[0].restarts)

    @rehearsed
    def _tell(self, restarts: int) -> None:
        replica = self.store.replicas[0]
        if replica.alive and replica.restarts == restarts:
            self.cluster.recorder.log(self.store.name, replica.name, "slow_script", SLOW)

    def stop(self) -> None:
        """It does not run any more."""
        self.cluster.jobs.remove(self)
