"""The kernel's memory limit: a process that goes over it is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND
from . import lifecycle
from .ahead import Ahead

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service


class MemoryWatch(Event):
    """Kills a store whose memory is above its container's limit, once a second."""

    _ok = True
    _value = None
    _defused = True
    period = SECOND

    def __init__(self, cluster: Cluster, service: Service) -> None:
        self.cluster = cluster
        self.service = service
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._look]
        self.cluster.sim.push(self.cluster.sim.now + self.period, self)

    @property
    def ahead(self) -> Ahead:
        """Below its limit the store only loses expired keys here, as it does whenever it is written to or looked at."""
        keyspace = self.service.keyspace
        assert keyspace is not None
        within = max(keyspace.maxmemory_bytes, keyspace.used_bytes) <= keyspace.memory_limit_bytes
        return Ahead.IDLES if within else Ahead.BLOCKS

    def _look(self, _: Event) -> None:
        self._arm()
        keyspace = self.service.keyspace
        assert keyspace is not None
        keyspace.sweep(self.cluster.sim.now)
        if keyspace.used_bytes > keyspace.memory_limit_bytes:
            for replica in self.service.replicas:
                if replica.ready:
                    self.cluster.record_event(
                        self.service, replica, "Warning", "OOMKilling", "Memory cgroup out of memory"
                    )
                    lifecycle.restart(self.cluster, replica, "OOMKilled")
