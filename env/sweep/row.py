"""One episode of a sweep as a row of its results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..trajectory import Trajectory

OUTCOMES = ("played", "nobody_paged", "failed")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was played and what came of it; nothing here depends on when, where or beside what it was played.

    Attributes:
        version: of the code and libraries that played it; rows of equal versions can be compared.
        noise: level of the healthy traffic's own trouble.
        arrival_rate_hz: user requests per second at the edge.
        reward_mode: what the steps were paid by.
        seed: the episode's, and the policy's in its first trial.
        task: what was played.
        split, difficulty: which generated incidents were asked for; the seed is the index.
        difficulty_played: how hard the incident is, whether a difficulty was asked for or not; null of a fixed task.
        fault, family: the truth of it, for who evaluates; null if nobody was paged.
        policy: who played it.
        trial: the how manieth time the policy plays this incident, from 0; each has a seed of its own.
        outcome: `played` to its end, `nobody_paged` (there was no incident to play), or `failed` on the way.
        failure: why it failed, in one line.
        score: within (0, 1); null if nobody was paged.
        resolved: whether the world was repaired at the end.
        done: whether the episode came to its end.
        steps: actions taken.
        simulated_s: simulated seconds from the beginning of the history to the last observation.
        after_page_s: those of them that came after the page.
        total_reward: sum of `rewards`.
        rewards: what each step was paid.
        lines: what each line of the score has earned.
        deductions: what was taken off the score, by reason.
        grading: how it was graded, `table` or `full`; null if the episode did not come to its end.
        harm_excess: what users suffered between what they suffer with the reference (0) and if nobody acts (1).
        bad_minutes: what they suffered, in minutes of complete outage.
        bad_minutes_nothing, bad_minutes_reference: the same if nobody acts, and with the reference.
        collateral_minutes: those of them that wrong fixes have cost. All five are null unless it was graded in full.
        actions: the actions taken, as they stand in the body of a step.
        observations: digest of all observations, from the page to the last.
    """

    version: str
    noise: float
    arrival_rate_hz: float
    reward_mode: str
    seed: int
    task: str
    policy: str
    split: str | None = None
    difficulty: int | None = None
    difficulty_played: int | None = None
    trial: int = 0
    fault: str | None = None
    family: str | None = None
    outcome: Literal["played", "nobody_paged", "failed"]
    failure: str | None = None
    score: float | None = None
    resolved: bool = False
    done: bool = False
    steps: int = 0
    simulated_s: float | None = None
    after_page_s: float | None = None
    total_reward: float = 0.0
    rewards: list[float] = field(default_factory=list)
    lines: dict[str, float] = field(default_factory=dict)
    deductions: dict[str, float] = field(default_factory=dict)
    grading: Literal["table", "full"] | None = None
    harm_excess: float | None = None
    bad_minutes: float | None = None
    bad_minutes_nothing: float | None = None
    bad_minutes_reference: float | None = None
    collateral_minutes: float | None = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    observations: str | None = None

    def json(self) -> bytes:
        """The row as a line of JSON, with its end. ASCII: an agent may have said what no UTF-8 can."""
        record = {name: getattr(self, name) for name in COLUMNS}
        return json.dumps(record, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An episode of a sweep that keeps trajectories.

    Attributes:
        trajectory: None if it did not come to its end.
    """

    row: Row
    trajectory: Trajectory | None

    def json(self) -> bytes:
        """Two lines: the row, and the trajectory or null."""
        return self.row.json() + (b"null\n" if self.trajectory is None else self.trajectory.json())


COLUMNS = {column.name: None for column in fields(Row)}.keys()
"""The names of a row's columns, in their order."""
