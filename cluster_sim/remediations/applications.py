"""Changes that the owners of the applications make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..clock import nanoseconds
from ..cluster import Cluster
from .remediation import Remediation

POSTGRES = "postgres-db"


def _roll(service: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.roll(service)


def _scale_out(service: str) -> Callable[[Cluster], None]:
    def apply(cluster: Cluster) -> None:
        cluster.scale(service, len(cluster.service(service).replicas) + 3)

    return apply


def _roll_back(service: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.roll_back(service)


def _resize_pool(service: str, size: int) -> Callable[[Cluster], None]:
    def apply(cluster: Cluster) -> None:
        pools = cluster.service(service).pools
        pools[POSTGRES] = replace(pools[POSTGRES], size=size)
        cluster.roll(service)

    return apply


def _scale_back(service: str) -> Callable[[Cluster], None]:
    return lambda cluster: cluster.scale(service, cluster.service(service).spec.replicas)


def _raise_timeouts(cluster: Cluster) -> None:
    for edge in cluster.edges:
        if edge.client == "checkout-service":
            edge.timeout = nanoseconds(6.0)


def _coalesce(cluster: Cluster) -> None:
    cluster.service("inventory-service").single_flight = True
    cluster.roll("inventory-service")


def _restart(name: str, service: str, team: str) -> Remediation:
    return Remediation(
        name=name,
        team=team,
        target=service,
        duration_s=5,
        runbook=f"Rolling restart of {service}: one pod after another, same version and settings.",
        apply=_roll(service),
    )


def _more(name: str, service: str, team: str) -> Remediation:
    return Remediation(
        name=name,
        team=team,
        target=service,
        duration_s=5,
        runbook=f"Adds three pods to {service}, each with its own connections and caches.",
        apply=_scale_out(service),
    )


def rollback(name: str, service: str, team: str) -> Remediation:
    """Back to the image before."""
    return Remediation(
        name=name,
        team=team,
        target=service,
        duration_s=20,
        runbook=f"Rolls {service} back to the previous image.",
        apply=_roll_back(service),
    )


RESTART_PAYMENT = _restart("restart_payment_service", "payment-service", "payments-team")
SCALE_OUT_PAYMENT = _more("scale_out_payment_service", "payment-service", "payments-team")
ROLLBACK_PAYMENT = rollback("rollback_payment_service", "payment-service", "payments-team")
SCALE_BACK_PAYMENT = Remediation(
    name="scale_in_payment_service",
    team="payments-team",
    target="payment-service",
    duration_s=5,
    runbook="Brings payment-service back to its usual three pods.",
    apply=_scale_back("payment-service"),
)
SHRINK_PAYMENT_POOL = Remediation(
    name="reduce_payment_pool_size",
    team="payments-team",
    target="payment-service",
    duration_s=20,
    runbook="Sets the payment connection pool to 5 per pod, with a rolling restart.",
    apply=_resize_pool("payment-service", 5),
)
GROW_PAYMENT_POOL = Remediation(
    name="increase_payment_pool_size",
    team="payments-team",
    target="payment-service",
    duration_s=20,
    runbook="Sets the payment connection pool to 30 per pod, with a rolling restart.",
    apply=_resize_pool("payment-service", 30),
)

RESTART_CHECKOUT = _restart("restart_checkout_service", "checkout-service", "checkout-team")
SCALE_OUT_CHECKOUT = _more("scale_out_checkout_service", "checkout-service", "checkout-team")
ROLLBACK_CHECKOUT = rollback("rollback_checkout_service", "checkout-service", "checkout-team")
RAISE_TIMEOUTS = Remediation(
    name="raise_checkout_timeouts",
    team="checkout-team",
    target="checkout-service",
    duration_s=15,
    runbook="Lets checkout wait 6 s for each service it calls.",
    apply=_raise_timeouts,
)

RESTART_INVENTORY = _restart("restart_inventory_service", "inventory-service", "inventory-team")
SCALE_OUT_INVENTORY = _more("scale_out_inventory_service", "inventory-service", "inventory-team")
ROLLBACK_INVENTORY = rollback("rollback_inventory_service", "inventory-service", "inventory-team")
GROW_INVENTORY_POOL = Remediation(
    name="increase_inventory_pool_size",
    team="inventory-team",
    target="inventory-service",
    duration_s=20,
    runbook="Sets the inventory connection pool to 25 per pod, with a rolling restart.",
    apply=_resize_pool("inventory-service", 25),
)
COALESCE = Remediation(
    name="enable_request_coalescing",
    team="inventory-team",
    target="inventory-service",
    duration_s=20,
    runbook="Lets one request per pod fetch a missing key while others wait for it, with a rolling restart.",
    apply=_coalesce,
)
