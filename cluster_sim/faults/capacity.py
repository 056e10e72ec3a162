"""Faults of limits that legitimate demand outgrows."""

from __future__ import annotations

from ..cluster import Cluster
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick_whole


def wanted_connections(cluster: Cluster) -> int:
    """Connections to the database that all clients' pools are configured to hold, and the exporter's."""
    backends = cluster.service("postgres-db").backends
    assert backends is not None
    return backends.monitoring + sum(
        pool.size
        for service in cluster.services.values()
        for replica in service.replicas
        for pool in replica.pools.values()
        if pool.server.backends is backends
    )


def _scale_out_payment(cluster: Cluster) -> None:
    # A fixed pool per pod: seven or eight pods want 105 or 120 connections, on top of inventory's 30.
    replicas = pick_whole(cluster, "replicas", 7, 8)
    cluster.scale("payment-service", replicas, pace_s=6.0)


def _excess_connections(cluster: Cluster) -> float:
    backends = cluster.service("postgres-db").backends
    assert backends is not None
    return float(max(0, wanted_connections(cluster) - backends.admitted))


MAX_CONNECTIONS_UNDERSIZED = Fault(
    name="pg_max_connections_undersized",
    service="postgres-db",
    mechanism=Mechanism.CONNECTION_LIMIT,
    triggered_by=Trigger.SCALING,
    sustained_by=Sustained.STANDING_STATE,
    team="database-team",
    inject=_scale_out_payment,
    distance=_excess_connections,
    # Pools that were refused try again within 10 s, so a mask that only frees slots relapses in less than a minute.
    hold_s=180.0,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "payment-service is scaled out to seven or eight pods, each with a fixed pool of 15 connections: together they "
        "want more than postgres admits (max_connections 100, three of them reserved). Demand is legitimate and the "
        "limit is wrong. The pods that start last get no connections, and their requests wait in vain."
    ),
    evidence=(
        Evidence(
            service="payment-service",
            shows="more pods of payment-service than usual, each with its own pool",
            promql='count(hikaricp_connections_max{service="payment-service"}) >= 7',
        ),
        Evidence(
            service="postgres-db",
            shows="no slot is left, nearly all sessions are idle, and the clients' pools know of each of them",
            promql='sum(pg_stat_activity_count{state="idle"}) > 85'
            ' and sum(pg_stat_activity_count{state="idle"}) - sum(hikaricp_connections_idle)'
            ' - sum(db_client_connection_count{db_client_connection_state="idle"}) < 10',
        ),
    ),
    alerts=("HighErrorRate", "PostgresqlTooManyConnections"),
    repairs=(("increase_db_connections",), ("reduce_payment_pool_size",), ("scale_in_payment_service",)),
    masks=(
        ("restart_payment_service",),
        ("restart_postgres",),
        ("increase_payment_pool_size",),
        ("terminate_idle_connections",),
    ),
)
