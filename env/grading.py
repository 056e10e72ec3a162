"""The lines of a score: each reads the record of the episode, and the fix line what was read from the world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from cluster_sim import Mechanism

from .episode import EpisodeRecord
from .postmortem import Concept, coverage, states_cause

LOWEST, HIGHEST = 0.01, 0.99
"""Scores print strictly within (0, 1)."""

WRONG_FIX = 0.15
WRONG_ESCALATION = 0.10
"""What each takes off the score."""


class Criterion(Protocol):
    """One line of the score."""

    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def earned(self, record: EpisodeRecord) -> float:
        """What the episode has earned on this line so far, 0 to `weight`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Investigated:
    """A service was looked at before the fix that resolved the incident."""

    service: str
    weight: float

    @property
    def name(self) -> str:
        return f"investigate {self.service}"

    def earned(self, record: EpisodeRecord) -> float:
        step = record.investigated.get(self.service)
        in_time = step is not None and (record.repaired_at is None or step < record.repaired_at)
        return self.weight if in_time else 0.0


@dataclass(frozen=True, kw_only=True)
class Identified:
    """The first root-cause statement is right, and the service was looked at before it was made."""

    service: str
    mechanism: str
    weight: float

    @property
    def name(self) -> str:
        return "identify root cause"

    def earned(self, record: EpisodeRecord) -> float:
        said = record.statement
        looked = record.investigated.get(self.service)
        if said is None or record.stated_at is None or looked is None or looked >= record.stated_at:
            return 0.0
        right = said.service == self.service and said.mechanism == self.mechanism
        return self.weight if right else 0.0


@dataclass(frozen=True, kw_only=True)
class Escalated:
    """The team that owns the repair was paged."""

    team: str
    weight: float

    @property
    def name(self) -> str:
        return f"escalate to {self.team}"

    def earned(self, record: EpisodeRecord) -> float:
        return self.weight if self.team in record.escalated else 0.0


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """The world is repaired: read from the state and from users, never from the name of a fix."""

    weight: float
    name: str = "fix"

    def earned(self, record: EpisodeRecord) -> float:
        return self.weight if record.repaired_at is not None else 0.0


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """The first root-cause statement says that there is no incident, which is so."""

    weight: float
    name: str = "recognise that nothing is to be repaired"

    def earned(self, record: EpisodeRecord) -> float:
        said = record.statement
        return self.weight if said is not None and said.mechanism == Mechanism.NO_INCIDENT else 0.0


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """Nothing was changed that needed no change; it counts only for who knows why."""

    weight: float
    name: str = "leave the system alone"

    def earned(self, record: EpisodeRecord) -> float:
        knew = Recognised(weight=1.0).earned(record) > 0
        return self.weight if knew and not any(fix.wrong for fix in record.fixes) else 0.0


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The first postmortem states the root cause and explains what happened; without a right cause it earns nothing."""

    service: str
    concepts: tuple[Concept, ...]
    weight: float
    mechanism: str | None = None
    name: str = "postmortem"

    def earned(self, record: EpisodeRecord) -> float:
        if record.postmortem is None or not states_cause(record, self.service, self.mechanism):
            return 0.0
        return self.weight * coverage(record.postmortem, self.concepts, record, self.mechanism)


@dataclass(frozen=True)
class Grade:
    """A score with its parts.

    Attributes:
        lines: what each criterion has earned.
        deductions: what was taken off, by reason.
    """

    lines: dict[str, float]
    deductions: dict[str, float]

    @property
    def score(self) -> float:
        """The sum of the lines less the deductions, within [0.01, 0.99]."""
        total = sum(self.lines.values()) - sum(self.deductions.values())
        return round(min(max(total, LOWEST), HIGHEST), 6)

    def breakdown(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"grading": "table", "lines": self.lines, "deductions": self.deductions}


def grade(criteria: Iterable[Criterion], owner: str, record: EpisodeRecord) -> Grade:
    """Grade an episode as it stands.

    Args:
        owner: the team that owns the repair; paging any other is a wrong escalation.
    """
    lines = {criterion.name: round(criterion.earned(record), 6) for criterion in criteria}
    wrong_fixes = sum(fix.wrong for fix in record.fixes)
    wrong_teams = sum(team != owner for team in record.escalated)
    deductions = {
        "wrong fixes": round(wrong_fixes * WRONG_FIX, 6),
        "wrong escalations": round(wrong_teams * WRONG_ESCALATION, 6),
    }
    return Grade(lines, deductions)
