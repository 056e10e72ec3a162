"""What postgres_exporter exposes of a PostgreSQL server."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from ...clock import SECOND
from ...specs import USERS
from ..identity import database_name, database_role
from ..logs.postgres import statement
from .exporter import Failures, Key, PodExporter, Present, Reading, pod_layout
from .spec import Column, Layout, MetricSpec

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.pool import ConnectionPool
    from ...engine.replica import Replica
    from ...engine.service import Service

EXPORTER_PORT = 9187
MONITORING_DATABASE = "postgres"
STATES = (
    "active",
    "disabled",
    "fastpath function call",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
)

PG_UP = MetricSpec(
    name="pg_up",
    help="Whether the last scrape of metrics from PostgreSQL was able to connect to the server (1 for yes, 0 for no).",
)
SCRAPE_ERROR = MetricSpec(
    name="pg_exporter_last_scrape_error",
    help="Whether the last scrape of metrics from PostgreSQL resulted in an error (1 for error, 0 for success).",
    detailed=False,
)
ACTIVITY = MetricSpec(name="pg_stat_activity_count", help="number of connections in this state", states=True)
LONGEST_TRANSACTION = MetricSpec(
    name="pg_stat_activity_max_tx_duration", help="max duration in seconds any active transaction has been running"
)
MAX_CONNECTIONS = MetricSpec(
    name="pg_settings_max_connections", help="Sets the maximum number of concurrent connections."
)
RESERVED = MetricSpec(
    name="pg_settings_superuser_reserved_connections",
    help="Sets the number of connection slots reserved for superusers.",
)
NUMBACKENDS = MetricSpec(
    name="pg_stat_database_numbackends", help="Number of backends currently connected to this database."
)
COMMITS = MetricSpec(
    name="pg_stat_database_xact_commit",
    help="Number of transactions in this database that have been committed",
    kind="unknown",
)
ROLLBACKS = MetricSpec(
    name="pg_stat_database_xact_rollback",
    help="Number of transactions in this database that have been rolled back",
    kind="unknown",
)
STATEMENT_CALLS = MetricSpec(name="pg_stat_statements_calls", help="Number of times executed", kind="counter")
STATEMENT_SECONDS = MetricSpec(
    name="pg_stat_statements_seconds", help="Total time spent in the statement, in seconds", kind="counter"
)

STATEMENT_QUERY = MetricSpec(name="pg_stat_statements_query_id", help="SQL Query to queryid mapping")


class PostgresExporter(PodExporter):
    """The exporter beside one server; it has a connection of its own, from the slots kept for superusers."""

    job = container = "postgres-exporter"
    port = EXPORTER_PORT

    def __init__(self, replica: Replica, edges: list[Edge], services: list[Service]) -> None:
        super().__init__(replica, edges)
        self.clients = [service for service in services if replica.service.name in service.pools]
        self.databases = sorted({MONITORING_DATABASE, *(database_name(service.name) for service in self.clients)})
        self.statements = [edge for edge in edges if edge.client != USERS]

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        _, _, failures, ready, waiting = cast(tuple[str, int, Failures, bool, tuple[str, ...]], key)
        layout = pod_layout(len(self.replica.served), failures)
        layout.constant(PG_UP, value=float(ready))
        layout.constant(SCRAPE_ERROR, value=float(not ready))
        if ready:
            server = {"server": f"{self.replica.ip}:{self.replica.service.spec.port}"}
            layout.value(MAX_CONNECTIONS, server)
            layout.value(RESERVED, server)
            for database in self.databases:
                labels = {**server, "datname": database}
                layout.states(ACTIVITY, "state", STATES, labels)
                layout.value(NUMBACKENDS, labels)
            for database in waiting:
                labels = {**server, "datname": database, "state": "idle in transaction"}
                layout.value(LONGEST_TRANSACTION, labels, divisor=SECOND)
            self._statements(layout, failures, server)
        return layout.columns

    def _statements(self, layout: Layout, failures: Failures, server: dict[str, str]) -> None:
        commits: dict[str, list[int]] = {}
        rollbacks: dict[str, list[int]] = {}
        first_failure = len(self.replica.served)
        for edge in self.statements:
            database = database_name(edge.client)
            labels = {**server, "datname": database, "user": database_role(edge.client), "queryid": query_id(edge)}
            layout.constant(STATEMENT_QUERY, {**server, "queryid": query_id(edge), "query": statement(edge)})
            layout.count(STATEMENT_CALLS, (edge.slot,), labels)
            layout.again(STATEMENT_SECONDS, edge.slot, labels, divisor=SECOND)
            commits.setdefault(database, []).append(edge.slot)
            failed = rollbacks.setdefault(database, [])
            failed += [i for i, (slot, _) in enumerate(failures, first_failure) if slot == edge.slot]
        for database in sorted(commits):
            layout.count(COMMITS, tuple(commits[database]), {**server, "datname": database})
            layout.count(ROLLBACKS, tuple(rollbacks[database]), {**server, "datname": database})

    def catch_up(self, present: Present) -> None:
        """It reads the sessions of all clients, too."""
        super().catch_up(present)
        for service in self.clients:
            for client in service.replicas:
                present.connections(client)

    def _pools(self, client: Service) -> list[ConnectionPool]:
        """The pools of a client's pods that are filled from this server."""
        name = self.replica.service.name
        return [replica.pools[name] for replica in client.replicas if name in replica.pools]

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """Node, restarts, failures had, whether the server lets the exporter in; and the values while the pod runs.

        The sessions are counted by database, the exporter's own among them. The key ends with the databases in which
        transactions may wait for others; of those the age of the oldest is shown.
        """
        replica = self.replica
        answers = replica.ready and not replica.sidecar.cut_off
        pools = {service.name: self._pools(service) for service in self.clients}
        waiting = tuple(
            database_name(client) for client, found in pools.items() if any(pool.transactions for pool in found)
        )
        key = (replica.node, replica.restarts, tuple(replica.failed), answers, waiting)
        if replica.sidecar.hung or not replica.alive:
            return key, None
        reading = self.histograms()
        if answers:
            values = reading.values
            backends = replica.service.backends
            assert backends is not None
            values += (backends.max_connections, backends.superuser_reserved)
            sessions = {database: [0, 0, 0] for database in self.databases}
            sessions[MONITORING_DATABASE][0] = backends.monitoring
            for service in self.clients:
                counts = sessions[database_name(service.name)]
                for pool in pools[service.name]:
                    leaked = unnoticed = held = 0
                    if pool.leak is not None:
                        leaked, unnoticed = pool.leak.sessions, len(pool.leak.missing)
                    if pool.transactions is not None:
                        held = len(pool.transactions.waiting)
                    counts[0] += pool.active - unnoticed - held
                    counts[1] += pool.idle + leaked
                    counts[2] += held
            for active, idle, held in sessions.values():
                values += (active, 0, 0, idle, held, 0, active + idle + held)
            for service in self.clients:
                if database_name(service.name) in waiting:
                    begun = [pool.transactions.oldest(now) for pool in pools[service.name] if pool.transactions]
                    values.append(now - min(begun, default=now))
        return key, reading


def query_id(edge: Edge) -> str:
    """What stands for a statement's text: a signed 64-bit hash of it."""
    digest = blake2b(statement(edge).encode(), digest_size=8).digest()
    return str(int.from_bytes(digest, "big", signed=True))
