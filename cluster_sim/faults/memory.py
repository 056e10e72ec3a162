"""Faults of memory."""

from __future__ import annotations

from simpy.events import Event

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.keyspace import EVICTING_POLICIES
from ..engine.program import key_rates
from ..engine.service import Service
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick_whole


class OrphanBatch(Event):
    """A batch job that writes keys without expiry, block after block; nobody reads them again.

    When the store refuses its writes it tries again and again, and gives up after a while.

    Attributes:
        blocks: blocks of 64 KiB it writes at a time.
        retry: nanoseconds between its tries once it has been refused.
        patience: nanoseconds from the first refusal until it gives up.
        gives_up: nanoseconds, when it gives up; None while nothing has been refused yet.
    """

    _ok = True
    _value = None
    _defused = True

    PAUSE = SECOND // 20
    """Nanoseconds between its writes while it is not refused (chosen: 1 to 3 MB/s)."""

    def __init__(self, cluster: Cluster, store: Service, blocks: int, retry: int, patience: int) -> None:
        self.cluster = cluster
        self.store = store
        self.blocks = blocks
        self.retry = retry
        self.patience = patience
        self.gives_up: int | None = None
        cluster.jobs.append(self)
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._write]
        pause = self.PAUSE if self.gives_up is None else self.retry
        self.cluster.sim.push(self.cluster.sim.now + pause, self)

    def _write(self, _: Event) -> None:
        now = self.cluster.sim.now
        if self.gives_up is not None and now >= self.gives_up:
            self.cluster.jobs.remove(self)
            return
        keyspace = self.store.keyspace
        assert keyspace is not None
        if self.store.ready:
            for _block in range(self.blocks):
                if not keyspace.write_foreign(now):
                    self.gives_up = self.gives_up or now + self.patience
                    break
        self._arm()


def working_set_bytes(cluster: Cluster) -> float:
    """Memory of the cache entries that are alive in the healthy steady state."""
    spec = cluster.service("redis-cache").spec.cache
    assert spec is not None
    rates = key_rates(cluster.spec, cluster.workload.programs)
    alive = sum(rate * spec.ttl_s / (1 + rate * spec.ttl_s) for rate in rates)
    return alive * spec.entry_bytes


def _run_batch(cluster: Cluster) -> None:
    # Memory is full after one to two minutes. The job's patience is longer than the entries live, so it takes what
    # each one leaves; it tries more often than users' misses do, so it is mostly there first.
    store = cluster.service("redis-cache")
    assert store.keyspace is not None
    blocks = pick_whole(cluster, "blocks", 1, 2)
    patience = store.keyspace.ttl + pick_whole(cluster, "patience", 10, 19) * SECOND
    OrphanBatch(cluster, store, blocks, int(SECOND / cluster.spec.arrival_rate_hz / 5), patience)


def _missing_headroom(cluster: Cluster) -> float:
    """Share of the working set that has no room beside the keys that never expire."""
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    if keyspace.maxmemory_bytes > keyspace.memory_limit_bytes:
        return 2.0
    if keyspace.policy in EVICTING_POLICIES:
        return 0.0
    room = keyspace.maxmemory_bytes - keyspace.spec.base_bytes - keyspace.lasting_bytes
    needed = working_set_bytes(cluster)
    return max(0.0, needed - room) / needed


MAXMEMORY_ORPHAN_KEYS = Fault(
    name="redis_maxmemory_orphan_keys",
    service="redis-cache",
    mechanism=Mechanism.MEMORY_EXHAUSTION,
    triggered_by=Trigger.SCHEDULED_JOB,
    sustained_by=Sustained.ACCUMULATION,
    team="infra-team",
    inject=_run_batch,
    distance=_missing_headroom,
    # Entries live 90 s: a cache that was warm for another reason is cold again after two lifetimes.
    hold_s=240.0,
    family=Family.CACHE_MEMORY,
    story=(
        "A one-off batch job writes keys without expiry until redis is at maxmemory under noeviction, and gives up. "
        "Writes are refused from then on; entries lapse and cannot be written again, the hit ratio falls, and the "
        "database does the work of the cache. Redis itself logs nothing about it."
    ),
    evidence=(
        Evidence(
            service="redis-cache",
            shows="memory is full and flat, and most of the keys never expire",
            promql="redis_db_keys_expiring / redis_db_keys < 0.5\n"
            "and ignoring (db) abs(delta(redis_memory_used_bytes[2m])) < 0.02 * redis_memory_max_bytes",
        ),
        Evidence(
            service="inventory-service",
            shows="who writes the cache was not deployed lately",
            promql='changes(kube_deployment_metadata_generation{deployment="inventory-service"}[20m]) == 0',
        ),
    ),
    alerts=("HighLatencyP99", "RedisOutOfConfiguredMaxmemory"),
    repairs=(
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("set_redis_eviction_policy",),
        ("resize_redis_memory",),
    ),
    masks=(("restart_inventory_service",), ("raise_redis_maxmemory",), ("scale_out_inventory_service",)),
)
