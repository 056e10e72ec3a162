"""Faults of memory."""

from __future__ import annotations

from simpy.events import Event

from ..clock import SECOND
from ..cluster import Cluster, key_rates
from ..engine.keyspace import EVICTING_POLICIES
from ..engine.service import Service
from .fault import Fault, Mechanism


class OrphanBatch(Event):
    """A batch job that writes keys without expiry, block after block, until its deadline; nobody reads them again.

    Attributes:
        blocks_per_tick: blocks of 64 KiB it writes in a twentieth of a second, while the store takes them.
        until: nanoseconds, its deadline.
    """

    _ok = True
    _value = None
    _defused = True

    TICK = SECOND // 20

    def __init__(self, cluster: Cluster, store: Service, blocks_per_tick: int, until: int) -> None:
        self.cluster = cluster
        self.store = store
        self.blocks_per_tick = blocks_per_tick
        self.until = until
        cluster.jobs.append(self)
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._write]
        self.cluster.sim.push(self.cluster.sim.now + self.TICK, self)

    def _write(self, _: Event) -> None:
        now = self.cluster.sim.now
        if now >= self.until:
            self.cluster.jobs.remove(self)
            return
        keyspace = self.store.keyspace
        assert keyspace is not None
        if self.store.ready:
            for _block in range(self.blocks_per_tick):
                if not keyspace.write_foreign(now):
                    break
        self._arm()


def working_set_bytes(cluster: Cluster) -> float:
    """Memory of the cache entries that are alive in the healthy steady state."""
    spec = cluster.service("redis-cache").spec.cache
    assert spec is not None
    alive = sum(rate * spec.ttl_s / (1 + rate * spec.ttl_s) for rate in key_rates(cluster.spec))
    return alive * spec.entry_bytes


def _run_batch(cluster: Cluster) -> None:
    # Memory is full after one to two minutes; the job goes on for longer than the entries live, and takes what
    # each one leaves.
    blocks = 1 + cluster.streams.bits("fault/blocks") % 2
    seconds = 260 + cluster.streams.bits("fault/length") % 60
    OrphanBatch(cluster, cluster.service("redis-cache"), blocks, cluster.now + seconds * SECOND)


def _missing_headroom(cluster: Cluster) -> float:
    """Share of the working set that has no room beside the keys that never expire."""
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    if keyspace.maxmemory_bytes > keyspace.memory_limit_bytes:
        return 2.0
    if cluster.jobs or keyspace.policy in EVICTING_POLICIES:
        return 1.0 if cluster.jobs else 0.0
    room = keyspace.maxmemory_bytes - keyspace.spec.base_bytes - keyspace.foreign_bytes
    needed = working_set_bytes(cluster)
    return max(0.0, needed - room) / needed


MAXMEMORY_ORPHAN_KEYS = Fault(
    name="redis_maxmemory_orphan_keys",
    service="redis-cache",
    mechanism=Mechanism.MEMORY_EXHAUSTION,
    team="infra-team",
    inject=_run_batch,
    distance=_missing_headroom,
    # Entries live 90 s: a cache that was warm for another reason is cold again after two lifetimes.
    hold_s=240.0,
)
