"""redis-cache: the cache in front of the stock table, one single-threaded server."""

from __future__ import annotations

from ..specs import CacheRead, CacheSpec, CacheWrite, Language, Operation, ServiceSpec, Work
from ..telemetry.alerts import AlertRule, Severity
from ..telemetry.scrape import ScrapeLog

MIB = 1 << 20

SERVICE = ServiceSpec(
    name="redis-cache",
    team="infra-team",
    language=Language.REDIS,
    port=6379,
    replicas=1,
    workers=1,
    queue_limit=10_000,
    start_s=6.0,
    warmup_s=1.0,
    cache=CacheSpec(
        maxmemory_bytes=128 * MIB,
        # An empty Redis 7.0 uses about 1 MB.
        base_bytes=1 * MIB,
        # A SKU's page of stock, prices and variants with Redis' own overhead (chosen).
        entry_bytes=64 << 10,
        ttl_s=90.0,
        # The limit leaves an eighth over maxmemory for buffers and the copy made while saving (chosen).
        memory_limit_bytes=144 * MIB,
    ),
    operations=(
        Operation(name="mget", method="MGET", route="stock:*", steps=(Work(mean_s=0.0004, sigma=0.3), CacheRead())),
        Operation(name="mset", method="SET", route="stock:*", steps=(Work(mean_s=0.0004, sigma=0.3), CacheWrite())),
    ),
)


def memory_share(scrapes: ScrapeLog, service: str) -> float | None:
    """Memory in use over maxmemory."""
    _, now, _ = scrapes.store(service)
    return now.used / now.limit


def miss_ratio(scrapes: ScrapeLog, service: str) -> float | None:
    """Share of lookups of the last minute that missed."""
    before, now, _ = scrapes.store(service)
    lookups = now.hits + now.misses - before.hits - before.misses
    return (now.misses - before.misses) / lookups if lookups > 100 else None


MEMORY = AlertRule(
    alert="RedisOutOfConfiguredMaxmemory",
    service=SERVICE.name,
    severity=Severity.TICKET,
    value=memory_share,
    threshold=0.9,
    for_s=60,
    text="memory at {value} of maxmemory > {threshold} for 1m",
)
MISSES = AlertRule(
    alert="RedisLowHitRatio",
    service=SERVICE.name,
    severity=Severity.TICKET,
    value=miss_ratio,
    threshold=0.3,
    for_s=60,
    text="{value} of lookups missed > {threshold} for 1m",
)
