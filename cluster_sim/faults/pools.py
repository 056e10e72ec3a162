"""Faults of connections that are leaked, held or all opened at once."""

from __future__ import annotations

from dataclasses import replace

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.handshake import Authentication, EagerFiller
from ..engine.pool import Backends, ConnectionPool
from ..engine.profile import Profile, Shape
from ..engine.release import Behaviour
from ..engine.replica import Replica
from ..specs import EagerSpec
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one

POSTGRES = "postgres-db"
PAYMENT = "payment-service"
PROVIDER = "psp"


def _backends(cluster: Cluster) -> Backends:
    backends = cluster.service(POSTGRES).backends
    assert backends is not None
    return backends


def _payment_pools(cluster: Cluster) -> list[ConnectionPool]:
    return [pool for replica in cluster.service(PAYMENT).replicas for pool in replica.pools.values()]


def _payments_hz(cluster: Cluster) -> float:
    """Payments per second that users ask for, by themselves or by checking out."""
    total = sum(endpoint.share for endpoint in cluster.spec.endpoints)
    paying = sum(endpoint.share for endpoint in cluster.spec.endpoints if endpoint.name in ("pay", "checkout"))
    return cluster.spec.arrival_rate_hz * paying / total


# ---------------------------------------------------------------- connections that are not given back


def _release_leak(cluster: Cluster) -> None:
    share = pick(cluster, "leaked_share", 0.06, 0.12)
    cluster.deploy(PAYMENT, Behaviour(leaked_connections=share))


def _leaking(cluster: Cluster) -> float:
    payment = cluster.service(PAYMENT)
    return max(payment.behaviour.leaked_connections, *(r.behaviour.leaked_connections for r in payment.replicas), 0.0)


def _time_to_leak(cluster: Cluster) -> float:
    """Seconds until the slots that are free and then the connections of all pools have leaked away."""
    leaking = _leaking(cluster)
    if not leaking:
        return 0.0
    backends = _backends(cluster)
    free = max(backends.admitted - backends.used, 0) + sum(pool.open for pool in _payment_pools(cluster))
    return free / (leaking * _payments_hz(cluster)) + 60.0


CONNECTION_LEAK = Fault(
    name="pg_connection_leak",
    service=PAYMENT,
    mechanism=Mechanism.CONNECTION_LEAK,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.ACCUMULATION,
    team="payments-team",
    inject=_release_leak,
    distance=_leaking,
    hold_s=240.0,
    relapse_s=_time_to_leak,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "A release of payment-service does not give connections back on its error path, six to twelve in a hundred "
        "payments. Its pool reports each as leaked and opens another one in its place; the session stays open and idle "
        "at the server. So sessions that no pool knows of pile up until postgres admits nobody, the pools shrink with "
        "every further leak, and requests wait for a connection in vain. More room delays that, a restart of either "
        "side starts it afresh."
    ),
    evidence=(
        Evidence(
            service=POSTGRES,
            shows="more sessions of payment-service at the server than its pools hold, and more and more of them idle",
            promql='sum(pg_stat_activity_count{datname="payments", state="idle"})'
            ' - sum(hikaricp_connections_idle{service="payment-service"}) > 20',
        ),
        Evidence(
            service=PAYMENT,
            shows="HikariCP reports connections that were not given back",
            grep="Apparent connection leak detected",
        ),
    ),
    alerts=("HighErrorRate", "PostgresqlTooManyConnections", "ConnectionPoolTimeouts"),
    repairs=(("rollback_payment_service",),),
    masks=(
        ("increase_db_connections",),
        ("restart_payment_service",),
        ("restart_postgres",),
        ("terminate_idle_connections",),
        ("reduce_payment_pool_size",),
    ),
)


# ---------------------------------------------------------------- transactions around a call to the provider

POOL_OF_THE_RELEASE = 17
"""Connections per pod: the release, which needs more of them, brings a larger pool."""


def _release_long_transactions(cluster: Cluster) -> None:
    cluster.deploy(PAYMENT, Behaviour(waits_in_transactions=True))
    payment = cluster.service(PAYMENT)
    payment.pools[POSTGRES] = replace(payment.pools[POSTGRES], size=POOL_OF_THE_RELEASE)
    lost = pick(cluster, "psp_lost", 0.08, 0.11)
    # So many sessions would wait at a time if there were no end of connections: more than there are, 51.
    waiting = pick(cluster, "waiting_sessions", 76.0, 90.0)
    cluster.chosen["psp_lost_for_s"] = round(waiting / (lost * _payments_hz(cluster)), 1)
    pick_one(cluster, "onset_shape", (Shape.STEP, Shape.RAMP))
    _provider_ails(cluster)


def _provider_ails(cluster: Cluster) -> None:
    chosen = cluster.chosen
    profile = Profile(start=cluster.now, shape=Shape(str(chosen["onset_shape"])), rise=60 * SECOND)
    lost, lost_for_s = float(str(chosen["psp_lost"])), float(str(chosen["psp_lost_for_s"]))
    cluster.externals[PROVIDER].degrade(profile, lost=lost, lost_for_s=lost_for_s)


def _waiting_in_transactions(cluster: Cluster) -> list[Replica]:
    return [replica for replica in cluster.service(PAYMENT).replicas if replica.behaviour.waits_in_transactions]


def _long_transactions(cluster: Cluster) -> float:
    return float(len(_waiting_in_transactions(cluster)) + cluster.service(PAYMENT).behaviour.waits_in_transactions)


