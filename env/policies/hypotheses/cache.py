"""Causes for which the cache is full, cold, or slow to answer."""

from __future__ import annotations

from ..evidence import FractionClue, LogClue, SignClue
from .hypothesis import Hypothesis, Topic, left_in
from .ways import CACHE_LOST, THROUGH_CACHE

WRITE_REFUSED = r"command not allowed when used memory > 'maxmemory'"

_LASTING = "sum(redis_db_keys_expiring) / sum(redis_db_keys) < 0.5"
_FULL = "sum(redis_memory_used_dataset_bytes) > 0.5 * sum(redis_memory_max_bytes)"
_FASTEST = "max(max_over_time(delta(redis_memory_used_bytes[90s])[12m:15s]))"
_MOST = "0.6 * max(redis_memory_max_bytes)"
_HITS = "sum(rate(redis_keyspace_hits_total[1m]))"
_MISSES = "sum(rate(redis_keyspace_misses_total[1m]))"

ORPHAN_KEYS = Hypothesis(
    root_cause="redis-cache",
    mechanism="memory_exhaustion",
    trigger="scheduled_job",
    sustained_by="accumulation",
    spread=THROUGH_CACHE,
    felt_after_s=None,
    team="infra-team",
    plan=("flush_redis_cache",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="lasting_keys_at_once",
            says="memory filled within a minute or two with keys that never expire",
            expr=f"{_LASTING} and {_FULL} and {_FASTEST} > {_MOST}",
            required=True,
        ),
        FractionClue(
            says="the used memory of redis-cache stands at maxmemory",
            service="redis-cache",
            part=r"redis_memory_used_bytes",
            whole=r"redis_memory_max_bytes|redis_config_maxmemory",
            at_least=0.97,
            weight=4,
            decisive=True,
        ),
        LogClue(
            says="clients of redis-cache have their writes refused for lack of memory",
            pattern=WRITE_REFUSED,
            weight=4,
            decisive=True,
        ),
    ),
    explanation=(
        "redis-cache ran out of memory. Its used memory reached maxmemory under the noeviction policy,"
        " so redis refused every write with an OOM error."
    ),
    cascade=(
        "Cached keys expired and could not be written again, so the cache hit ratio fell."
        " inventory-service fell back to slow queries against postgres-db, and checkout-service timed out"
        " waiting for inventory-service."
    ),
    prevention=(
        "Batch jobs must give their keys a TTL, redis-cache needs an eviction policy that suits a cache,"
        " and a ticket must be opened when redis memory passes 90% of maxmemory."
    ),
)

NO_EXPIRY = Hypothesis(
    root_cause="inventory-service",
    mechanism="bad_deploy",
    trigger="deploy",
    sustained_by="accumulation",
    spread=THROUGH_CACHE,
    felt_after_s=None,
    team="inventory-team",
    plan=("rollback_inventory_service", "flush_redis_cache"),
    topic=Topic.CACHE,
    look_at=("redis-cache",),
    clues=(
        SignClue(
            sign="lasting_keys_over_time",
            says="memory filled minute by minute with keys that never expire, since a deploy of inventory-service",
            expr=f"{_LASTING} and {_FULL} unless {_FASTEST} > {_MOST}",
        ),
    ),
    explanation="A release of inventory-service writes cache entries without expiry, until redis-cache is full.",
    prevention="Entries of a cache need a TTL.",
)

OUTPUT_BUFFERS = Hypothesis(
    root_cause="redis-cache",
    mechanism="memory_exhaustion",
    trigger="scheduled_job",
    sustained_by="accumulation",
    spread=THROUGH_CACHE,
    felt_after_s=None,
    team="infra-team",
    plan=("kill_redis_client",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="memory_beside_the_data",
            says="most of the memory of redis-cache is not its data's: it waits for clients that do not read",
            expr="sum(redis_memory_used_bytes) - sum(redis_memory_used_dataset_bytes)"
            " > 0.4 * sum(redis_memory_max_bytes)",
            weight=12,
        ),
    ),
    explanation="Clients that record the commands of redis-cache do not read, and their buffers take its memory.",
    prevention="Output buffers of clients need a limit.",
)

WRONG_KEYS = Hypothesis(
    root_cause="inventory-service",
    mechanism="bad_deploy",
    trigger="deploy",
    sustained_by="standing_state",
    spread=THROUGH_CACHE,
    team="inventory-team",
    plan=("rollback_inventory_service",),
    topic=Topic.CACHE,
    look_at=("redis-cache",),
    clues=(
        SignClue(
            sign="keys_never_read",
            says="many keys are written to redis-cache and expire, and hardly a look-up hits",
            expr=f"{_HITS} < 0.35 * {_MISSES} and {_FULL} and sum(redis_db_keys_expiring) / sum(redis_db_keys) > 0.8",
            weight=11,
        ),
    ),
    explanation="A release of inventory-service names cache entries so that no look-up finds them.",
    prevention="The hit ratio must be watched while a release rolls out.",
)

UNSAVED = Hypothesis(
    root_cause="redis-cache",
    mechanism="disk_full",
    trigger="data_growth",
    sustained_by="accumulation",
    spread=THROUGH_CACHE,
    felt_after_s=None,
    team="infra-team",
    plan=("clear_redis_volume",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="writes_refused_until_saved",
            says="redis-cache refuses writes since it cannot save (MISCONF)",
            expr='sum(increase(redis_errors_total{err="MISCONF"}[2m])) > 0',
            weight=12,
        ),
    ),
    leaves=(left_in("redis-cache", "Background saving error", "background saves fail"),),
    explanation="The volume of redis-cache is full, its saves fail, and it refuses writes until one succeeds.",
    prevention="A volume that fills must open a ticket.",
)

STAMPEDE = Hypothesis(
    root_cause="redis-cache",
    mechanism="cache_stampede",
    trigger="infrastructure",
    sustained_by="feedback",
    spread=CACHE_LOST,
    team="infra-team",
    plan=("shed_load", "enable_request_coalescing", "admit_all_traffic"),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="cold_since_its_start",
            shared=True,
            says="redis-cache has started anew, its look-ups miss, and it does not warm though no write is refused",
            expr=f"{_HITS} < 0.7 * {_MISSES}"
            " and sum(changes(redis_start_time_seconds[20m])) > 0"
            ' unless sum(redis_commands_rejected_calls_total{cmd="set"}) > 0',
            weight=10,
        ),
    ),
    explanation="redis-cache came back empty at a peak, and the database is too busy with given-up queries to fill it.",
    prevention="Queries for the same entry must be coalesced.",
)

SLOW_SCRIPT = Hypothesis(
    root_cause="redis-cache",
    mechanism="slow_query",
    trigger="scheduled_job",
    sustained_by="ongoing_event",
    spread=THROUGH_CACHE,
    felt_after_s=None,
    team="infra-team",
    plan=("disable_keys_job",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="slow_command",
            says="a command kept redis-cache from answering for seconds",
            expr="max(redis_last_slow_execution_duration_seconds) > 1",
            weight=12,
        ),
    ),
    leaves=(left_in("redis-cache", "Slow script detected", "a script runs for seconds"),),
    explanation="A job runs a script over all keys of redis-cache every minute, which serves nobody meanwhile.",
    prevention="Commands over all keys must be forbidden.",
)

HYPOTHESES = (
    ORPHAN_KEYS,
    NO_EXPIRY,
    OUTPUT_BUFFERS,
    WRONG_KEYS,
    UNSAVED,
    STAMPEDE,
    SLOW_SCRIPT,
)
