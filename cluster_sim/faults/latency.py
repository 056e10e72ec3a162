"""Faults that make calls slow: links, providers, code that asks too often, threads that wait."""

from __future__ import annotations

from ..clock import MILLISECOND, SECOND, nanoseconds
from ..cluster import Cluster
from ..engine.link import Detour, Wire
from ..engine.profile import Profile, Shape
from ..engine.release import AsksEach, Behaviour
from ..specs import USERS, ProbeSpec
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_profile, pick_whole
from .settings import TicketedBy

CHECKOUT, INVENTORY, PAYMENT = "checkout-service", "inventory-service", "payment-service"
POSTGRES = "postgres-db"
PROVIDER = "psp"

# ---------------------------------------------------------------- the payment provider


def _degrade_provider(cluster: Cluster) -> None:
    provider = cluster.externals[PROVIDER]
    factor = pick(cluster, "factor", 32, 60)
    errors = pick(cluster, "errors", 0.015, 0.045)
    provider.degrade(pick_profile(cluster), factor=factor, errors=errors)
    for service in cluster.services.values():
        if provider in service.externals:
            service.refresh_disturbed()


def _provider_trouble(cluster: Cluster) -> float:
    provider = cluster.externals[PROVIDER]
    return provider.factor - 1.0 + 10 * provider.errors if provider.felt else 0.0


# ---------------------------------------------------------------- the network


def _wear_out_interface(cluster: Cluster) -> None:
    node = pick_one(cluster, "node", tuple(cluster.interfaces))
    loss = pick(cluster, "loss", 0.25, 0.32)
    cluster.interfaces[node].wear_out(pick_profile(cluster, longest_on_s=90.0), loss)
    for edge in cluster.edges:
        if edge.client != USERS:
            edge.obstruct(Wire(cluster.interfaces, cluster.streams))


def _loss(cluster: Cluster) -> float:
    return sum(interface.loss for interface in cluster.interfaces.values())


def _promote_far_standby(cluster: Cluster) -> None:
    cluster.fail_over(POSTGRES, zone="az-c", round_trip_s=pick(cluster, "round_trip_s", 0.041, 0.049))


def _distance_to_primary(cluster: Cluster) -> float:
    """Seconds that a round trip to the primary takes more than within a zone."""
    detours = [
        obstacle.round_trip
        for edge in cluster.edges
        if edge.server == POSTGRES
        for obstacle in (edge.gate.obstacles if edge.gate is not None else ())
        if isinstance(obstacle, Detour)
    ]
    return max(detours, default=0) / SECOND


# ---------------------------------------------------------------- releases


HANDSHAKE = 75 * MILLISECOND
"""Nanoseconds to open a connection with mutual TLS to a service (chosen)."""


def _release_chatty_checkout(cluster: Cluster) -> None:
    usual = pick(cluster, "usual_calls", 17, 25)
    cluster.deploy(CHECKOUT, Behaviour(asks_each=AsksEach(operation="reserve", usual=usual, handshake=HANDSHAKE)))


def _calls_each(cluster: Cluster) -> float:
    checkout = cluster.service(CHECKOUT)
    behaviours = [checkout.behaviour, *(replica.behaviour for replica in checkout.replicas if replica.alive)]
    return sum(behaviour.asks_each.usual for behaviour in behaviours if behaviour.asks_each is not None)


INVENTORY_FOLLOWS = 75 * SECOND
"""Nanoseconds from the release of checkout to that of inventory (chosen: the first has rolled out)."""
WAITED_S = 20.0
"""Seconds that the release of checkout is ready to wait for a reservation (chosen)."""
LONGEST_WAIT_S = 3.0
"""Seconds for which checkout may wait for inventory without danger to its own threads (chosen)."""


def _confirm_reservations(cluster: Cluster) -> None:
    factor = pick(cluster, "factor", 1600, 3000)
    cluster.deploy(CHECKOUT)
    checkout = cluster.service(CHECKOUT)
    checkout.workers = pick_whole(cluster, "threads", 4, 6)
    checkout.readiness = ProbeSpec(needs_worker=True)
    cluster.edge(CHECKOUT, INVENTORY).timeout = nanoseconds(WAITED_S)
    cluster.after(INVENTORY_FOLLOWS, cluster.deploy, INVENTORY, Behaviour(waits=("reserve", factor)))


def _exposure(cluster: Cluster) -> float:
    """Seconds that checkout waits for inventory beyond the bound, and how slow the release of inventory is."""
    inventory = cluster.service(INVENTORY)
    waited = cluster.edge(CHECKOUT, INVENTORY).timeout / SECOND
    behaviours = [inventory.behaviour, *(replica.behaviour for replica in inventory.replicas if replica.alive)]
    return max(0.0, waited - LONGEST_WAIT_S) + sum(b.waits[1] for b in behaviours if b.waits is not None)


