"""The kernel's memory limit: a process that goes over it is killed.

Fast-forward: a service whose processes stay below their limits whatever they answer is like any other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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


class MemoryWatch(Event, ABC):
    """Kills the processes of a service whose memory is above their containers' limit, once a second."""

    _ok = True
    _value = None
    _defused = True
    period = SECOND

    def __init__(self, cluster: Cluster, service: Service) -> None:
        self.cluster = cluster
        self.service = service
        self._arm()

    @property
    @abstractmethod
    def ahead(self) -> Ahead:
        """What it may do to a stretch computed at once."""

    @abstractmethod
    def _over(self) -> list[Replica]:
        """The processes that are above their limit."""

    def _arm(self) -> None:
        self.callbacks = [self._look]
        self.cluster.sim.push(self.cluster.sim.now + self.period, self)

    def _look(self, _: Event) -> None:
        self._arm()
        container = self.service.name.removesuffix("-service")
        message = f"Memory cgroup out of memory: Killed process of container {container}"
        for replica in self._over():
            self.cluster.record_event(self.service, replica, "Warning", "OOMKilling", message)
            lifecycle.restart(self.cluster, replica, OUT_OF_MEMORY)


class StoreMemory(MemoryWatch):
    """Watches a store, whose memory is what it keeps."""

    @property
    def ahead(self) -> Ahead:
        """Below its limit the store only loses expired keys here, as it does whenever it is written to or looked at."""
        keyspace = self.service.keyspace
        assert keyspace is not None
        within = max(keyspace.maxmemory_bytes, keyspace.used_bytes) <= keyspace.memory_limit_bytes
        return Ahead.IDLES if within else Ahead.BLOCKS

    def _over(self) -> list[Replica]:
        keyspace = self.service.keyspace
        assert keyspace is not None
        keyspace.sweep(self.cluster.sim.now)
        within = keyspace.used_bytes <= keyspace.memory_limit_bytes
        return [] if within else [replica for replica in self.service.replicas if replica.ready]


class ProcessMemory(MemoryWatch):
    """Watches an application, whose memory grows with its work and with what it leaks."""

    @property
    def ahead(self) -> Ahead:
        """Processes that do not leak stop growing below their limit."""
        return Ahead.IDLES if all(map(self._stays_below, self.service.replicas)) else Ahead.BLOCKS

    def _stays_below(self, replica: Replica) -> bool:
        memory = self.service.spec.memory
        assert memory is not None
        return replica.behaviour.leak_bytes == 0 and memory.full_bytes <= replica.memory_limit_bytes

    def _over(self) -> list[Replica]:
        growing = (it for it in self.service.replicas if it.alive and not self._stays_below(it))
        return [replica for replica in growing if replica.resident_bytes > replica.memory_limit_bytes]
