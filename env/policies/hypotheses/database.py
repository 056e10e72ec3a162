"""Causes for which the database, or the way to it, is full."""

from __future__ import annotations

from ..evidence import FractionClue, LogClue, SignClue
from .hypothesis import Hypothesis, Topic, left_in
from .ways import PAYMENTS_LOCKED_OUT, THROUGH_DATABASE

SLOTS_REFUSED = r"remaining connection slots are reserved[\w\s-]*|sorry, too many clients already"
POOL_TIMED_OUT = r"Connection is not available, request timed out after \d+ms|QueuePool limit of size [^,]*"

CONNECTION_LIMIT = Hypothesis(
    root_cause="postgres-db",
    mechanism="connection_limit",
    trigger="scaling",
    sustained_by="standing_state",
    spread=PAYMENTS_LOCKED_OUT,
    team="database-team",
    plan=("increase_db_connections",),
    topic=Topic.DATABASE,
    clues=(
        SignClue(
            sign="slots_used_by_more_pods",
            says="the connections that postgres-db admits are used up by more pods than usual, and pools know of them",
            expr="sum(pg_stat_activity_count) > 0.85 * sum(pg_settings_max_connections)"
            ' and count(hikaricp_connections_max{service="payment-service"}) > 5',
            required=True,
        ),
        LogClue(
            says="postgres-db refuses connections because its slots are used up",
            pattern=SLOTS_REFUSED,
            services=("postgres-db",),
            weight=4,
            decisive=True,
        ),
        FractionClue(
            says="almost every connection that postgres-db admits is in use",
            service="postgres-db",
            part=r"pg_stat_activity_count",
            whole=r"pg_settings_max_connections",
            at_least=0.9,
            weight=4,
            decisive=True,
        ),
        LogClue(
            says="clients of postgres-db are told that its connection slots are used up",
            pattern=SLOTS_REFUSED,
            weight=3,
        ),
        LogClue(says="connection pools time out waiting for the database", pattern=POOL_TIMED_OUT),
    ),
    explanation=(
        "postgres-db reached its connection limit. The connection pools of its clients together ask for"
        " more connections than max_connections admits, so postgres-db refuses new connections with"
        " 'too many clients' or 'remaining connection slots are reserved'."
    ),
    cascade=(
        "Pods of payment-service that could not get a database connection answered with 500 errors,"
        " and checkout-service failed wherever it called them."
    ),
    prevention=(
        "The pool sizes of all clients must be added up against max_connections before a scale-out,"
        " and a ticket must be opened when more than 80% of the connections are in use."
    ),
)

CONNECTION_LEAK = Hypothesis(
    root_cause="payment-service",
    mechanism="connection_leak",
    trigger="deploy",
    sustained_by="accumulation",
    spread=PAYMENTS_LOCKED_OUT,
    felt_after_s=120.0,
    team="payments-team",
    plan=("rollback_payment_service",),
    topic=Topic.DATABASE,
    look_at=("postgres-db",),
    clues=(
        SignClue(
            sign="sessions_without_a_pool",
            says="postgres-db holds idle sessions of payment-service that none of its pools knows of",
            expr='sum(pg_stat_activity_count{datname="payments",state="idle"})'
            ' - sum(hikaricp_connections_idle{service="payment-service"}) > 20',
            weight=9,
            shared=True,
        ),
    ),
    leaves=(
        left_in(
            "payment-service",
            "Apparent connection leak detected",
            "connections were not given back",
            alone=True,
        ),
    ),
    explanation="A release of payment-service does not give connections back, until postgres-db has none left.",
    prevention="Pools must be run with leak detection in tests, and a leak must open a ticket.",
)

IDLE_IN_TRANSACTION = Hypothesis(
    root_cause="payment-service",
    mechanism="bad_deploy",
    trigger="third_party",
    sustained_by="accumulation",
    spread=PAYMENTS_LOCKED_OUT,
    felt_after_s=None,
    team="payments-team",
    plan=("move_psp_call_out_of_transaction",),
    topic=Topic.DATABASE,
    look_at=("postgres-db",),
    clues=(
        SignClue(
            sign="idle_in_transaction",
            says="sessions of payment-service idle within their transactions",
            expr='sum(pg_stat_activity_count{state="idle in transaction"}) > 20',
            weight=12,
        ),
    ),
    explanation="A release of payment-service calls the payment provider within its database transaction.",
    prevention="No call to another system may be made within a transaction.",
)

