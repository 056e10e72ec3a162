"""Changes of capacity and of the traffic let in."""

from __future__ import annotations

from dataclasses import replace

from ..cluster import Cluster
from ..engine.limit import Shedding
from .remediation import Remediation

SHED_SHARE = 0.5
"""Share of users' requests that the gateway refuses while it sheds (chosen)."""


def _shed(cluster: Cluster) -> None:
    _admit_all(cluster)
    for edge in cluster.user_edges():
        edge.obstruct(Shedding(SHED_SHARE, cluster.streams))


def _admit_all(cluster: Cluster) -> None:
    for edge in cluster.user_edges():
        for obstacle in list(edge.gate.obstacles) if edge.gate is not None else ():
            if isinstance(obstacle, Shedding):
                edge.clear(obstacle)


SHED_LOAD = Remediation(
    name="shed_load",
    team="platform-team",
    target="checkout-service",
    duration_s=10,
    runbook=f"The gateway answers {SHED_SHARE:.0%} of users' requests with 429 until it is told to admit all again.",
    apply=_shed,
)
ADMIT_ALL = Remediation(
    name="admit_all_traffic",
    team="platform-team",
    target="checkout-service",
    duration_s=10,
    runbook="The gateway admits every request again.",
    apply=_admit_all,
)


def _restore_requests(cluster: Cluster) -> None:
    for service in cluster.services.values():
        if service.spec.autoscale is not None:
            service.cpu_request = service.spec.autoscale.cpu_request
            cluster.roll(service.name)


def _restore_heap(cluster: Cluster) -> None:
    checkout = cluster.service("checkout-service")
    checkout.behaviour = replace(checkout.behaviour, max_heap=None)
    cluster.roll(checkout.name)


RESTORE_REQUESTS = Remediation(
    name="restore_cpu_requests",
    team="platform-team",
    target="checkout-service",
    duration_s=20,
    runbook="Gives autoscaled services their CPU requests as declared, with a rolling restart of their pods.",
    apply=_restore_requests,
)
RESTORE_HEAP = Remediation(
    name="restore_heap_size",
    team="checkout-team",
    target="checkout-service",
    duration_s=20,
    runbook="Starts checkout's JVMs with the heap that they are sized for, with a rolling restart of the pods.",
    apply=_restore_heap,
)


def _restore_limit(cluster: Cluster) -> None:
    checkout = cluster.service("checkout-service")
    checkout.behaviour = replace(checkout.behaviour, cpu_limit=None)
    cluster.roll(checkout.name)


RESTORE_LIMIT = Remediation(
    name="restore_cpu_limit",
    team="platform-team",
    target="checkout-service",
    duration_s=20,
    runbook="Gives checkout's pods the CPU limit that they are sized for, with a rolling restart.",
    apply=_restore_limit,
)
