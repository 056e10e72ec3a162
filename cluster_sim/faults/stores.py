"""Faults of the cache: what is written to it, by whom, and whether it can save."""

from __future__ import annotations

from dataclasses import replace

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.cache_keys import CacheKeys
from ..engine.keyspace import EVICTING_POLICIES, Keyspace
from ..engine.profile import Shape
from ..engine.release import Behaviour
from ..engine.saving import fill_volume
from ..engine.scan import PERIOD, Scan
from ..engine.watchers import Watcher
from ..specs import BackendSpec, ClusterSpec, Operation, PoolSpec, Work
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .memory import working_set_bytes
from .parameters import pick, pick_one, pick_profile, pick_whole
from .settings import All, Provisioned

REDIS, INVENTORY = "redis-cache", "inventory-service"
MIB = 1 << 20

_DEPLOYED = 'changes(kube_deployment_metadata_generation{deployment="inventory-service"}[20m]) > 0'
"""There was a deploy of inventory-service."""


def _keyspace(cluster: Cluster) -> Keyspace:
    keyspace = cluster.service(REDIS).keyspace
    assert keyspace is not None
    return keyspace


def _off_key(cluster: Cluster) -> int:
    """Deployments and pods of inventory-service that name cache entries otherwise than by their items."""
    service = cluster.service(INVENTORY)
    behaviours = [service.behaviour, *(replica.behaviour for replica in service.replicas)]
    return sum(behaviour.cache_keys is not None for behaviour in behaviours)


def _overcommitted(cluster: Cluster) -> bool:
    """Whether maxmemory is more than the container may use."""
    keyspace = _keyspace(cluster)
    return keyspace.maxmemory_bytes > keyspace.memory_limit_bytes


def _crowding(cluster: Cluster) -> float:
    """Share of the working set for which there is no room, or none that the container's limit allows."""
    keyspace = _keyspace(cluster)
    if _overcommitted(cluster):
        return 2.0
    if keyspace.policy in EVICTING_POLICIES:
        return 0.0
    room = keyspace.maxmemory_bytes - keyspace.spec.base_bytes - keyspace.lasting_bytes - keyspace.output_bytes
    needed = working_set_bytes(cluster)
    return max(0.0, needed - room) / needed


# ---------------------------------------------------------------- keys with a revision, and no expiry


def _drop_expiry(cluster: Cluster) -> None:
    revision_s = pick(cluster, "revision_s", 60, 95)
    cluster.deploy(INVENTORY, Behaviour(cache_keys=CacheKeys(revision_s=revision_s, expire=False)))


def _lasting(cluster: Cluster) -> float:
    return _off_key(cluster) + _crowding(cluster)


def _refill_s(cluster: Cluster) -> float:
    """Seconds in which a store that has just been flushed is full again, and a revision later cold."""
    keys = cluster.service(INVENTORY).behaviour.cache_keys
    if keys is None or keys.expire:
        return 0.0
    keyspace = _keyspace(cluster)
    slope = keyspace.population * keyspace.spec.entry_bytes / keys.revision_s
    return keyspace.maxmemory_bytes / slope + keys.revision_s


TTL_MISSING = Fault(
    name="redis_ttl_missing_release",
    service=INVENTORY,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.ACCUMULATION,
    team="inventory-team",
    inject=_drop_expiry,
    distance=_lasting,
    hold_s=300.0,
    relapse_s=_refill_s,
    family=Family.CACHE_MEMORY,
    story=(
        "A release of inventory-service puts an item's revision into its cache key and drops EX on SET, since an "
        "entry can no longer be stale. Every revision leaves the one before behind for ever, so memory grows steadily "
        "from the deploy on, until redis refuses all writes; then each new revision is a miss that cannot be cached. "
        "Without a flush the old keys stay when the release is gone; without a rollback memory is full again in a few "
        "minutes. A flush right before the rollback leaves some old keys behind, and room enough beside them."
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="most keys never expire, and inventory-service was deployed before",
            promql=f"redis_db_keys_expiring / redis_db_keys < 0.5\nand on () {_DEPLOYED}",
        ),
    ),
    alerts=("HighLatencyP99", "RedisOutOfConfiguredMaxmemory", "RedisRejectedCommands"),
    repairs=(
        ("rollback_inventory_service", "flush_redis_cache"),
        ("rollback_inventory_service", "flush_all_redis_keys"),
    ),
    masks=(
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("rollback_inventory_service",),
        ("set_redis_eviction_policy",),
        ("raise_redis_maxmemory",),
        ("resize_redis_memory",),
        ("restart_inventory_service",),
    ),
)

