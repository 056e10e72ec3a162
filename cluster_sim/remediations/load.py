"""Changes of capacity and of the traffic let in."""

from __future__ import annotations

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
