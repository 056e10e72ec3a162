"""Whether an incident is over: the root parameters are safe, and users are served well and go on to be."""

from __future__ import annotations

from dataclasses import dataclass

from .clock import SECOND, WINDOW
from .cluster import Cluster
from .faults import Fault

MINUTE = 60 * SECOND

MINUTE_TARGET = 0.93
ENDPOINT_TARGET = 0.95
"""Good answers that count as recovered (chosen: the healthy cluster has 99.8 % over ten minutes, and at the usual
noise its worst minute of an hour 96 %): of all requests in every minute, and of each endpoint's over the hold time."""


@dataclass(frozen=True)
class Recovery:
    """The verdict on a state of the world.

    Attributes:
        safe: the root parameters are in their safe set, now and after the hold time.
        held: users were served well throughout the hold time.
        worst_minute: lowest share of good answers in a minute of it.
        endpoints: share of good answers of each endpoint over it.
    """

    safe: bool
    held: bool
    worst_minute: float
    endpoints: tuple[float, ...]

    @property
    def recovered(self) -> bool:
        """Whether the incident is over."""
        return self.safe and self.held


def good_share(counts: list[tuple[int, int]]) -> float:
    """Share of good answers; 1 of none."""
    answered = sum(a for a, _ in counts)
    return sum(g for _, g in counts) / answered if answered else 1.0


def is_safe(cluster: Cluster, fault: Fault) -> bool:
    """Whether the root parameters are in their safe set now."""
    return fault.distance(cluster) == 0


def judge(cluster: Cluster, fault: Fault) -> Recovery:
    """Let a copy of the cluster run on, untouched, for the fault's hold time, on the same traffic."""
    safe = is_safe(cluster, fault)
    branch = cluster.branch()
    branch.scrapes.stop()
    since = (branch.now + WINDOW - 1) // WINDOW * WINDOW
    until = since + (int(fault.hold_s * SECOND) // WINDOW) * WINDOW
    # Requests of the last window get the time that users wait for them.
    branch.run_until(until + 9 * SECOND)
    minutes = [
        good_share(branch.recorder.outcome(start, start + MINUTE)) for start in range(since, until - MINUTE + 1, WINDOW)
    ]
    endpoints = tuple(g / a if a else 1.0 for a, g in branch.recorder.outcome(since, until))
    held = min(minutes) >= MINUTE_TARGET and min(endpoints) >= ENDPOINT_TARGET
    return Recovery(safe and is_safe(branch, fault), held, min(minutes), endpoints)
