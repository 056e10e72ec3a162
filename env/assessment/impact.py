"""What users suffered in an episode, and how much of that each change of the agent brought upon them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cluster_sim import Outcomes, bad_minutes, nanoseconds, patience_s

from ..actions import Scene
from ..episode import EpisodeRecord
from .courses import Course, Order, carry_out
from .yardstick import SPAN_S, Yardstick

AFTER_S = 180.0
"""Seconds after a change has settled in which its damage shows (chosen)."""

MOST_MEASURED = 4
"""Changes of one episode whose cost to users is measured, the first ones (chosen)."""


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


def collateral(yardstick: Yardstick, record: EpisodeRecord, life: Lived) -> list[Collateral]:
    """For every change of an episode, what it cost: the episode is lived through once more without it."""
    orders = [Order(fix=fix.name, began=fix.began) for fix in record.fixes]
    costs = _measured(yardstick, orders, [fix.done for fix in record.fixes], life)
    changes = unmeasured(record)
    measured = [replace(change, bad_minutes=cost) for change, cost in zip(changes, costs, strict=False)]
    return [*measured, *changes[len(measured) :]]


def _measured(yardstick: Yardstick, orders: list[Order], done: list[int], life: Lived) -> list[float]:
    costs = []
    fact = yardstick.cluster() if len(orders) > 1 else None
    if fact is not None:
        fact.scrapes.stop()
    for number, order in enumerate(orders[:MOST_MEASURED]):
        until = min(done[number] + nanoseconds(AFTER_S), life.until)
        later = [other for other in orders[number + 1 :] if other.began < until]
        if fact is None or (number == 0 and not later):
            without = yardstick.nothing
        else:
            fact.run_until(max(fact.now, order.began))
            without = Course(fact.branch(), later)
        costs.append(bad_minutes(life.outcomes, order.began, until) - without.bad_minutes(order.began, until))
        if fact is not None and number + 1 < min(len(orders), MOST_MEASURED):
            carry_out(fact, order)
    return costs
