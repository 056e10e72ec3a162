"""Faults of what the database is asked: slow queries, locks, retries without end."""

from __future__ import annotations

from dataclasses import replace

from ..clock import SECOND, nanoseconds
from ..cluster import Cluster
from ..engine import indexes
from ..engine.locks import Migration, Report
from ..engine.profile import Shape
from ..engine.release import Behaviour, RetryPolicy
from ..services import postgres
from ..specs import Operation, Work
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_profile, pick_whole
from .settings import Provisioned

POSTGRES = "postgres-db"

# ---------------------------------------------------------------- a query without its index

LOOKUP = "select_stock"


def _drop_index(cluster: Cluster) -> None:
    factor = pick(cluster, "slower", 10, 36)
    profile = pick_profile(cluster, (Shape.STEP, Shape.RAMP))
    cluster.deploy("inventory-service")
    indexes.drop(cluster, cluster.service(POSTGRES), LOOKUP, factor, profile)


def _missing_indexes(cluster: Cluster) -> float:
    found = cluster.service(POSTGRES).indexes
    assert found is not None
    return float(len(found.missing))


MISSING_INDEX = Fault(
    name="pg_slow_query_missing_index",
    service="inventory-service",
    mechanism=Mechanism.SLOW_QUERY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="inventory-team",
    inject=_drop_index,
    distance=_missing_indexes,
    hold_s=240.0,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "A release of inventory-service came with a migration that dropped the index on the ledger of stock. Each "
        "lookup that misses the cache now reads the whole table and takes 10 to 36 times as long. The four cores of "
        "the database are busy with that; connections fill up behind them, and payments, which share the database, "
        "wait as well. Rolling back the image does not bring the index back. The pools are of fixed size, so the "
        "number of sessions stays as it is, unless more pods bring more of them: idle ones become active."
    ),
    evidence=(
        Evidence(
            service=POSTGRES,
            shows="the ledger of stock is read from end to end, again and again",
            promql='rate(pg_stat_user_tables_seq_scan{relname="stock_ledger"}[5m]) > 0',
        ),
        Evidence(service=POSTGRES, shows="an index was dropped", grep="DROP INDEX"),
    ),
    alerts=("HighErrorRate", "HighLatencyP99", "PostgresqlHighCPU", "ConnectionPoolTimeouts"),
    repairs=(("create_index",), ("rollback_inventory_migration",)),
    masks=(
        ("increase_db_connections",),
        ("restart_postgres",),
        ("scale_out_inventory_service",),
        ("increase_inventory_pool_size",),
        ("rollback_inventory_service",),
        ("cancel_long_running_queries",),
    ),
)

# ---------------------------------------------------------------- a migration that waits for a report

_REPORT_S = 4 * 3600.0


def _alter_table(cluster: Cluster) -> None:
    lock = cluster.lock(POSTGRES, pick_one(cluster, "table", ("payments", "stock")))
    Report(lock, nanoseconds(_REPORT_S))
    migration = Migration(
        lock,
        needs=int(pick(cluster, "alter_s", 0.2, 0.8) * SECOND),
        patience=pick_one(cluster, "lock_timeout_s", (0, 60, 90)) * SECOND,
        pause=int(pick(cluster, "retry_s", 8, 15) * SECOND),
    )
    cluster.after(int(pick(cluster, "report_ahead_s", 5, 40) * SECOND), migration.begin)


def _doomed_migrations(cluster: Cluster) -> float:
    return float(sum(lock.doomed for lock in cluster.service(POSTGRES).locks.values()))


def _report_again(cluster: Cluster) -> None:
    for lock in cluster.service(POSTGRES).locks.values():
        if lock.report is None or lock.report.over:
            Report(lock, nanoseconds(_REPORT_S))


LOCK_QUEUE = Fault(
    name="pg_lock_queue_migration",
    service=POSTGRES,
    mechanism=Mechanism.LOCK_CONTENTION,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.ONGOING_EVENT,
    team="database-team",
    inject=_alter_table,
    distance=_doomed_migrations,
    # A report opens a lost session again within a second, and a migration tries again within 35 s.
    hold_s=240.0,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "A migration wants to alter a table while a report reads it for hours. Its request for an ACCESS EXCLUSIVE "
        "lock waits for the report, and every later statement on that table waits behind the request, with its "
        "connection and without using a processor, until the client's pools are empty. Both tools open lost sessions "
        "again, so a restart only shuffles the queue. Some migrations give up after a minute or so (lock_timeout) and "
        "try again; then the table is free for some seconds between."
    ),
    evidence=(
        Evidence(
            service=POSTGRES,
            shows="somebody waits for an exclusive lock on a table",
            promql='max_over_time(pg_locks_count{mode="accessexclusivelock"}[2m]) > 0',
        ),
        Evidence(
            service=POSTGRES,
            shows="the migration, and statements behind it, wait for locks",
            grep="still waiting for AccessExclusiveLock on relation",
        ),
    ),
    alerts=("HighErrorRate", "HighLatencyP99", "ConnectionPoolTimeouts"),
    repairs=(("cancel_long_running_queries",), ("cancel_migration",)),
    masks=(
        ("increase_db_connections",),
        ("restart_postgres",),
        ("restart_payment_service",),
        ("restart_inventory_service",),
    ),
    trigger=_report_again,
)