def _slow_spell_of_reservations(cluster: Cluster) -> None:
    spell = Profile(start=cluster.now, shape=Shape.INTERMITTENT, period=1 << 62, on=45 * SECOND)
    cluster.service(INVENTORY).slow_operation("reserve", 1000.0, spell)


NEEDED_S = 0.5
"""Seconds that a charge may take in the healthy cluster, one in a thousand aside."""


def _invert_time_limits(cluster: Cluster) -> None:
    edge = cluster.edge(CHECKOUT, PAYMENT)
    edge.timeout = nanoseconds(pick(cluster, "timeout_s", 0.03, 0.036))
    edge.retries, edge.budget = 3, None


def _missing_patience(cluster: Cluster) -> float:
    """Seconds that checkout should wait for payment beyond what it does."""
    return max(0.0, NEEDED_S - cluster.edge(CHECKOUT, PAYMENT).timeout / SECOND)


CHECKOUT_ON_CALL = TicketedBy(("HighLatencyP99/inventory-service", "HighLatencyP99/payment-service"))
"""Slow answers wake the engineer on call for checkout, where users feel most of them; other teams get tickets."""

SLOW = ("HighLatencyP99",)

PSP_DEGRADED = Fault(
    name="psp_degraded",
    service=PAYMENT,
    mechanism=Mechanism.DEPENDENCY_FAILURE,
    triggered_by=Trigger.THIRD_PARTY,
    sustained_by=Sustained.ONGOING_EVENT,
    team="payments-team",
    inject=_degrade_provider,
    distance=_provider_trouble,
    hold_s=240.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "The payment provider outside answers thirty to sixty times as slowly as usual and some of its answers are "
        "503. Payments and checkouts wait for it; payment-service itself is idle, the database is well. The provider "
        "does not recover while the incident lasts."
    ),
    evidence=(
        Evidence(service=PAYMENT, shows="the provider's client gives its error", grep="psp: 503 Service Unavailable"),
        Evidence(
            service=PAYMENT,
            shows="answers of the provider take long, as payment-service measures them",
            promql='sum(rate(http_client_request_duration_seconds_sum{server_address="psp"}[2m]))\n'
            '/ sum(rate(http_client_request_duration_seconds_count{server_address="psp"}[2m])) > 0.5',
        ),
    ),
    alerts=SLOW,
    repairs=(("switch_psp_provider",), ("open_psp_circuit",)),
    masks=(
        ("scale_out_payment_service",),
        ("restart_payment_service",),
        ("increase_db_connections",),
        ("raise_checkout_timeouts",),
        ("open_psp_circuit", "close_psp_circuit"),
    ),
)

PACKET_LOSS = Fault(
    name="packet_loss_link",
    service=CHECKOUT,
    mechanism=Mechanism.NETWORK_FAULT,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.STANDING_STATE,
    team="network-team",
    inject=_wear_out_interface,
    distance=_loss,
    hold_s=240.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "The network interface of one node drops packets. Calls made from pods on that node wait for TCP to send the "
        "lost segment again, after 200 ms, 400 ms, 800 ms: most requests are as quick as ever, and some take steps of "
        "that, or longer than their clients wait. Redis and postgres, which call nobody, measure nothing unusual."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="one node's interface counts broken frames, and its connections retransmit",
            promql="rate(node_network_receive_errs_total[2m]) > 0.2",
        ),
    ),
    alerts=("NodeNetworkReceiveErrs",),
    repairs=(("replace_network_interface",),),
    masks=(("raise_checkout_timeouts",), ("restart_checkout_service",), ("scale_out_checkout_service",)),
)

CROSS_AZ = Fault(
    name="cross_az_latency",
    service=POSTGRES,
    mechanism=Mechanism.NETWORK_FAULT,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.STANDING_STATE,
    team="database-team",
    inject=_promote_far_standby,
    distance=_distance_to_primary,
    hold_s=240.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "The database has failed over to a standby in a distant zone: the round trip of every statement takes over "
        "40 ms more (the catalogue's 6 ms would not be felt here). The server is as quick as ever, but transactions "
        "send their statements one after another, a payment 26 and a lookup 30 for each SKU, and that adds up."
    ),
    evidence=(
        Evidence(service=POSTGRES, shows="the failover", grep="promoted"),
        Evidence(
            service=POSTGRES,
            shows="clients hold connections longer than the server works for them",
            promql='sum(avg_over_time(pg_stat_activity_count{state="active"}[2m]))\n'
            "> 5 * sum(rate(pg_stat_statements_seconds_total[2m]))",
        ),
    ),
    alerts=SLOW,
    repairs=(("failback_postgres",), ("failover_postgres",), ("colocate_database_clients",)),
    masks=(("increase_db_connections",), ("restart_postgres",), ("increase_inventory_pool_size",)),
)

