"""What postgres_exporter exposes of a PostgreSQL server."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from ...clock import SECOND
from ...engine.replica import SUM
from ...specs import USERS
from ..identity import database_name, database_role
from ..logs.postgres import statement
from .page import MetricSpec, Page, Target, pod_target

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.edge import Edge
    from ...engine.pool import Backends
    from ...engine.replica import Replica

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


def write(page: Page, cluster: Cluster, replica: Replica) -> None:
    """Everything that the exporter beside one server exposes."""
    backends = replica.service.backends
    assert backends is not None
    target = pod_target(page, replica, job="postgres-exporter", port=EXPORTER_PORT, container="postgres-exporter")
    server = {"server": f"{replica.ip}:{replica.service.spec.port}"}
    if replica.alive:
        target.write(PG_UP, replica.ready)
        target.write(SCRAPE_ERROR, not replica.ready)
    if replica.alive and replica.ready:
        _settings(target, server, backends)
        _activity(target, server, cluster, replica, backends)
        _statements(target, server, cluster, replica)
    target.close(up=replica.alive)


def _settings(target: Target, server: dict[str, str], backends: Backends) -> None:
    target.write(MAX_CONNECTIONS, backends.max_connections, server)
    target.write(RESERVED, backends.superuser_reserved, server)


def _activity(target: Target, server: dict[str, str], cluster: Cluster, replica: Replica, backends: Backends) -> None:
    """Sessions by database: those of the clients' pools, and the exporter's own, which is running this query."""
    active: dict[str, int] = {MONITORING_DATABASE: backends.monitoring}
    idle: dict[str, int] = {MONITORING_DATABASE: 0}
    for service in cluster.services.values():
        for client in service.replicas:
            for pool in client.pools.values():
                if pool.server is replica.service:
                    database = database_name(service.name)
                    active[database] = active.get(database, 0) + pool.active
                    idle[database] = idle.get(database, 0) + pool.idle
    for database in sorted(active):
        counts = {"active": active[database], "idle": idle[database]}
        states = ((state, counts.get(state, 0)) for state in STATES)
        target.write_states(ACTIVITY, "state", states, {**server, "datname": database})
        target.write(NUMBACKENDS, active[database] + idle[database], {**server, "datname": database})


def _statements(target: Target, server: dict[str, str], cluster: Cluster, replica: Replica) -> None:
    commits: dict[str, int] = {}
    rollbacks: dict[str, int] = {}
    for edge in cluster.edges:
        if edge.server != replica.service.name or edge.client == USERS:
            continue
        database = database_name(edge.client)
        calls, failed, nanoseconds = statement_totals(replica, edge)
        commits[database] = commits.get(database, 0) + calls
        rollbacks[database] = rollbacks.get(database, 0) + failed
        labels = {
            **server,
            "datname": database,
            "user": database_role(edge.client),
            "queryid": query_id(edge),
        }
        query = {**server, "queryid": query_id(edge), "query": statement(edge)}
        target.write(STATEMENT_QUERY, 1, query)
        target.write(STATEMENT_CALLS, calls, labels)
        target.write(STATEMENT_SECONDS, nanoseconds / SECOND, labels)
    for database in sorted(commits):
        target.write(COMMITS, commits[database], {**server, "datname": database})
        target.write(ROLLBACKS, rollbacks[database], {**server, "datname": database})


def statement_totals(replica: Replica, edge: Edge) -> tuple[int, int, int]:
    """Executions of a statement that succeeded and that failed, and the nanoseconds that the former took."""
    histogram = replica.served[edge.slot]
    failed = sum(sum(h[:SUM]) for (slot, _), h in replica.failed.items() if slot == edge.slot)
    return sum(histogram[:SUM]), failed, histogram[SUM]


def query_id(edge: Edge) -> str:
    """What stands for a statement's text: a signed 64-bit hash of it."""
    digest = blake2b(statement(edge).encode(), digest_size=8).digest()
    return str(int.from_bytes(digest, "big", signed=True))