def _time_to_hold(cluster: Cluster) -> float:
    """Seconds until every connection of payment-service waits for the provider, and two minutes of that."""
    provider = cluster.externals[PROVIDER]
    if not _long_transactions(cluster) or not provider.lost:
        return 0.0
    free = sum(pool.size - len(pool.transactions.waiting) for pool in _payment_pools(cluster) if pool.transactions)
    return max(free, 0) / (provider.lost * _payments_hz(cluster)) + 120.0


IDLE_IN_TRANSACTION = Fault(
    name="pg_idle_in_transaction",
    service=PAYMENT,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.THIRD_PARTY,
    sustained_by=Sustained.ACCUMULATION,
    team="payments-team",
    inject=_release_long_transactions,
    distance=_long_transactions,
    hold_s=240.0,
    relapse_s=_time_to_hold,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "A release of payment-service, with a pool of 17 instead of 15, asks the payment provider within the database "
        "transaction and with no timeout. Now that one attempt in ten to connect to the provider gets no answer, for "
        "two minutes each, such payments hold a connection that idles in its transaction, until all 51 do and others "
        "wait for one in vain. The release before tries anew after half a second and holds nothing meanwhile. (A "
        "provider that is merely slow would have to be so slow that no payment is in time, whatever is done here.)"
    ),
    evidence=(
        Evidence(
            service=POSTGRES,
            shows="most sessions of payment-service are idle in a transaction",
            promql='sum(pg_stat_activity_count{datname="payments", state="idle in transaction"}) > 25',
        ),
    ),
    alerts=("HighErrorRate", "PostgresqlTooManyConnections", "ConnectionPoolTimeouts"),
    repairs=(
        ("move_psp_call_out_of_transaction",),
        ("set_idle_in_transaction_timeout", "move_psp_call_out_of_transaction"),
        ("rollback_payment_service",),
    ),
    masks=(
        ("increase_db_connections",),
        ("set_idle_in_transaction_timeout",),
        ("set_idle_in_transaction_timeout", "terminate_backends"),
        ("terminate_backends",),
        ("terminate_idle_connections",),
        ("restart_payment_service",),
        ("restart_postgres",),
    ),
    trigger=_provider_ails,
)


# ---------------------------------------------------------------- everybody connects at once


def _clients(cluster: Cluster) -> list[ConnectionPool]:
    pools = (p for service in cluster.services.values() for r in service.replicas for p in r.pools.values())
    return [pool for pool in pools if pool.server.name == POSTGRES]


def _restart_under_eager_clients(cluster: Cluster) -> None:
    cost_s = pick(cluster, "handshake_cost_s", 0.14, 0.2)
    eager = EagerSpec(
        timeout_s=pick(cluster, "connect_timeout_s", 0.8, 1.2), pause_s=pick(cluster, "reconnect_pause_s", 0.5, 0.8)
    )
    postgres = cluster.service(POSTGRES)
    _backends(cluster).authentication = Authentication(postgres, cost_s)
    for service in cluster.services.values():
        if POSTGRES in service.pools:
            service.pools[POSTGRES] = replace(service.pools[POSTGRES], eager=eager)
    for pool in _clients(cluster):
        pool.open_eagerly(eager)
    _restart(cluster)


def _restart(cluster: Cluster) -> None:
    cluster.restart(POSTGRES)


def _unchecked_clients(cluster: Cluster) -> float:
    """Pools that open all their connections at once, while the server lets all of them in at once."""
    authentication = _backends(cluster).authentication
    if authentication is None:
        return 0.0
    eager = [pool.filler for pool in _clients(cluster) if isinstance(pool.filler, EagerFiller)]
    if authentication.limit is not None:
        longest = authentication.limit * authentication.work / cluster.service(POSTGRES).workers
        eager = [filler for filler in eager if filler.timeout <= longest]
    templates = [s.pools[POSTGRES] for s in cluster.services.values() if POSTGRES in s.pools]
    waiting = authentication.limit is None and any(template.eager is not None for template in templates)
    return float(len(eager) + waiting)


CONNECTION_STORM = Fault(
    name="pg_connection_storm",
    service=POSTGRES,
    mechanism=Mechanism.RETRY_STORM,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.FEEDBACK,
    team="database-team",
    inject=_restart_under_eager_clients,
    distance=_unchecked_clients,
    hold_s=240.0,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "postgres restarts. Its clients open all their connections at once, give each attempt up after a second or so "
        "and try again after a short pause that never grows. Checking a password costs the server more of its cores "
        "than that leaves: it works on handshakes whose clients have gone, while the next ones queue, and nobody gets "
        "in. Beyond twice max_connections it refuses newcomers (`sorry, too many clients already`), though hardly any "
        "session is open. Another restart, whatever for, begins it anew."
    ),
    evidence=(
        Evidence(
            service=POSTGRES,
            shows="clients are gone before they are authenticated",
            grep="could not receive data from client: Connection reset by peer",
        ),
        Evidence(
            service=POSTGRES,
            shows="clients are refused for being too many while hardly any session is open",
            grep="sorry, too many clients already",
        ),
        Evidence(
            service=POSTGRES,
            shows="the server's cores are busy and there are hardly any sessions to work for",
            promql='sum(pg_stat_activity_count{datname!="postgres"}) < 20'
            ' and sum(rate(container_cpu_usage_seconds_total{service="postgres-db"}[1m])) > 2',
        ),
    ),
    alerts=("HighErrorRate", "PostgresqlHighCPU", "ConnectionPoolTimeouts"),
    repairs=(("admit_clients_in_waves",), ("restore_reconnect_backoff",)),
    masks=(
        ("increase_db_connections",),
        ("restart_postgres",),
        ("failover_postgres",),
        ("restart_payment_service",),
        ("restart_inventory_service",),
    ),
    trigger=_restart,
)