N_PLUS_ONE = Fault(
    name="n_plus_one",
    service=CHECKOUT,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="checkout-team",
    inject=_release_chatty_checkout,
    distance=_calls_each,
    hold_s=240.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "A release of checkout-service reserves variant by variant where one call used to reserve the whole cart, each "
        "over a connection of its own: twenty calls for a usual cart, a hundred for a large one, one after another. "
        "Each is quick, and nothing is saturated; the larger the cart, the slower the order."
    ),
    evidence=(
        Evidence(
            service=INVENTORY,
            shows="many calls of inventory for each checkout",
            promql='sum(rate(traces_service_graph_request_total{client="checkout-service",server="inventory-service"}[2m]))\n'
            '/ sum(rate(traces_service_graph_request_total{client="user",server="checkout-service"}[2m])) > 5',
        ),
    ),
    alerts=SLOW,
    repairs=(("rollback_checkout_service",),),
    masks=(
        ("scale_out_inventory_service",),
        ("scale_out_checkout_service",),
        ("increase_db_connections",),
        ("raise_checkout_timeouts",),
        ("flush_redis_cache",),
    ),
)

THREADPOOL = Fault(
    name="threadpool_saturation",
    service=INVENTORY,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="checkout-team",
    inject=_confirm_reservations,
    distance=_exposure,
    hold_s=240.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "A release of inventory-service has reservations confirmed by a warehouse that takes six to twelve "
        "seconds, and with it checkout-service was told to wait twenty, on a smaller pool of threads. All threads of "
        "checkout wait, new requests queue behind them, and its readiness probe, which needs a thread too, fails, so "
        "that the pods left get even more. Checkout's own CPU is idle."
    ),
    evidence=(
        Evidence(
            service="inventory-service",
            shows="it is reservations of inventory that take long",
            promql='service:http_request_duration_seconds:p99_1m{service="inventory-service"} > 5',
        ),
        Evidence(
            service=CHECKOUT,
            shows="all threads of checkout are busy, and its CPU is not",
            promql='sum(avg_over_time(tomcat_threads_busy_threads{service="checkout-service"}[2m]))\n'
            '/ sum(avg_over_time(tomcat_threads_config_max_threads{service="checkout-service"}[2m])) > 0.5',
        ),
    ),
    alerts=("TomcatThreadsBusy",),
    repairs=(("enable_bulkhead", "rollback_inventory_service"), ("rollback_inventory_service", "enable_bulkhead")),
    masks=(
        ("scale_out_checkout_service",),
        ("restart_checkout_service",),
        ("raise_checkout_timeouts",),
        ("enable_bulkhead",),
        ("rollback_inventory_service",),
    ),
    trigger=_slow_spell_of_reservations,
)

TIMEOUT_INVERSION = Fault(
    name="timeout_inversion",
    service=CHECKOUT,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.CONFIG_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="checkout-team",
    inject=_invert_time_limits,
    distance=_missing_patience,
    hold_s=180.0,
    family=Family.CHECKOUT_SLOW,
    setting=CHECKOUT_ON_CALL,
    story=(
        "A push of settings has checkout wait about 33 ms for a charge, less than every other one takes, and try three "
        "times more without a budget. Payment-service completes the charges that checkout has given up, so there are "
        "two charges and more for an order, and some orders fail after four tries. Nothing is slow."
    ),
    evidence=(
        Evidence(
            service=PAYMENT,
            shows="more charges succeed than there are orders",
            promql='sum(rate(http_server_request_duration_seconds_count{http_route="/v1/charges",http_response_status_code="200"}[2m]))\n'
            '/ sum(rate(http_server_request_duration_seconds_count{http_route="/v1/checkout"}[2m])) > 1.4',
        ),
        Evidence(service=CHECKOUT, shows="third retries", grep='"http.request.resend_count":3'),
    ),
    alerts=("HighErrorRate",),
    repairs=(("restore_checkout_timeouts",), ("raise_checkout_timeouts",)),
    masks=(
        ("scale_out_payment_service",),
        ("restart_payment_service",),
        ("restart_checkout_service",),
        ("increase_checkout_retries",),
    ),
)
