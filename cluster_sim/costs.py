"""What every remediation costs on a healthy cluster, measured against the same world without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .capacity import provisioned
from .clock import SECOND, WINDOW, nanoseconds
from .cluster import Cluster
from .harm import harm, patience_s
from .incident import HISTORY_S
from .invariants import broken
from .remediations import REMEDIATIONS, Remediation
from .saved import Saved
from .services import seven_services

SEED = 1
"""Of the world in which remediations are measured (chosen)."""
SPAN_S = 600
"""Seconds from the order for which users are looked at (chosen)."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one remediation costs where nothing is wrong.

    Attributes:
        took_s: seconds from the order until the change has rolled out and settled.
        bad_minutes: minutes of complete outage that would have hurt as many users, beyond those of the world without.
        usd_per_hour: by how much what the cluster has at its disposal costs more, once settled.
        broken: names of the invariants that do not hold then.
    """

    remediation: Remediation
    took_s: float
    bad_minutes: float
    usd_per_hour: float
    broken: tuple[str, ...]


class HealthyWorld:
    """A healthy cluster at the usual traffic and noise, kept as of the moment at which remediations are ordered.

    Every one meets the same users at the same times with the same draws, so what differs comes of it alone.
    """

    def __init__(self, seed: int = SEED) -> None:
        cluster = Cluster(seven_services(), seed)
        cluster.run_for(HISTORY_S)
        cluster.scrapes.stop()  # nobody looks, and nothing that is measured depends on it
        self._saved = Saved(cluster)
        self._ordered = cluster.now
        self._until = self._ordered + SPAN_S * SECOND // WINDOW * WINDOW
        self._usd_per_hour = provisioned(cluster).usd_per_hour
        self._bad_minutes = self._bad(cluster)

    def cost(self, remediation: Remediation) -> Cost:
        """Carry a remediation out on a copy."""
        cluster = self._saved.restore()
        remediation.carry_out(cluster)
        settled = cluster.now
        usd_per_hour, lost = provisioned(cluster).usd_per_hour, broken(cluster)
        return Cost(
            remediation=remediation,
            took_s=(settled - self._ordered) / SECOND,
            bad_minutes=self._bad(cluster) - self._bad_minutes,
            usd_per_hour=usd_per_hour - self._usd_per_hour,
            broken=lost,
        )

    def _bad(self, cluster: Cluster) -> float:
        """Bad minutes of those who came within the span, when all of them have an answer or have given up."""
        cluster.run_until(max(cluster.now, self._until + nanoseconds(patience_s(cluster.spec))))
        return harm(cluster, self._ordered, self._until).bad_minutes


def row(cost: Cost) -> str:
    """A remediation's row of the table."""
    fix = cost.remediation
    lost = ", ".join(f"`{name}`" for name in cost.broken) or "–"
    # Tiny differences either way are of requests that were about as late as is allowed.
    minutes = f"{cost.bad_minutes:.2f}".replace("-0.00", "0.00")
    usd = f"{cost.usd_per_hour:+.4f}" if abs(cost.usd_per_hour) >= 0.00005 else "–"
    return (
        f"| {fix.name} | {fix.team} | {fix.target} | {fix.duration_s:g} s | {cost.took_s:.0f} s | {minutes} "
        f"| {usd} | {lost} |"
    )


def head() -> Iterator[str]:
    """What stands above the rows of the page."""
    yield "# What remediations cost"
    yield ""
    yield f"Measured: each is carried out on the same healthy cluster (seed {SEED}, the usual traffic and noise), and"
    yield "compared with that cluster left alone, which meets the same users with the same draws."
    yield ""
    yield "- *Lead time*: from the order to the change. *Settled*: from the order until the change has rolled out and"
    yield "  its effect is in the last minute of a dashboard."
    yield f"- *Bad minutes*: what it costs users within {SPAN_S // 60} minutes of the order, in minutes of complete"
    yield "  outage."
    yield "- *USD/h*: by how much what is provisioned costs more afterwards, at the list prices that"
    yield "  `cluster_sim/capacity.py` cites."
    yield "- *Breaks*: invariants that do not hold afterwards. A repair may cost none of them."
    yield ""
    yield "Where nothing is wrong many of them find nothing to change; during an incident they may cost more."
    yield "Containers of applications declare no memory limits in the usual topology, so raising one is free here."
    yield ""
    yield "| fix | team | changes | lead time | settled | bad minutes | USD/h | breaks |"
    yield "|---|---|---|---|---|---|---|---|"


def page() -> Iterator[str]:
    """The page of the reference."""
    yield from head()
    world = HealthyWorld()
    for remediation in REMEDIATIONS.values():
        yield row(world.cost(remediation))