# ---------------------------------------------------------------- a client that does not read what it is sent


def _watch(cluster: Cluster) -> None:
    for number in range(pick_whole(cluster, "recorders", 1, 3)):
        Watcher(cluster, cluster.service(REDIS), number)


def _buffers(cluster: Cluster) -> float:
    """How many clients may have more waiting for them than there is room for, and what room is missing now."""
    keyspace = _keyspace(cluster)
    watchers = sum(isinstance(job, Watcher) and job.store.keyspace is keyspace for job in cluster.jobs)
    distance = _crowding(cluster)
    if not keyspace.monitoring:
        return distance + len(keyspace.watchers)
    room = keyspace.maxmemory_bytes - keyspace.spec.base_bytes - working_set_bytes(cluster)
    limit = keyspace.output_limit_bytes
    if limit is None or watchers * limit > room:
        distance += watchers
    return distance


OUTPUT_BUFFERS = Fault(
    name="redis_output_buffer_bloat",
    service=REDIS,
    mechanism=Mechanism.MEMORY_EXHAUSTION,
    triggered_by=Trigger.SCHEDULED_JOB,
    sustained_by=Sustained.ACCUMULATION,
    team="infra-team",
    inject=_watch,
    distance=_buffers,
    # From empty to full takes five minutes with one of them at the usual rate of writes.
    hold_s=480.0,
    family=Family.CACHE_MEMORY,
    story=(
        "Recorders of commands (MONITOR) are connected to redis and their own output is stuck. Every SET is "
        "repeated to each of them with its value and waits in their output buffers, which count as memory used. "
        "As entries lapse the buffers take their place until writes are refused though the keys are few. A recorder "
        "whose connection is lost comes back at once, so a restart of redis only begins it anew."
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="most of the memory in use is not the data set's",
            promql="redis_memory_used_bytes - redis_memory_used_dataset_bytes > 0.5 * redis_memory_max_bytes",
        ),
        Evidence(
            service=REDIS,
            shows="it waits for clients that do not read it",
            promql="redis_mem_clients_normal > 0.5 * redis_memory_max_bytes",
        ),
    ),
    alerts=("HighLatencyP99", "RedisOutOfConfiguredMaxmemory", "RedisRejectedCommands"),
    repairs=(("kill_redis_client",), ("set_client_output_buffer_limit",)),
    masks=(
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("restart_redis",),
        ("resize_redis_memory",),
        ("set_redis_eviction_policy",),
        ("raise_redis_maxmemory",),
        ("restart_inventory_service",),
    ),
)

# ---------------------------------------------------------------- keys that nobody asks for again


def _key_by_request(cluster: Cluster) -> None:
    operations = pick_one(cluster, "operations", ("browse", "all"))
    keys = CacheKeys(per_request=True, operations=() if operations == "all" else (operations,))
    cluster.deploy(INVENTORY, Behaviour(cache_keys=keys))


def _unread(cluster: Cluster) -> float:
    return float(_off_key(cluster)) + float(_overcommitted(cluster))


CACHE_KEY_BUG = Fault(
    name="cache_key_bug",
    service=INVENTORY,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="inventory-team",
    inject=_key_by_request,
    distance=_unread,
    hold_s=240.0,
    family=Family.CACHE_MEMORY,
    story=(
        "A release of inventory-service puts the id of the request into the cache key, so that no look-up ever finds "
        "what an earlier one has written. Memory fills within half a minute with entries that expire unread; under "
        "noeviction most writes are then refused, too, and the database does the work of the cache."
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="memory is full of keys that do expire",
            promql="redis_db_keys_expiring / redis_db_keys > 0.9\n"
            "and ignoring (db) redis_memory_used_dataset_bytes > 0.8 * redis_memory_max_bytes",
        ),
        Evidence(
            service=REDIS,
            shows="hardly a look-up hits, and yet many keys are written",
            promql="rate(redis_keyspace_hits_total[1m]) < 0.2 * rate(redis_keyspace_misses_total[1m])\n"
            "and rate(redis_expired_keys_total[2m]) > 8",
        ),
    ),
    alerts=("HighLatencyP99", "RedisLowHitRatio", "RedisOutOfConfiguredMaxmemory"),
    repairs=(("rollback_inventory_service",),),
    masks=(
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("raise_redis_maxmemory",),
        ("resize_redis_memory",),
        ("set_redis_eviction_policy",),
        ("restart_inventory_service",),
        ("scale_out_inventory_service",),
    ),
)

