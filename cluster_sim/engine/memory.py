"""The kernel's memory limit: a process that goes over it is killed.

Fast-forward: a service whose processes stay below their limits whatever they answer is like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND
from . import lifecycle
from .ahead import Ahead
from .crashes import OUT_OF_MEMORY

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
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
                    lifecycle.restart(self.cluster, replica, OUT_OF_MEMORY)


class ContainerMemory(Event):
    """Kills the processes of an application whose memory is above their containers' limit, once a second."""

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
        """Processes that do not leak stop growing below their limit."""
        return Ahead.IDLES if all(map(self._stays_below, self.service.replicas)) else Ahead.BLOCKS

    def _stays_below(self, replica: Replica) -> bool:
        memory = self.service.spec.memory
        assert memory is not None
        return replica.behaviour.leak_bytes == 0 and memory.full_bytes <= replica.memory_limit_bytes

    def _look(self, _: Event) -> None:
        self._arm()
        for replica in list(self.service.replicas):
            if self._stays_below(replica) or not replica.alive:
                continue
            if replica.resident_bytes > replica.memory_limit_bytes:
                container = self.service.name.removesuffix("-service")
                message = f"Memory cgroup out of memory: Killed process of container {container}"
                self.cluster.record_event(self.service, replica, "Warning", "OOMKilling", message)
                lifecycle.restart(self.cluster, replica, OUT_OF_MEMORY)
