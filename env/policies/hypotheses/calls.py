"""Causes for which calls take long, or are given up early."""

from __future__ import annotations

from ..evidence import SignClue
from .hypothesis import Hypothesis, Topic, left_in
from .ways import EVERYWHERE, THROUGH_DATABASE, THROUGH_INVENTORY, THROUGH_PAYMENT

_GRAPH = "traces_service_graph_request_total"
_RESERVATIONS = '{client="checkout-service",server="inventory-service"}[2m]'
_ORDERS = '{client="user",server="checkout-service"}[2m]'

PROVIDER = Hypothesis(
    root_cause="payment-service",
    mechanism="dependency_failure",
    trigger="third_party",
    sustained_by="ongoing_event",
    spread=THROUGH_PAYMENT,
    felt_after_s=60.0,
    team="payments-team",
    plan=("switch_psp_provider",),
    topic=Topic.CALLS,
    clues=(
        SignClue(
            sign="provider_slow",
            shared=True,
            says="the payment provider takes long to answer",
            expr='sum(rate(http_client_request_duration_seconds_sum{server_address="psp"}[2m]))'
            ' / sum(rate(http_client_request_duration_seconds_count{server_address="psp"}[2m])) > 0.5',
        ),
    ),
    leaves=(left_in("payment-service", "psp: 503", "the provider answers with errors", alone=True),),
    explanation="The payment provider outside answers slowly and with errors; payment-service waits for it.",
    prevention="A second provider must take over by itself.",
)

PACKET_LOSS = Hypothesis(
    root_cause="checkout-service",
    mechanism="network_fault",
    trigger="infrastructure",
    sustained_by="standing_state",
    spread=EVERYWHERE,
    team="network-team",
    plan=("replace_network_interface",),
    topic=Topic.CALLS,
    clues=(
        SignClue(
            sign="broken_frames",
            says="the network interface of a node counts broken frames",
            expr="max(rate(node_network_receive_errs_total[2m])) > 0.2",
            weight=12,
        ),
    ),
    explanation="The network interface of a node drops packets, and calls from there wait for retransmissions.",
    prevention="Interfaces with errors must be drained.",
)

FAR_PRIMARY = Hypothesis(
    root_cause="postgres-db",
    mechanism="network_fault",
    trigger="infrastructure",
    sustained_by="standing_state",
    spread=THROUGH_DATABASE,
    team="database-team",
    plan=("failback_postgres",),
    topic=Topic.CALLS,
    clues=(
        SignClue(
            sign="sessions_wait_for_round_trips",
            shared=True,
            says="clients hold connections far longer than postgres-db works for them",
            expr='sum(avg_over_time(pg_stat_activity_count{state="active"}[2m]))'
            " > 5 * sum(rate(pg_stat_statements_seconds_total[2m]))"
            ' and sum(avg_over_time(pg_stat_activity_count{state="active"}[2m])) > 4',
            weight=9,
        ),
    ),
    leaves=(left_in("postgres-db", "promoted", "another zone has taken over", alone=True),),
    explanation="postgres-db has failed over to a distant zone, and every statement pays for the way.",
    prevention="A failover must stay in the zone of the clients.",
)

CHATTY_RELEASE = Hypothesis(
    root_cause="checkout-service",
    mechanism="bad_deploy",
    trigger="deploy",
    sustained_by="standing_state",
    team="checkout-team",
    plan=("rollback_checkout_service",),
    topic=Topic.CALLS,
    look_at=("inventory-service",),
    clues=(
        SignClue(
            sign="many_calls_for_each_order",
            says="checkout-service calls inventory-service many times for each order",
            expr=f"sum(rate({_GRAPH}{_RESERVATIONS})) / sum(rate({_GRAPH}{_ORDERS})) > 5",
            weight=11,
        ),
    ),
    explanation="A release of checkout-service calls inventory-service for each item instead of once for each order.",
    prevention="Calls for each order must be counted in the tests of a release.",
)

THREADS_WAIT = Hypothesis(
    root_cause="inventory-service",
    mechanism="bad_deploy",
    trigger="deploy",
    sustained_by="standing_state",
    spread=THROUGH_INVENTORY,
    felt_after_s=100.0,
    team="checkout-team",
    plan=("enable_bulkhead", "rollback_inventory_service"),
    topic=Topic.CALLS,
    look_at=("checkout-service",),
    clues=(
        SignClue(
            sign="threads_wait",
            says="most threads of checkout-service are busy, while inventory-service, not the database, takes seconds",
            expr='sum(avg_over_time(tomcat_threads_busy_threads{service="checkout-service"}[1m]))'
            ' / sum(avg_over_time(tomcat_threads_config_max_threads{service="checkout-service"}[1m])) > 0.5'
            ' and sum(service:http_request_duration_seconds:p99_1m{service="inventory-service"}) > 8'
            ' unless sum(avg_over_time(pg_stat_activity_count{state="active"}[1m])) > 8',
            weight=10,
        ),
    ),
    explanation="A release of inventory-service is slow to reserve, and all threads of checkout-service wait for it.",
    prevention="Calls to one service must not take all threads.",
)

IMPATIENCE = Hypothesis(
    root_cause="checkout-service",
    mechanism="bad_config",
    trigger="config_change",
    sustained_by="standing_state",
    spread=THROUGH_PAYMENT,
    team="checkout-team",
    plan=("restore_checkout_timeouts",),
    topic=Topic.CALLS,
    look_at=("payment-service",),
    clues=(
        SignClue(
            sign="more_charges_than_orders",
            shared=True,
            says="more charges succeed than there are orders",
            expr='sum(rate(http_server_request_duration_seconds_count{http_route="/v1/charges",'
            'http_response_status_code="200"}[2m]))'
            ' / sum(rate(http_server_request_duration_seconds_count{http_route="/v1/checkout"}[2m])) > 1.4'
            ' unless sum(rate(container_cpu_usage_seconds_total{service="postgres-db"}[1m])) > 2',
            weight=10,
        ),
    ),
    leaves=(left_in("checkout-service", '"http.request.resend_count":3', "a charge is tried for the fourth time"),),
    explanation="checkout-service gives charges up before they can be answered, and tries again.",
    prevention="A caller must wait longer than the called one needs.",
)

HYPOTHESES = (PROVIDER, PACKET_LOSS, FAR_PRIMARY, CHATTY_RELEASE, THREADS_WAIT, IMPATIENCE)