# ---------------------------------------------------------------- a volume without room for a save


def _fill_volume(cluster: Cluster) -> None:
    store = cluster.service(REDIS)
    # More than there is room for, so that no block is left.
    size = _keyspace(cluster).saves.volume_bytes
    growth = pick_profile(cluster, (Shape.STEP, Shape.RAMP))
    fill_volume(cluster, store, size, growth, int(pick(cluster, "first_save_s", 5, 120) * SECOND))


def _unsaved(cluster: Cluster) -> float:
    keyspace = _keyspace(cluster)
    saves = keyspace.saves
    roomy = saves.fits(max(keyspace.dataset_bytes, int(working_set_bytes(cluster))), cluster.now)
    return float(sum((saves.failed, not roomy, not saves.stop_writes, _overcommitted(cluster))))


MISCONF = Fault(
    name="redis_misconf_bgsave",
    service=REDIS,
    mechanism=Mechanism.DISK_FULL,
    triggered_by=Trigger.DATA_GROWTH,
    sustained_by=Sustained.ACCUMULATION,
    team="infra-team",
    inject=_fill_volume,
    distance=_unsaved,
    # A restarted server writes for the two minutes until its first save fails, and entries live for 90 s then.
    hold_s=360.0,
    family=Family.CACHE_MEMORY,
    story=(
        "Something else fills the volume that redis saves to. The next background save fails, and redis refuses all "
        "writes until one succeeds (stop-writes-on-bgsave-error); reads go on, and memory has room. Entries lapse and "
        "are not written again. The keys are copies of rows of the database: flushing them loses nothing but time, "
        "and a restarted server writes on until its first save."
    ),
    evidence=(
        Evidence(service=REDIS, shows="background saves fail for want of space", grep="Background saving error"),
        Evidence(
            service=REDIS,
            shows="writes are refused with MISCONF, not OOM",
            promql='increase(redis_errors_total{err="MISCONF"}[2m]) > 0',
        ),
    ),
    alerts=("HighLatencyP99", "RedisLowHitRatio", "RedisRejectedCommands"),
    repairs=(("clear_redis_volume",), ("expand_redis_volume",)),
    masks=(
        ("disable_stop_writes_on_bgsave_error",),
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("restart_redis",),
        ("raise_redis_maxmemory",),
        ("resize_redis_memory",),
        ("set_redis_eviction_policy",),
        ("restart_inventory_service",),
    ),
)

# ---------------------------------------------------------------- a cold cache that does not warm


def _heavier(operation: Operation, mean_s: float) -> Operation:
    """The same operation with queries that take so long for each item."""
    return replace(operation, steps=(Work(mean_s=mean_s, sigma=0.5, per_item=True),))


def _load_bearing(spec: ClusterSpec) -> ClusterSpec:
    """Without its cache the shop needs nearly three times what the database can do, and many queries may wait there."""
    operations = tuple(
        _heavier(operation, 0.12) if operation.name == "select_stock" else operation
        for operation in spec.service("postgres-db").operations
    )
    pools = {"postgres-db": PoolSpec(size=30, acquire_timeout_s=2.0)}
    provisioned = (
        Provisioned(REDIS, (("start_s", 20.0),)),
        Provisioned(INVENTORY, (("pools", pools),)),
        Provisioned("postgres-db", (("operations", operations), ("backends", BackendSpec(max_connections=150)))),
    )
    return All(provisioned)(spec)


def _empty_at_peak(cluster: Cluster) -> None:
    cluster.surge(pick(cluster, "peak_factor", 1.4, 1.7), pick(cluster, "peak_s", 90, 150))
    _keyspace(cluster).clear()
    cluster.restart(REDIS, "Error")


