"""What redis_exporter exposes of a Redis server."""

from __future__ import annotations

from typing import cast

from ...clock import SECOND
from ..logs.redis import VERSION
from .exporter import Failures, Key, PodExporter, Present, Reading, pod_layout
from .spec import Column, MetricSpec

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
MEM_CLIENTS = MetricSpec(name="redis_mem_clients_normal", help="mem_clients_normal metric")
MAX_OUTPUT = MetricSpec(
    name="redis_client_recent_max_output_buffer_bytes", help="client_recent_max_output_buffer_bytes metric"
)
DURATION = MetricSpec(
    name="redis_commands_duration_seconds", help="Total amount of time in seconds spent per command", kind="counter"
)
SLOWLOG = MetricSpec(name="redis_slowlog_last_id", help="Last id of slowlog")
LAST_SLOW = MetricSpec(
    name="redis_last_slow_execution_duration_seconds", help="The amount of time needed for last slow execution"
)
BGSAVE_STATUS = MetricSpec(name="redis_rdb_last_bgsave_status", help="rdb_last_bgsave_status metric")
START_TIME = MetricSpec(
    name="redis_start_time_seconds",
    help="Start time of the Redis instance since unix epoch in seconds.",
    detailed=False,
)
UPTIME = MetricSpec(name="redis_uptime_in_seconds", help="uptime_in_seconds metric")


class RedisExporter(PodExporter):
    """The exporter beside one server."""

    job = container = "redis-exporter"
    port = EXPORTER_PORT

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        _, _, failures, ready, policy, watched, tried, scanned = cast(
            tuple[str, int, Failures, bool, str, bool, bool, bool], key
        )
        layout = pod_layout(len(self.replica.served), failures)
        layout.constant(REDIS_UP, value=float(ready))
        if ready:
            role = {"role": "master", "redis_mode": "standalone", "redis_version": VERSION, "maxmemory_policy": policy}
            layout.constant(INSTANCE, role)
            layout.value(START_TIME, since_epoch=True)
            layout.value(UPTIME)
            memory = layout.values
            for spec in (MEMORY_USED, MEMORY_DATASET, MEMORY_MAX):
                layout.value(spec)
            layout.again(MAXMEMORY, memory + 2)
            layout.value(KEYS, {"db": "db0"})
            layout.value(KEYS_EXPIRING, {"db": "db0"})
            for spec in (HITS, MISSES, EVICTED, EXPIRED):
                layout.value(spec)
            calls: dict[str, list[int]] = {}
            for edge in self.edges:
                calls.setdefault(edge.method.lower(), []).append(edge.slot)
            for command in sorted(calls):
                layout.count(COMMANDS, tuple(calls[command]), {"cmd": command})
            layout.count(PROCESSED, tuple(edge.slot for edge in self.edges))
            # Whoever is refused, the clients of this cluster or a job of somebody else's, was writing.
            refused = layout.values
            layout.value(REJECTED, {"cmd": "set"})
            if tried:
                layout.value(ERRORS, {"err": "OOM"})
                layout.value(ERRORS, {"err": "MISCONF"})
                layout.value(BGSAVE_STATUS)
            else:
                layout.again(ERRORS, refused, {"err": "OOM"})
            if watched:
                layout.value(MEM_CLIENTS)
                layout.value(MAX_OUTPUT)
            if scanned:
                layout.value(COMMANDS, {"cmd": "eval"})
                layout.value(DURATION, {"cmd": "eval"}, divisor=SECOND)
                layout.value(SLOWLOG)
                layout.value(LAST_SLOW, divisor=SECOND)
        return layout.columns

    def catch_up(self, present: Present) -> None:
        """It reads the store, too."""
        super().catch_up(present)
        present.keys(self.replica.service)

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """Node, restarts, failures had, whether the server answers, policy; and the values while the pod runs.

        What is always the same in a store that nobody watches or scans and that can save is left out.
        """
        replica = self.replica
        keyspace = replica.service.keyspace
        assert keyspace is not None
        watched, saves = keyspace.watched, keyspace.saves
        kinds = tuple(replica.failed)
        special = (watched, saves.tried, keyspace.scans > 0)
        key = (replica.node, replica.restarts, kinds, replica.ready, keyspace.policy, *special)
        if not replica.alive:
            return key, None
        reading = self.histograms()
        if replica.ready:
            keys = len(keyspace.entries)
            reading.values.extend(
                (
                    replica.started // SECOND,
                    (now - replica.started) // SECOND,
                    keyspace.used_bytes,
                    keys * keyspace.spec.entry_bytes,
                    keyspace.maxmemory_bytes,
                    keys,
                    keys - keyspace.lasting,
                    keyspace.hits,
                    keyspace.misses,
                    keyspace.evicted,
                    keyspace.expired,
                    keyspace.refused + keyspace.unsaved,
                )
            )
            if saves.tried:
                reading.values.extend((keyspace.refused, keyspace.unsaved, not saves.failed))
            if watched:
                pending = [watcher.pending_bytes for watcher in keyspace.watchers]
                reading.values.extend((sum(pending), max(pending, default=0)))
            if keyspace.scans:
                reading.values.extend((keyspace.scans, keyspace.scanned, keyspace.scans - 1, keyspace.last_scan))
        return key, reading
