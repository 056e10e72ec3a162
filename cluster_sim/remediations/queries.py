"""Changes of queries, locks and retries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..cluster import Cluster
from ..engine.indexes import IndexBuild
from .remediation import Remediation

POSTGRES, CHECKOUT = "postgres-db", "checkout-service"

_INDEXED = "select_stock"
CONCURRENT_BUILD_S, BUILD_S = 70.0, 30.0
"""An index that is built beside the traffic needs two passes over the table, and waits for transactions (chosen)."""


def _build(duration_s: float, *, concurrently: bool) -> Callable[[Cluster], None]:
    def apply(cluster: Cluster) -> None:
        IndexBuild(cluster, cluster.service(POSTGRES), _INDEXED, duration_s, concurrently=concurrently)

    return apply


def _suspend_migrations(cluster: Cluster) -> None:
    for lock in cluster.service(POSTGRES).locks.values():
        if lock.migration is not None:
            lock.migration.suspend()


def _limit_retries(cluster: Cluster) -> None:
    service = cluster.service(CHECKOUT)
    service.behaviour = replace(service.behaviour, retries=(), breakers=True)
    cluster.roll(CHECKOUT)


CREATE_INDEX = Remediation(
    name="create_index",
    team="inventory-team",
    target=POSTGRES,
    duration_s=15,
    runbook=(
        "CREATE INDEX CONCURRENTLY on the ledger of stock by SKU, if there is none. Takes more than a minute and "
        "blocks nobody."
    ),
    apply=_build(CONCURRENT_BUILD_S, concurrently=True),
)
ROLLBACK_MIGRATION = Remediation(
    name="rollback_inventory_migration",
    team="inventory-team",
    target="inventory-service",
    duration_s=30,
    runbook="Runs the last migration of inventory-service backwards, on its tables and indexes. The image stays.",
    apply=_build(BUILD_S, concurrently=False),
)
CANCEL_MIGRATION = Remediation(
    name="cancel_migration",
    team="database-team",
    target=POSTGRES,
    duration_s=10,
    runbook=(
        "Suspends the jobs that migrate tables, and cancels the statements they have under way. The tables stay as "
        "they are."
    ),
    apply=_suspend_migrations,
)
LIMIT_RETRIES = Remediation(
    name="limit_checkout_retries",
    team="checkout-team",
    target=CHECKOUT,
    duration_s=15,
    runbook=(
        "Sets checkout's clients to one retry within a budget, behind circuit breakers, with a rolling restart. The "
        "image stays."
    ),
    apply=_limit_retries,
)
