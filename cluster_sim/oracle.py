"""The full examination of a repair: root, users for as long as a mask would hold, the trigger once more, invariants."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clock import SECOND, WINDOW
from .cluster import Cluster
from .faults import Fault
from .harm import Outcomes, patience_s
from .invariants import broken
from .recovery import ENDPOINT_TARGET, MINUTE, MINUTE_TARGET, good_share, is_safe

RELAPSE_MARGIN = 1.25
"""How many times the relapse time a repair must hold (chosen)."""
FIRST_LOOK_S = 90.0
"""Seconds after which nobody looks on if users are still not served well (chosen)."""
REPLAY_S = 180.0
"""Seconds after the trigger has come again by the end of which users are served well again (chosen)."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The verdict on a state of the world.

    Attributes:
        safe: the root parameters are in their safe set, now and in the end.
        held: users were served well for `hold_s` seconds without further action.
        withstood: after the trigger came again, they were so again in the end; True where there is no trigger, and
            False where it did not come to that.
        broken: names of the invariants that do not hold.
        worst_minute: lowest share of good answers in a minute of the hold time, as far as it was lived through.
        endpoints: share of good answers of each endpoint over it.
        until: nanoseconds, the end of the hold time, or when it was plain that the incident is not over.
        outcomes: what users had in its windows.
    """

    safe: bool
    held: bool
    withstood: bool
    broken: tuple[str, ...]
    hold_s: float
    worst_minute: float
    endpoints: tuple[float, ...]
    until: int
    outcomes: Outcomes = field(repr=False)

    @property
    def recovered(self) -> bool:
        """Whether the incident is over, and nothing was given up for that."""
        return self.safe and self.held and self.withstood and not self.broken


def hold_time_s(cluster: Cluster, fault: Fault) -> float:
    """Seconds for which a repair must hold, longer than the fault takes to come back under a mask."""
    relapse_s = 0.0 if fault.relapse_s is None else RELAPSE_MARGIN * fault.relapse_s(cluster)
    return max(fault.hold_s, relapse_s)


def examine(cluster: Cluster, fault: Fault) -> Examination:
    """Let a copy of the cluster run on, untouched, on the same traffic, and then meet the trigger again.

    It ends early where something is broken, or users are badly served at its beginning: who has no answer by then will
    not have a good one.
    """
    hold_s = hold_time_s(cluster, fault)
    branch = cluster.branch()
    branch.scrapes.stop()
    lost = broken(cluster)
    safe = is_safe(cluster, fault)
    since = (branch.now + WINDOW - 1) // WINDOW * WINDOW
    until = since + int(hold_s * SECOND) // WINDOW * WINDOW
    # Requests of the last window get the time that users wait for them.
    patience = int(patience_s(cluster.spec) * SECOND)
    first_look = min(since + int(FIRST_LOOK_S * SECOND), until)
    branch.run_until(first_look)
    if lost or min(_minutes(branch, since, first_look)) < MINUTE_TARGET:
        until = first_look
    else:
        branch.run_until(until + patience)
    minutes = _minutes(branch, since, until)
    endpoints = tuple(g / a if a else 1.0 for a, g in branch.recorder.outcome(since, until))
    windows = range(since // WINDOW, until // WINDOW)
    outcomes = {w: branch.recorder.outcomes[w] for w in windows if w in branch.recorder.outcomes}
    safe = safe and is_safe(branch, fault)
    held = min(minutes) >= MINUTE_TARGET and min(endpoints) >= ENDPOINT_TARGET
    withstood = held and not lost
    if withstood and fault.trigger is not None:
        fault.trigger(branch)
        end = (branch.now + int(REPLAY_S * SECOND)) // WINDOW * WINDOW
        branch.run_until(end + patience)
        withstood = good_share(branch.recorder.outcome(end - MINUTE, end)) >= MINUTE_TARGET and is_safe(branch, fault)
    return Examination(
        safe=safe,
        held=held,
        withstood=withstood,
        broken=lost,
        hold_s=hold_s,
        worst_minute=min(minutes),
        endpoints=endpoints,
        until=until,
        outcomes=outcomes,
    )


def _minutes(branch: Cluster, since: int, until: int) -> list[float]:
    """Share of good answers in every minute of a span, one beginning every 15 seconds."""
    starts = range(since, until - MINUTE + 1, WINDOW)
    return [good_share(branch.recorder.outcome(start, start + MINUTE)) for start in starts]
