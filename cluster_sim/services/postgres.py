"""postgres-db: the relational database, one primary."""

from __future__ import annotations

from ..specs import BackendSpec, Language, Operation, ServiceSpec, Work
from ..telemetry.alerts import AlertRule, Severity
from ..telemetry.scrape import ScrapeLog

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
        ),
        Operation(
            name="insert_payment",
            method="INSERT",
            route="payments",
            steps=(Work(mean_s=0.012, sigma=0.6),),
        ),
    ),
)


def connection_share(scrapes: ScrapeLog, service: str) -> float | None:
    """Connections in use over max_connections."""
    _, now, _ = scrapes.store(service)
    return now.used / now.limit


def refused_connections(scrapes: ScrapeLog, service: str) -> float | None:
    """Connection attempts turned away for want of a slot in the last minute."""
    before, now, _ = scrapes.store(service)
    return float(now.refused - before.refused)


def busy_cores(scrapes: ScrapeLog, service: str) -> float | None:
    """Share of the cores busy over the last minute."""
    return scrapes.golden(service).utilization


CONNECTIONS = AlertRule(
    alert="PostgresqlTooManyConnections",
    service=SERVICE.name,
    severity=Severity.TICKET,
    value=connection_share,
    threshold=0.8,
    for_s=60,
    text="connections at {value} of max_connections > {threshold} for 1m",
)
REFUSED = AlertRule(
    alert="PostgresqlConnectionsRefused",
    service=SERVICE.name,
    severity=Severity.TICKET,
    value=refused_connections,
    threshold=0,
    for_s=30,
    text="{value} connection attempts refused in the last minute",
    unit="",
)
CPU = AlertRule(
    alert="PostgresqlHighCPU",
    service=SERVICE.name,
    severity=Severity.TICKET,
    value=busy_cores,
    threshold=0.8,
    for_s=60,
    text="cores busy {value} > {threshold} for 1m",
)
