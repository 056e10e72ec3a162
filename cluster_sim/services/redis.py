"""redis-cache: the cache in front of the stock table, one single-threaded server."""

from __future__ import annotations

from ..specs import CacheRead, CacheSpec, CacheWrite, Language, Operation, ServiceSpec, Work
from ..telemetry.rules.rule import AlertRule, Severity

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

DOWN = AlertRule(
    alert="RedisDown",
    # Of an exporter that does not answer there is no redis_up at all.
    expr='redis_up == 0 or up{job="redis-exporter"} == 0',
    severity=Severity.TICKET,
    summary="{{ $labels.pod }} is down",
    group="redis",
)
MEMORY = AlertRule(
    alert="RedisOutOfConfiguredMaxmemory",
    expr="redis_memory_used_bytes / redis_memory_max_bytes > 0.9",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} memory at {{ $value | humanizePercentage }} of maxmemory > 90% for 1m",
    description="What happens at maxmemory depends on maxmemory-policy: keys are evicted or writes refused.",
    group="redis",
)
REJECTED_WRITES = AlertRule(
    alert="RedisRejectedCommands",
    expr="sum by (service, cmd) (increase(redis_commands_rejected_calls_total[1m])) > 0",
    severity=Severity.TICKET,
    summary="{{ $labels.service }} {{ $labels.cmd }} commands refused over 1m: {{ $value | humanize }}",
    group="redis",
)
CONNECTIONS = AlertRule(
    alert="RedisTooManyConnections",
    expr="redis_connected_clients / redis_config_maxclients > 0.8",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} connections at {{ $value | humanizePercentage }} of maxclients > 80% for 30s",
    description="When all are taken clients are refused, and so is the exporter.",
    group="redis",
)
REJECTED_CONNECTIONS = AlertRule(
    alert="RedisRejectedConnections",
    expr="increase(redis_rejected_connections_total[1m]) > 0",
    severity=Severity.TICKET,
    summary="{{ $labels.service }} connections refused over 1m: {{ $value | humanize }}",
    group="redis",
)
MISSES = AlertRule(
    alert="RedisLowHitRatio",
    expr="sum by (service) (rate(redis_keyspace_misses_total[1m])) / (sum by (service) "
    "(rate(redis_keyspace_hits_total[1m]))\n+ sum by (service) (rate(redis_keyspace_misses_total[1m])) > 2) > 0.3",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} lookups that missed {{ $value | humanizePercentage }} > 30% over 1m for 1m",
    description="Misses are looked up in the database. Fewer than 2 lookups a second are not alerted on.",
    group="redis",
)
