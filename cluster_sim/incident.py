"""An incident: healthy history, onset of a fault, and the page that wakes somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .clock import SECOND, WINDOW, nanoseconds
from .cluster import Cluster
from .errors import NoPage
from .faults import Fault
from .specs import ClusterSpec
from .telemetry.alerts import Severity

HISTORY_S = 600.0
ONSET_SPREAD_S = 60
LONGEST_ONSET_S = 1500.0
"""Simulated time from onset within which a page must fire (chosen)."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A cluster in trouble, as of the page.

    Attributes:
        onset: nanoseconds, when the fault began.
        paged: nanoseconds, when the first page after it fired.
    """

    cluster: Cluster
    fault: Fault
    onset: int
    paged: int


class Happening(Protocol):
    """Something that happens to a cluster at a time of its own."""

    @property
    def at_s(self) -> float:
        """Seconds after the start."""
        ...

    def strike(self, cluster: Cluster) -> None:
        """It happens."""
        ...


def begin(
    spec: ClusterSpec,
    fault: Fault,
    seed: int,
    *,
    noise: float = 1.0,
    history_s: float = HISTORY_S,
    decoys: Sequence[Happening] = (),
) -> Incident:
    """Run a cluster through its history and into a fault until somebody is paged.

    Args:
        decoys: what else happens, whatever the fault.

    Raises:
        NoPage: nothing paged within `LONGEST_ONSET_S` of the onset.
    """
    cluster = Cluster(spec, seed, noise)
    for decoy in decoys:
        cluster.after(nanoseconds(decoy.at_s), decoy.strike, cluster)
    cluster.run_for(history_s + cluster.streams.bits("onset") % ONSET_SPREAD_S)
    onset = cluster.now
    fault.inject(cluster)
    limit = onset + int(LONGEST_ONSET_S * SECOND)
    while not _paged_since(cluster, onset):
        if cluster.now >= limit:
            raise NoPage(f"nothing paged within {LONGEST_ONSET_S:.0f} s of {fault.name} (seed {seed})")
        # The instant after the next evaluation of the rules.
        cluster.run_until((cluster.now // WINDOW + 1) * WINDOW + 1)
    return Incident(cluster=cluster, fault=fault, onset=onset, paged=cluster.now)


def _paged_since(cluster: Cluster, since: int) -> bool:
    return any((alert.fired_at or 0) > since for alert in cluster.alerts.firing(Severity.PAGE))
