"""What redis_exporter exposes of a Redis server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...clock import SECOND, unix_s
from ...engine.keyspace import Keyspace
from ...engine.replica import SUM
from ..logs.redis import VERSION
from .page import MetricSpec, Page, Target, pod_target

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.replica import Replica

EXPORTER_PORT = 9121

REDIS_UP = MetricSpec(name="redis_up", help="Information about the Redis instance")
INSTANCE = MetricSpec(name="redis_instance_info", help="Information about the Redis instance")
MEMORY_USED = MetricSpec(name="redis_memory_used_bytes", help="memory_used_bytes metric")
MEMORY_DATASET = MetricSpec(name="redis_memory_used_dataset_bytes", help="memory_used_dataset_bytes metric")
MEMORY_MAX = MetricSpec(name="redis_memory_max_bytes", help="memory_max_bytes metric")
MAXMEMORY = MetricSpec(name="redis_config_maxmemory", help="config_maxmemory metric", detailed=False)
KEYS = MetricSpec(name="redis_db_keys", help="Total number of keys by DB")
KEYS_EXPIRING = MetricSpec(name="redis_db_keys_expiring", help="Total number of expiring keys by DB")
HITS = MetricSpec(name="redis_keyspace_hits", help="keyspace_hits_total metric", kind="counter")
MISSES = MetricSpec(name="redis_keyspace_misses", help="keyspace_misses_total metric", kind="counter")
EVICTED = MetricSpec(name="redis_evicted_keys", help="evicted_keys_total metric", kind="counter")
EXPIRED = MetricSpec(name="redis_expired_keys", help="expired_keys_total metric", kind="counter")
COMMANDS = MetricSpec(name="redis_commands", help="Total number of calls per command", kind="counter")
PROCESSED = MetricSpec(
    name="redis_commands_processed", help="commands_processed_total metric", kind="counter", detailed=False
)
REJECTED = MetricSpec(
    name="redis_commands_rejected_calls",
    help="Total number of errors within command execution per command",
    kind="counter",
)
ERRORS = MetricSpec(name="redis_errors", help="Total number of errors per error type", kind="counter")
START_TIME = MetricSpec(
    name="redis_start_time_seconds",
    help="Start time of the Redis instance since unix epoch in seconds.",
    detailed=False,
)
UPTIME = MetricSpec(name="redis_uptime_in_seconds", help="uptime_in_seconds metric")


def write(page: Page, cluster: Cluster, replica: Replica) -> None:
    """Everything that the exporter beside one server exposes."""
    keyspace = replica.service.keyspace
    assert keyspace is not None
    target = pod_target(page, replica, job="redis-exporter", port=EXPORTER_PORT, container="redis-exporter")
    if replica.alive:
        target.write(REDIS_UP, replica.ready)
    if replica.alive and replica.ready:
        _server(target, cluster, replica, keyspace)
        _keyspace(target, keyspace)
        _commands(target, cluster, replica, keyspace)
    target.close(up=replica.alive)


def _server(target: Target, cluster: Cluster, replica: Replica, keyspace: Keyspace) -> None:
    labels = {
        "role": "master",
        "redis_mode": "standalone",
        "redis_version": VERSION,
        "maxmemory_policy": keyspace.policy,
    }
    target.write(INSTANCE, 1, labels)
    target.write(START_TIME, unix_s(replica.started) // 1)
    target.write(UPTIME, (cluster.now - replica.started) // SECOND)


def _keyspace(target: Target, keyspace: Keyspace) -> None:
    db = {"db": "db0"}
    keys = len(keyspace.entries)
    target.write(MEMORY_USED, keyspace.used_bytes)
    target.write(MEMORY_DATASET, keys * keyspace.spec.entry_bytes)
    target.write(MEMORY_MAX, keyspace.maxmemory_bytes)
    target.write(MAXMEMORY, keyspace.maxmemory_bytes)
    target.write(KEYS, keys, db)
    target.write(KEYS_EXPIRING, keys - keyspace.foreign, db)
    target.write(HITS, keyspace.hits)
    target.write(MISSES, keyspace.misses)
    target.write(EVICTED, keyspace.evicted)
    target.write(EXPIRED, keyspace.expired)


def _commands(target: Target, cluster: Cluster, replica: Replica, keyspace: Keyspace) -> None:
    calls: dict[str, int] = {}
    for edge in cluster.edges:
        if edge.server == replica.service.name:
            command = edge.method.lower()
            calls[command] = calls.get(command, 0) + sum(replica.served[edge.slot][:SUM])
    for command in sorted(calls):
        target.write(COMMANDS, calls[command], {"cmd": command})
    target.write(PROCESSED, sum(calls.values()))
    # Whoever is refused, the clients of this cluster or a job of somebody else's, was writing.
    target.write(REJECTED, keyspace.refused, {"cmd": "set"})
    target.write(ERRORS, keyspace.refused, {"err": "OOM"})
