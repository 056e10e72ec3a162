"""What redis_exporter exposes of a Redis server."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...clock import SECOND
from ...engine.failures import Failure
from ..logs.redis import VERSION
from .exporter import Failures, Key, PodExporter, Present, Reading, pod_layout
from .spec import Column, MetricSpec

if TYPE_CHECKING:
    from ...engine.admission import Admission

EXPORTER_PORT = 9121
EXPORTERS = 1
"""Connections of the exporter while it asks."""

REDIS_UP = MetricSpec(name="redis_up", help="Information about the Redis instance")
SCRAPE_ERROR = MetricSpec(name="redis_exporter_last_scrape_error", help="The last scrape error status.", detailed=False)
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
CONNECTED = MetricSpec(name="redis_connected_clients", help="connected_clients metric")
MAXCLIENTS = MetricSpec(name="redis_config_maxclients", help="config_maxclients metric", detailed=False)
RECEIVED = MetricSpec(
    name="redis_connections_received", help="connections_received_total metric", kind="counter", detailed=False
)
REJECTED_CONNECTIONS = MetricSpec(
    name="redis_rejected_connections", help="rejected_connections_total metric", kind="counter"
)
START_TIME = MetricSpec(
    name="redis_start_time_seconds",
    help="Start time of the Redis instance since unix epoch in seconds.",
    detailed=False,
)
UPTIME = MetricSpec(name="redis_uptime_in_seconds", help="uptime_in_seconds metric")


REFUSALS = {
    Failure.STORE_WRONG_PASSWORD: "WRONGPASS invalid username-password pair or user is disabled.",
    Failure.STORE_MAX_CLIENTS: "ERR max number of clients reached",
}
"""What the server answers to a connection that it does not want."""


class RedisExporter(PodExporter):
    """The exporter beside one server."""

    job = container = "redis-exporter"
    port = EXPORTER_PORT

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        _, _, failures, error, policy, strangers = cast(tuple[str, int, Failures, str, str, bool], key)
        layout = pod_layout(len(self.replica.served), failures)
        layout.constant(REDIS_UP, value=float(not error))
        layout.constant(SCRAPE_ERROR, {"err": error}, value=float(bool(error)))
        if not error:
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
            for spec in (HITS, MISSES, EVICTED, EXPIRED, CONNECTED, MAXCLIENTS, RECEIVED, REJECTED_CONNECTIONS):
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
            layout.again(ERRORS, refused, {"err": "OOM"})
            if strangers:  # a server lists the errors it has had
                layout.value(ERRORS, {"err": "WRONGPASS"})
        return layout.columns

    def catch_up(self, present: Present) -> None:
        """It reads the store, too."""
        super().catch_up(present)
        present.keys(self.replica.service)

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """Node, restarts, failures had, why the server does not answer, policy, strangers had; and the values.

        Where the server does not answer there are few values; where the exporter does not, there are none.
        """
        replica = self.replica
        keyspace, admission = replica.service.keyspace, replica.service.admission
        assert keyspace is not None
        assert admission is not None
        error = self._error(admission)
        strangers = admission.strangers > 0
        key = (replica.node, replica.restarts, tuple(replica.failed), error, keyspace.policy, strangers)
        if replica.sidecar.hung:
            return key, None
        reading = self.histograms()
        if not error:
            keys = len(keyspace.entries)
            reading.values.extend(
                (
                    replica.started // SECOND,
                    (now - replica.started) // SECOND,
                    keyspace.used_bytes,
                    keys * keyspace.spec.entry_bytes,
                    keyspace.maxmemory_bytes,
                    keys,
                    keys - keyspace.foreign,
                    keyspace.hits,
                    keyspace.misses,
                    keyspace.evicted,
                    keyspace.expired,
                    admission.connections + EXPORTERS,
                    admission.maxclients,
                    admission.received,
                    admission.rejected,
                    keyspace.refused,
                )
            )
            if strangers:
                reading.values.append(admission.strangers)
        return key, reading

    def _error(self, admission: Admission) -> str:
        """What the exporter is told when it connects; empty if it is let in."""
        replica = self.replica
        dial = f"dial tcp {replica.ip}:{replica.service.spec.port}: "
        if replica.sidecar.cut_off:
            return dial + "i/o timeout"
        if not replica.ready:
            return dial + "connect: connection refused"
        refusal = admission.refusal()
        return REFUSALS[refusal] if refusal is not None else ""
