"""Changes of links, providers, time limits and threads."""

from __future__ import annotations

from ..clock import nanoseconds
from ..cluster import Cluster
from ..engine.external import External
from ..engine.link import Wire
from .remediation import Remediation

PROVIDER = "psp"
POSTGRES = "postgres-db"
BULKHEAD_S = 0.8
"""Seconds that checkout waits for inventory behind a bulkhead (chosen: many times what a reservation takes)."""

MORE_RETRIES = 5


def _provider(cluster: Cluster) -> External:
    return cluster.externals[PROVIDER]


def _refresh(cluster: Cluster) -> None:
    for service in cluster.services.values():
        if service.externals:
            service.refresh_disturbed()


def _divert(cluster: Cluster) -> None:
    provider = _provider(cluster)
    provider.diverted, provider.deferring = True, False
    _refresh(cluster)


def _defer(cluster: Cluster) -> None:
    _provider(cluster).deferring = True
    _refresh(cluster)


def _ask_as_usual(cluster: Cluster) -> None:
    provider = _provider(cluster)
    provider.diverted = provider.deferring = False
    _refresh(cluster)


def _replace_interfaces(cluster: Cluster) -> None:
    for interface in cluster.interfaces.values():
        if not interface.sound:
            interface.replace()
    for edge in cluster.edges:
        for obstacle in list(edge.gate.obstacles) if edge.gate is not None else ():
            if isinstance(obstacle, Wire):
                edge.clear(obstacle)


def _colocate(cluster: Cluster) -> None:
    clients = [service.name for service in cluster.services.values() if POSTGRES in service.pools]
    cluster.relocate(*clients, zone=cluster.zones.get(POSTGRES, ""))
    for client in clients:
        cluster.roll(client)


def _isolate_inventory(cluster: Cluster) -> None:
    for edge in cluster.edges:
        if (edge.client, edge.server) == ("checkout-service", "inventory-service"):
            edge.timeout = nanoseconds(BULKHEAD_S)


def _try_more_often(cluster: Cluster) -> None:
    for edge in cluster.edges:
        if edge.client == "checkout-service":
            edge.retries = MORE_RETRIES
            edge.learns = True


def _usual_limits(cluster: Cluster) -> None:
    for edge in cluster.edges:
        if edge.client == "checkout-service":
            declared = edge.spec.call
            edge.timeout = nanoseconds(declared.timeout_s)
            edge.retries, edge.budget = declared.retry.attempts, declared.retry.budget


SWITCH_PROVIDER = Remediation(
    name="switch_psp_provider",
    team="payments-team",
    target="payment-service",
    duration_s=30,
    runbook="Sends payments to the second provider, which is a little slower and charges higher fees.",
    apply=_divert,
)
OPEN_CIRCUIT = Remediation(
    name="open_psp_circuit",
    team="payments-team",
    target="payment-service",
    duration_s=10,
    runbook=(
        "Opens the circuit to the payment provider: payments are accepted at once and queued, each under its "
        "idempotency key, and captured later. Some will turn out not to be covered."
    ),
    apply=_defer,
)
CLOSE_CIRCUIT = Remediation(
    name="close_psp_circuit",
    team="payments-team",
    target="payment-service",
    duration_s=10,
    runbook="Sends every payment to the usual provider again.",
    apply=_ask_as_usual,
)
REPLACE_INTERFACE = Remediation(
    name="replace_network_interface",
    team="network-team",
    target="checkout-service",
    duration_s=45,
    runbook="Moves the traffic of any node whose interface reports errors to its spare interface.",
    apply=_replace_interfaces,
)
FAIL_BACK = Remediation(
    name="failback_postgres",
    team="database-team",
    target=POSTGRES,
    duration_s=30,
    runbook="Switches the primary back to the standby in the zone of its clients. Every session is cut.",
    apply=lambda cluster: cluster.fail_over(POSTGRES),
)
COLOCATE = Remediation(
    name="colocate_database_clients",
    team="database-team",
    target=POSTGRES,
    duration_s=45,
    runbook=(
        "Moves the services that query postgres to the zone of its primary, with a rolling restart. Their calls of "
        "services that stay, and calls of theirs from there, cross zones then."
    ),
    apply=_colocate,
)
BULKHEAD = Remediation(
    name="enable_bulkhead",
    team="checkout-team",
    target="checkout-service",
    duration_s=15,
    runbook=(
        f"Checkout waits {BULKHEAD_S:g} s for inventory, and its circuit breaker answers at once when half the calls "
        "fail. Orders fail as long as reservations take longer."
    ),
    apply=_isolate_inventory,
)
RESTORE_LIMITS = Remediation(
    name="restore_checkout_timeouts",
    team="checkout-team",
    target="checkout-service",
    duration_s=15,
    runbook="Brings checkout's time limits and retries back to those of the last reviewed budget.",
    apply=_usual_limits,
)
MORE_TRIES = Remediation(
    name="increase_checkout_retries",
    team="checkout-team",
    target="checkout-service",
    duration_s=15,
    runbook=f"Lets checkout try each of its calls {MORE_RETRIES} times more when it fails, within the budget there is.",
    apply=_try_more_often,
)