# ---------------------------------------------------------------- retries without a budget

CHECKOUT, PAYMENT = "checkout-service", "payment-service"


def _acknowledged_remotely(operation: Operation) -> Operation:
    """A payment is only committed when a standby elsewhere has it: a statement of 0.26 s (chosen)."""
    if operation.name != "insert_payment":
        return operation
    return replace(operation, steps=(Work(mean_s=0.26, sigma=0.6),))


DEAR_WRITES = Provisioned(POSTGRES, (("operations", tuple(map(_acknowledged_remotely, postgres.SERVICE.operations))),))
"""The usual traffic takes a bit more than half of the database."""


def _retry_without_budget(cluster: Cluster) -> None:
    attempts = pick_whole(cluster, "retries", 4, 6)
    calls = ((PAYMENT, "charge"), ("inventory-service", "reserve"))
    policies = tuple([RetryPolicy(server=server, operation=call, attempts=attempts) for server, call in calls])
    cluster.deploy(CHECKOUT, Behaviour(retries=policies, breakers=False))
    pick(cluster, "burst", 2.6, 3.2)
    pick(cluster, "burst_s", 45, 60)
    # After the rollout, which takes about a minute.
    cluster.after(int(pick(cluster, "until_burst_s", 90, 150) * SECOND), cluster.surge, *_burst(cluster))


def _burst(cluster: Cluster) -> tuple[float, float]:
    """Factor and seconds of the burst that sets it off."""
    factor, length_s = cluster.chosen["burst"], cluster.chosen["burst_s"]
    assert isinstance(factor, float)
    assert isinstance(length_s, float)
    return factor, length_s


def _burst_again(cluster: Cluster) -> None:
    cluster.surge(*_burst(cluster))


def _unlimited_clients(cluster: Cluster) -> float:
    """Retries without a budget, and circuit breakers that are off, of the pods there are and the next ones."""
    running = [replica.behaviour for service in cluster.services.values() for replica in service.replicas]
    template = [service.behaviour for service in cluster.services.values()]
    retries = sum(policy.attempts for behaviour in (*running, *template) for policy in behaviour.retries)
    return float(retries + sum(not behaviour.breakers for behaviour in (*running, *template)))


RETRY_STORM = Fault(
    name="retry_storm",
    service=CHECKOUT,
    mechanism=Mechanism.RETRY_STORM,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.FEEDBACK,
    team="checkout-team",
    inject=_retry_without_budget,
    distance=_unlimited_clients,
    hold_s=240.0,
    family=Family.TOO_MANY_CLIENTS,
    story=(
        "A release of checkout-service came with other settings of its clients: a reservation or a charge that failed "
        "is tried four to six times more, without a budget, and no circuit breaker opens. A burst of users, a minute "
        "long at most, fills the database; charges are given up after 2.5 s and tried again, while the database still "
        "works for those given up. So much is offered to it that it stays full long after the burst, with the usual "
        "number of users. Nothing is slow by itself: once the retries are limited the queue drains. When load is shed "
        "it may drain too, but the next burst starts it again. Writes of the database wait for a standby here, so "
        "that the usual load is a bit more than half of what it can take."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="several charges are tried for each order",
            promql='sum(rate(traces_service_graph_request_total{client="checkout-service",server="payment-service"}[2m]))'
            ' / sum(rate(http_server_request_duration_seconds_count{service="checkout-service"}[2m])) > 2.2',
        ),
        Evidence(
            service=CHECKOUT,
            shows="charges are tried for the fourth time",
            grep='"http.request.resend_count":3',
        ),
    ),
    alerts=("HighErrorRate", "HighLatencyP99", "PostgresqlHighCPU", "ConnectionPoolTimeouts"),
    repairs=(
        ("shed_load", "limit_checkout_retries", "admit_all_traffic"),
        ("limit_checkout_retries",),
        ("rollback_checkout_service",),
    ),
    masks=(
        ("shed_load",),
        ("shed_load", "admit_all_traffic"),
        ("scale_out_payment_service",),
        ("restart_payment_service",),
        ("restart_checkout_service",),
        ("restart_postgres",),
        ("increase_db_connections",),
    ),
    trigger=_burst_again,
    setting=DEAR_WRITES,
)