CONNECTION_STORM = Hypothesis(
    root_cause="postgres-db",
    mechanism="retry_storm",
    trigger="infrastructure",
    sustained_by="feedback",
    spread=THROUGH_DATABASE,
    team="database-team",
    plan=("admit_clients_in_waves",),
    topic=Topic.DATABASE,
    clues=(
        SignClue(
            sign="busy_without_sessions",
            says="the cores of postgres-db are busy although hardly anybody has a session",
            expr='sum(pg_stat_activity_count{datname!="postgres"}) < 20'
            ' and sum(rate(container_cpu_usage_seconds_total{service="postgres-db"}[1m])) > 2',
            weight=12,
        ),
    ),
    leaves=(left_in("postgres-db", "Connection reset by peer", "clients are gone before they are let in"),),
    explanation="Since a restart all clients of postgres-db connect at once and give up, so that nobody gets in.",
    prevention="Clients must back off before they connect again.",
)

MISSING_INDEX = Hypothesis(
    root_cause="inventory-service",
    mechanism="slow_query",
    trigger="deploy",
    sustained_by="standing_state",
    spread=THROUGH_DATABASE,
    team="inventory-team",
    plan=("create_index",),
    topic=Topic.DATABASE,
    look_at=("postgres-db",),
    clues=(
        SignClue(
            sign="tables_read_from_end_to_end",
            says="postgres-db reads a large table from end to end, again and again",
            expr='sum(rate(pg_stat_user_tables_seq_scan{relname="stock_ledger"}[5m])) > 0',
            weight=12,
        ),
    ),
    leaves=(left_in("postgres-db", "DROP INDEX", "a migration dropped an index"),),
    explanation="A migration of inventory-service dropped an index, and lookups read the whole table.",
    prevention="Migrations must be reviewed for the queries that need what they drop.",
)

LOCK_QUEUE = Hypothesis(
    root_cause="postgres-db",
    mechanism="lock_contention",
    trigger="deploy",
    sustained_by="ongoing_event",
    spread=PAYMENTS_LOCKED_OUT,
    team="database-team",
    plan=("cancel_long_running_queries",),
    topic=Topic.DATABASE,
    clues=(
        SignClue(
            sign="exclusive_lock_wanted",
            says="a migration waits for an exclusive lock on a table, and everybody else behind it",
            expr='sum(max_over_time(pg_locks_count{mode="accessexclusivelock"}[2m])) > 0',
            weight=12,
        ),
    ),
    leaves=(left_in("postgres-db", "still waiting for", "statements wait for a lock on a table"),),
    explanation="A migration waits for a lock that a report holds, and every statement waits behind it.",
    prevention="Migrations must have a short lock_timeout.",
)

RETRY_STORM = Hypothesis(
    root_cause="checkout-service",
    mechanism="retry_storm",
    trigger="traffic",
    sustained_by="feedback",
    spread=THROUGH_DATABASE,
    felt_after_s=120.0,
    team="checkout-team",
    plan=("limit_checkout_retries",),
    topic=Topic.DATABASE,
    look_at=("payment-service",),
    clues=(
        SignClue(
            sign="charges_tried_again_and_again",
            shared=True,
            says="checkout-service tries each charge several times, and the database is busy with them",
            expr="sum(rate(traces_service_graph_request_total"
            '{client="checkout-service",server="payment-service"}[2m]))'
            ' / sum(rate(http_server_request_duration_seconds_count{service="checkout-service"}[2m])) > 1.8'
            ' and sum(rate(container_cpu_usage_seconds_total{service="postgres-db"}[1m])) > 2',
        ),
    ),
    leaves=(left_in("checkout-service", '"http.request.resend_count":3', "a charge is tried for the fourth time"),),
    explanation="A release of checkout-service tries failed calls again without end, which keeps postgres-db full.",
    prevention="Retries need a budget.",
)

HYPOTHESES = (
    CONNECTION_LIMIT,
    CONNECTION_LEAK,
    IDLE_IN_TRANSACTION,
    CONNECTION_STORM,
    MISSING_INDEX,
    LOCK_QUEUE,
    RETRY_STORM,
)
