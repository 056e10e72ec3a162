"""postgres-db: the relational database, one primary."""

from __future__ import annotations

from ..specs import BackendSpec, Language, Operation, ServiceSpec, Work
from ..telemetry.rules.rule import AlertRule, Severity

STATEMENTS_PER_SKU, STATEMENTS_PER_PAYMENT = 30, 26
"""Statements of a transaction, sent one by one (chosen: clients are as chatty as their object mappers make them)."""

SERVICE = ServiceSpec(
    name="postgres-db",
    team="database-team",
    language=Language.POSTGRES,
    port=5432,
    replicas=1,
    # Queries executed at a time: the cores of the machine (chosen).
    workers=4,
    queue_limit=10_000,
    start_s=8.0,
    warmup_s=6.0,
    warmup_factor=1.5,
    # PostgreSQL's defaults: max_connections 100, superuser_reserved_connections 3.
    backends=BackendSpec(max_connections=100),
    operations=(
        Operation(
            name="select_stock",
            method="SELECT",
            route="stock",
            # Stock per SKU is summed over its ledger: an expensive query for each key missed (chosen).
            steps=(Work(mean_s=0.06, sigma=0.5, per_item=True),),
            # The mapper of objects loads a SKU's variants, prices and warehouses one by one (chosen).
            round_trips=STATEMENTS_PER_SKU,
        ),
        Operation(
            name="insert_payment",
            method="INSERT",
            route="payments",
            steps=(Work(mean_s=0.012, sigma=0.6),),
            # One row each: payment, ledger lines, audit trail, outbox (chosen).
            round_trips=STATEMENTS_PER_PAYMENT,
        ),
    ),
)

DOWN = AlertRule(
    alert="PostgresqlDown",
    expr="pg_up == 0",
    severity=Severity.TICKET,
    summary="{{ $labels.pod }} does not accept connections",
    group="postgres",
)
CONNECTIONS = AlertRule(
    alert="PostgresqlTooManyConnections",
    expr="sum by (service) (pg_stat_activity_count) / sum by (service) (pg_settings_max_connections) > 0.8",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} connections at {{ $value | humanizePercentage }} of max_connections > 80% for 1m",
    description="Clients are refused when all are taken; the pools of all clients together must leave room.",
    group="postgres",
)
CPU = AlertRule(
    alert="PostgresqlHighCPU",
    expr='sum by (service) (rate(container_cpu_usage_seconds_total{service="postgres-db"}[1m]))\n'
    '/ sum by (service) (kube_pod_container_resource_limits{resource="cpu"}) > 0.8',
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} cores busy {{ $value | humanizePercentage }} > 80% over 1m for 1m",
    group="postgres",
)
