"""What users suffered in an episode, and how much of that each change of the agent brought upon them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cluster_sim import Outcomes, bad_minutes, nanoseconds, patience_s

from ..actions import Scene
from ..episode import EpisodeRecord, Fix
from .courses import Course, Order, follow
from .yardstick import SPAN_S, Yardstick

AFTER_S = 180.0
"""Seconds after a change has settled in which its damage shows (chosen)."""

REPLAYED_S = 360.0
"""Seconds of an episode that are lived through once more, in equal parts without each of its changes (chosen: two
changes are followed for three minutes each from their order, which is until they have settled and beyond)."""


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What users suffered, in minutes of complete outage.

    Attributes:
        actual: from the page to `until`, as it was.
        reference: over the same span, had the reference response been given.
        nothing: within `SPAN_S` after the page, had nobody acted.
        unit: what the harm is measured by.
        until: nanoseconds: the end of the time for which the repair was seen to hold; of an incident that is not over,
            at least the end of the span within which it should have been.
    """

    actual: float
    reference: float
    nothing: float
    unit: float
    until: int

    @property
    def excess(self) -> float:
        """Harm beyond that of the reference response, 0 to 1: 1 is as bad as if nobody had acted in time."""
        return min(max((self.actual - self.reference) / self.unit, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Collateral:
    """What one change cost users.

    Attributes:
        bad_minutes: more of them with it than without it, from its order to some minutes after it had settled;
            negative if it helped. None if it was not measured.
        usd_per_hour: by how much the cluster cost more after it than before.
    """

    step: int
    fix: str
    wrong: bool
    bad_minutes: float | None
    usd_per_hour: float


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What users had, as far as it is known without going on: nanoseconds, and outcomes up to then."""

    until: int
    outcomes: Outcomes


def lived(scene: Scene, yardstick: Yardstick) -> Lived:
    """The users' side of an episode: as it was and, if the world is repaired, for as long as that was seen to hold. Who
    leaves an incident to itself leaves users to it: then it goes on until it should have been over."""
    cluster, seen = scene.cluster, scene.examined
    until = cluster.now - nanoseconds(patience_s(cluster.spec))
    outcomes = cluster.recorder.outcomes
    if scene.record.repaired_at is not None and seen is not None and seen.until > until:
        return Lived(until=seen.until, outcomes={**outcomes, **seen.outcomes})
    due = yardstick.page + nanoseconds(SPAN_S)
    if scene.record.repaired_at is not None or scene.fault.harmless or until >= due:
        return Lived(until=until, outcomes=outcomes)
    left = Course(cluster.branch()) if scene.record.fixes else yardstick.nothing
    return Lived(until=due, outcomes=left.outcomes(due))


def impact(yardstick: Yardstick, life: Lived) -> Impact:
    """How users fared, beside how they would have."""
    page = yardstick.page
    return Impact(
        actual=bad_minutes(life.outcomes, page, life.until),
        reference=yardstick.reference.bad_minutes(page, life.until),
        nothing=yardstick.nothing.bad_minutes(page, page + nanoseconds(SPAN_S)),
        unit=yardstick.unit_minutes,
        until=life.until,
    )


def unmeasured(record: EpisodeRecord) -> list[Collateral]:
    """The changes of an episode, without what they cost users."""
    return [
        Collateral(step=fix.step, fix=fix.name, wrong=fix.wrong, bad_minutes=None, usd_per_hour=fix.usd_per_hour)
        for fix in record.fixes
    ]


def collateral(yardstick: Yardstick, scene: Scene, life: Lived) -> list[Collateral]:
    """For every change of an episode, what it cost: what followed is lived through once more without it.

    The first few are measured, those before which the world is known.
    """
    changes = unmeasured(scene.record)
    orders = [Order(fix=fix.name, began=fix.began) for fix in scene.record.fixes]
    measured = len(scene.before or ()) + 1
    for number, fix in enumerate(scene.record.fixes[:measured]):
        since, until = fix.began, _measured_until(fix, min(len(orders), measured), life)
        later = [order for order in orders[number + 1 :] if order.began < until]
        without = _without(yardstick, scene, number, later, until)
        cost = bad_minutes(life.outcomes, since, until) - bad_minutes(without, since, until)
        changes[number] = replace(changes[number], bad_minutes=cost)
    return changes


def _measured_until(fix: Fix, changes: int, life: Lived) -> int:
    return min(fix.done + nanoseconds(AFTER_S), fix.began + nanoseconds(REPLAYED_S / changes), life.until)


def _without(yardstick: Yardstick, scene: Scene, number: int, later: list[Order], until: int) -> Outcomes:
    """What users would have had in an episode without one of its changes."""
    if number:
        cluster = (scene.before or [])[number - 1].restore()
        cluster.scrapes.stop()
    elif later:
        cluster = yardstick.nothing.as_of(later[0].began)
    else:
        return yardstick.nothing.outcomes(until)
    return follow(cluster, later, until)
