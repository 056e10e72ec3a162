"""What a group of episodes comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..policies.runner import SUCCESS_SCORE
from .statistics import Estimate, clustered, pass_hat

PASS_SCORE = SUCCESS_SCORE
"""An episode passes if its world was repaired and it scored this; chosen: more than looking and talking earn."""

Row = Mapping[str, Any]
Incident = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What users suffered, in episodes that were graded in full.

    Attributes:
        excess: between the reference (0) and nobody acting (1).
        bad_minutes: minutes of complete outage that would have hurt as many, mean over episodes.
        bad_minutes_nothing, bad_minutes_reference: the same if nobody acts, and with the reference.
        collateral_minutes: those that wrong fixes have cost.
    """

    excess: Estimate
    bad_minutes: float
    bad_minutes_nothing: float
    bad_minutes_reference: float
    collateral_minutes: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Means over the episodes of a group; intervals are of 95 %, clustered by fault.

    Attributes:
        episodes: those with a score.
        incidents: how many different ones they are.
        faults: of how many different faults.
        failed: those in which the policy failed, scored with the lowest.
        score: mean of them.
        resolved: share whose world was repaired at the end.
        trials: times that every incident was played at least.
        passes: pass^1, pass^2, … up to `trials`.
        steps: actions.
        harm: None where nothing was graded in full.
    """

    episodes: int
    incidents: int
    faults: int
    failed: int
    score: Estimate
    resolved: Estimate
    trials: int
    passes: tuple[float, ...]
    steps: float
    harm: Harm | None


def passed(row: Row) -> bool:
    """Whether an episode counts as a pass."""
    return bool(row["resolved"]) and row["score"] >= PASS_SCORE


def incident_of(row: Row) -> Incident:
    """What tells the incident of a row from others: all that its world is made of."""
    return tuple(row[name] for name in ("task", "split", "difficulty", "noise", "arrival_rate_hz", "seed"))


def figures(rows: Sequence[Row]) -> Figures:
    """What the rows come to, at least one, each with a score."""
    faults = [row["fault"] for row in rows]
    trials: dict[Incident, list[bool]] = {}
    for row in rows:
        trials.setdefault(incident_of(row), []).append(passed(row))
    passes = pass_hat(trials.values())
    return Figures(
        episodes=len(rows),
        incidents=len(trials),
        faults=len(set(faults)),
        failed=sum(row["outcome"] == "failed" for row in rows),
        score=clustered([row["score"] for row in rows], faults),
        resolved=clustered([float(row["resolved"]) for row in rows], faults),
        trials=len(passes),
        passes=passes,
        steps=fmean(row["steps"] for row in rows),
        harm=_harm([row for row in rows if row["harm_excess"] is not None]),
    )


def _harm(rows: Sequence[Row]) -> Harm | None:
    if not rows:
        return None
    minutes = ("bad_minutes", "bad_minutes_nothing", "bad_minutes_reference", "collateral_minutes")
    return Harm(
        excess=clustered([row["harm_excess"] for row in rows], [row["fault"] for row in rows]),
        **{name: fmean(row[name] or 0.0 for row in rows) for name in minutes},
    )
