"""Changes that the database team makes."""

from __future__ import annotations

from ..clock import SECOND
from ..cluster import Cluster
from .remediation import Remediation

TEAM = "database-team"
POSTGRES = "postgres-db"
RAISED_MAX_CONNECTIONS = 200


def _increase_connections(cluster: Cluster) -> None:
    backends = cluster.service(POSTGRES).backends
    assert backends is not None
    backends.max_connections = RAISED_MAX_CONNECTIONS
    cluster.restart(POSTGRES)


def _fail_over(cluster: Cluster) -> None:
    """The standby takes over with the same settings and nothing in its buffers."""
    cluster.fail_over(POSTGRES)
    for replica in cluster.service(POSTGRES).replicas:
        cluster.slow_down(replica, 2.5, until=cluster.now + 90 * SECOND)


INCREASE_DB_CONNECTIONS = Remediation(
    name="increase_db_connections",
    team=TEAM,
    target=POSTGRES,
    duration_s=20,
    runbook=(
        f"Sets max_connections to {RAISED_MAX_CONNECTIONS}. The parameter cannot change in a running server: postgres "
        "restarts, every session is cut and clients reconnect."
    ),
    apply=_increase_connections,
)
RESTART_POSTGRES = Remediation(
    name="restart_postgres",
    team=TEAM,
    target=POSTGRES,
    duration_s=10,
    runbook="Fast shutdown and start with the same settings. Every session is cut.",
    apply=lambda cluster: cluster.restart(POSTGRES),
)
FAILOVER_POSTGRES = Remediation(
    name="failover_postgres",
    team=TEAM,
    target=POSTGRES,
    duration_s=30,
    runbook="Promotes the standby, which has the same settings and cold buffers. Every session is cut.",
    apply=_fail_over,
)
TERMINATE_IDLE = Remediation(
    name="terminate_idle_connections",
    team=TEAM,
    target=POSTGRES,
    duration_s=10,
    runbook="pg_terminate_backend on every idle session. The clients' pools open theirs again.",
    apply=lambda cluster: cluster.drop_idle_connections(POSTGRES),
)
CANCEL_LONG_QUERIES = Remediation(
    name="cancel_long_running_queries",
    team=TEAM,
    target=POSTGRES,
    duration_s=10,
    runbook="pg_cancel_backend on every query that has run for more than a second. Their callers get an error.",
    apply=lambda cluster: cluster.cancel_calls(POSTGRES, longer_than_s=1.0),
)