WARM = 0.6
"""Share of the usual entries with which the database copes with the rest (measured: it does from a half on)."""


def _coldness(cluster: Cluster) -> float:
    """Share of the entries that are missing for the cache to be warm."""
    keyspace = _keyspace(cluster)
    now = cluster.now
    alive = sum(key >= 0 and expires > now for key, expires in keyspace.entries.items())
    needed = WARM * working_set_bytes(cluster) / keyspace.spec.entry_bytes
    return max(0.0, needed - alive) / needed + float(_overcommitted(cluster))


STAMPEDE = Fault(
    name="cache_stampede",
    service=REDIS,
    mechanism=Mechanism.CACHE_STAMPEDE,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.FEEDBACK,
    team="infra-team",
    inject=_empty_at_peak,
    distance=_coldness,
    hold_s=300.0,
    family=Family.CACHE_MEMORY,
    setting=_load_bearing,
    story=(
        "Redis dies at a peak and comes back empty. So many queries wait in the database then that each of them is "
        "given up before it is answered; what is answered too late is not written to the cache, which therefore "
        "stays cold when the peak is long over, while the database works at its limit for nobody. Less traffic "
        "alone does not end it; what waits in the database has to go, too, by a restart of those who wait or by "
        "cancelling their queries. A restart of the database does that as well, and is enough on some days and not "
        "on others."
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="hardly a look-up hits, and no write has been refused",
            promql="rate(redis_keyspace_hits_total[1m]) < 0.5 * rate(redis_keyspace_misses_total[1m])\n"
            'and ignoring (cmd) redis_commands_rejected_calls_total{cmd="set"} == 0',
        ),
    ),
    alerts=("HighLatencyP99", "HighErrorRate", "RedisLowHitRatio"),
    repairs=(
        ("shed_load", "enable_request_coalescing", "admit_all_traffic"),
        ("shed_load", "cancel_long_running_queries", "admit_all_traffic"),
    ),
    masks=(
        ("flush_all_redis_keys",),
        ("flush_redis_cache",),
        ("restart_redis",),
        ("restart_inventory_service",),
        ("scale_out_inventory_service",),
        ("enable_request_coalescing",),
        ("shed_load", "admit_all_traffic"),
        ("shed_load",),
    ),
)

# ---------------------------------------------------------------- a command that goes over all keys


def _scan(cluster: Cluster) -> None:
    speed = pick(cluster, "mib_per_s", 3.0, 3.6) * MIB
    Scan(cluster, cluster.service(REDIS), speed, int(pick(cluster, "first_scan", 0, 1) * PERIOD))


def _scans(cluster: Cluster) -> float:
    return float(sum(isinstance(job, Scan) for job in cluster.jobs)) + float(_overcommitted(cluster))


KEYS_COMMAND = Fault(
    name="redis_keys_command",
    service=REDIS,
    mechanism=Mechanism.SLOW_QUERY,
    triggered_by=Trigger.SCHEDULED_JOB,
    sustained_by=Sustained.ONGOING_EVENT,
    team="infra-team",
    inject=_scan,
    distance=_scans,
    hold_s=240.0,
    family=Family.CACHE_MEMORY,
    story=(
        "A cron job that somebody has added runs a script in redis every minute, which goes over KEYS * and decodes "
        "every value. It takes seconds, in which the single thread serves nobody: look-ups time out in bursts, and the "
        "database gets more of them than it can do until the burst is worked off. (A few hundred keys alone would be "
        "listed in no time; it is the decoding of what they hold that takes long here.)"
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="the last slow command took more than a second",
            promql="redis_last_slow_execution_duration_seconds > 1",
        ),
        Evidence(service=REDIS, shows="a script ran for longer than five seconds", grep="Slow script detected"),
    ),
    alerts=("HighLatencyP99",),
    repairs=(("disable_keys_job",),),
    masks=(
        ("flush_all_redis_keys",),
        ("flush_redis_cache",),
        ("restart_redis",),
        ("resize_redis_memory",),
        ("set_redis_eviction_policy",),
        ("restart_inventory_service",),
    ),
)
