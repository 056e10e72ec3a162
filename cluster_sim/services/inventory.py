"""inventory-service: stock levels, read through redis with postgres behind it."""

from __future__ import annotations

from ..specs import CallTo, IfItems, Language, Operation, PickItems, PoolSpec, ProbeSpec, ServiceSpec, Step, Work
from .rules import high_latency

SKUS = 500
ZIPF = 0.9
"""SKUs on sale, and how unevenly they are looked at (chosen)."""


def _lookup(count: int) -> tuple[Step, ...]:
    """Read keys through the cache: what it lacks, or cannot answer, comes from the database and is written back."""
    return (
        PickItems(count=count, population=SKUS, exponent=ZIPF),
        Work(mean_s=0.004, sigma=0.5),
        CallTo(service="redis-cache", operation="mget", timeout_s=0.25, optional=True, answers_items=True),
        IfItems(
            steps=(
                CallTo(service="postgres-db", operation="select_stock", timeout_s=6.0, pool="postgres-db"),
                CallTo(service="redis-cache", operation="mset", timeout_s=0.25, optional=True),
            )
        ),
    )


SERVICE = ServiceSpec(
    name="inventory-service",
    team="inventory-team",
    language=Language.PYTHON,
    port=8080,
    replicas=3,
    workers=24,
    queue_limit=100,
    # SQLAlchemy's QueuePool of 10 with no overflow; pool_timeout is 30 s by default, here 2 s (chosen).
    pools={"postgres-db": PoolSpec(size=10, acquire_timeout_s=2.0)},
    liveness=ProbeSpec(),
    readiness=ProbeSpec(),
    operations=(
        Operation(name="browse", method="GET", route="/v1/stock", steps=_lookup(10), error_probability=0.0006),
        Operation(
            name="reserve",
            method="POST",
            route="/v1/reservations",
            steps=_lookup(3),
            error_probability=0.0006,
        ),
    ),
)

LATENCY = high_latency(SERVICE.name, p99_s=2.0)
