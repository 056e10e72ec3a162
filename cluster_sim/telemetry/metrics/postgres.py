"""What postgres_exporter exposes of a PostgreSQL server."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from ...clock import SECOND
from ...engine.replica import SUM
from ...specs import USERS
from ..identity import database_name, database_role
from ..logs.postgres import relation, statement
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
SEQ_SCANS = MetricSpec(
    name="pg_stat_user_tables_seq_scan", help="Number of sequential scans initiated on this table", kind="unknown"
)
SEQ_ROWS = MetricSpec(
    name="pg_stat_user_tables_seq_tup_read",
    help="Number of live rows fetched by sequential scans",
    kind="unknown",
    detailed=False,
)
INDEX_SCANS = MetricSpec(
    name="pg_stat_user_tables_idx_scan", help="Number of index scans initiated on this table", kind="unknown"
)
LOCKS = MetricSpec(name="pg_locks_count", help="Number of locks", states=True)

LEDGER_ROWS = 2_400_000
"""Rows that a sequential scan reads (chosen)."""

LOCK_MODES = (
    "accessexclusivelock",
    "accesssharelock",
    "exclusivelock",
    "rowexclusivelock",
    "rowsharelock",
    "sharelock",
    "sharerowexclusivelock",
    "shareupdateexclusivelock",
    "sireadlock",
)


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
        _, _, failures, ready, waiting, scanned, locked = cast(
            tuple[str, int, Failures, bool, tuple[str, ...], tuple[str, ...], bool], key
        )
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
            for edge in self._scanned(scanned):
                labels = {
                    **server,
                    "datname": database_name(edge.client),
                    "schemaname": "public",
                    "relname": relation(edge.route),
                }
                layout.value(SEQ_SCANS, labels)
                layout.value(SEQ_ROWS, labels)
                layout.value(INDEX_SCANS, labels)
            for database in self.databases if locked else ():
                layout.states(LOCKS, "mode", LOCK_MODES, {**server, "datname": database})
        return layout.columns

    def _scanned(self, operations: tuple[str, ...]) -> list[Edge]:
        return [edge for edge in self.statements if edge.operation in operations]

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
        """Node, restarts, failures had, whether the server lets the exporter in, and what is special; and the values.

        The sessions are counted by database, the exporter's own among them. Special are the databases in which
        transactions may wait for others (of those the age of the oldest is shown), the queries that have been without
        an index, and whether tables have been locked.
        """
        replica = self.replica
        answers = replica.ready and not replica.sidecar.cut_off
        pools = {service.name: self._pools(service) for service in self.clients}
        waiting = tuple(
            database_name(client) for client, found in pools.items() if any(pool.transactions for pool in found)
        )
        indexes, locks = replica.service.indexes, replica.service.locks
        assert indexes is not None
        scanned = tuple(indexes.absences)
        key = (replica.node, replica.restarts, tuple(replica.failed), answers, waiting, scanned, bool(locks))
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
            for lock in locks.values():
                sessions[database_name(lock.client)][0] += lock.sessions + lock.orphans
            for active, idle, held in sessions.values():
                values += (active, 0, 0, idle, held, 0, active + idle + held)
            for service in self.clients:
                if database_name(service.name) in waiting:
                    begun = [pool.transactions.oldest(now) for pool in pools[service.name] if pool.transactions]
                    values.append(now - min(begun, default=now))
            for edge in self._scanned(scanned):
                scans = indexes.sequential_scans(edge.operation, edge.slot)
                values += (scans, scans * LEDGER_ROWS, sum(replica.served[edge.slot][:SUM]) - scans)
            if locks:
                values += self._locks()
        return key, reading

    def _locks(self) -> list[int]:
        """By database and mode, the locks that are had or waited for: one for each statement under way."""
        counts = {(database, mode): 0 for database in self.databases for mode in LOCK_MODES}
        for edge in self.statements:
            mode = "accesssharelock" if edge.method == "SELECT" else "rowexclusivelock"
            pools = [
                client.pools.get(edge.server) for s in self.clients if s.name == edge.client for client in s.replicas
            ]
            counts[database_name(edge.client), mode] += sum(pool.active for pool in pools if pool is not None)
        for lock in self.replica.service.locks.values():
            database = database_name(lock.client)
            counts[database, "accessexclusivelock"] += lock.exclusive
            counts[database, "accesssharelock"] += lock.sessions - lock.exclusive
        return list(counts.values())


def query_id(edge: Edge) -> str:
    """What stands for a statement's text: a signed 64-bit hash of it."""
    digest = blake2b(statement(edge).encode(), digest_size=8).digest()
    return str(int.from_bytes(digest, "big", signed=True))
