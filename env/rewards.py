"""Rewards of a step: the seed's table, the change of the score, or the score at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .episode import EpisodeRecord
from .grading import Criterion, Explained, Investigated
from .models import Action, ActionType

CORRECT_ESCALATION = 0.30
CORRECT_FIX = 0.40
WRONG_FIX = -0.15
WRONG_ESCALATION = -0.10
IRRELEVANT_SERVICE = 0.05
NO_OP = -0.10
REPEATED_NO_OP = -0.20
REPEATED_FROM = 3
COMPLETE = 0.20
OUT_OF_STEPS = -0.05
GOOD_POSTMORTEM = 0.5
"""Share of the concepts from which a postmortem is good; it is paid between +.10 and +.20 by its share."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one step came to.

    Attributes:
        first_look: the service was looked at for the first time.
        right_team, wrong_team: the escalation was the first to the owner, or went astray.
        repaired: the incident was over after this step for the first time.
        wrong_fix: the fix moved no root parameter toward its safe set.
        first_postmortem: a postmortem was submitted for the first time.
        complete: the episode ended because everything was done.
        out_of_steps: it ended at the step limit.
    """

    action: Action
    first_look: bool = False
    right_team: bool = False
    wrong_team: bool = False
    repaired: bool = False
    wrong_fix: bool = False
    first_postmortem: bool = False
    complete: bool = False
    out_of_steps: bool = False


def table_reward(outcome: Outcome, criteria: tuple[Criterion, ...], record: EpisodeRecord) -> float:
    """The seed's reward table; every positive event is paid once."""
    reward = 0.0
    if outcome.first_look:
        weights: Mapping[str, float] = {c.service: c.weight for c in criteria if isinstance(c, Investigated)}
        reward += weights.get(outcome.action.target or "", IRRELEVANT_SERVICE)
    reward += CORRECT_ESCALATION * outcome.right_team + WRONG_ESCALATION * outcome.wrong_team
    reward += CORRECT_FIX * outcome.repaired + WRONG_FIX * outcome.wrong_fix
    if outcome.first_postmortem:
        shares = [c.earned(record) / c.weight for c in criteria if isinstance(c, Explained)]
        reward += sum(0.2 * share for share in shares if share >= GOOD_POSTMORTEM)
    if outcome.action.action_type is ActionType.NO_OP:
        reward += REPEATED_NO_OP if record.no_ops >= REPEATED_FROM else NO_OP
    reward += COMPLETE * outcome.complete + OUT_OF_STEPS * outcome.out_of_steps
    return round(reward, 6)


class Standing(Protocol):
    """A score, with whatever it rests on."""

    @property
    def score(self) -> float: ...


def shaped_reward(grade: Standing, paid: float) -> float:
    """The change of the running score, so that the sum over the episode is the score."""
    return round(grade.score - paid, 6)


def sparse_reward(grade: Standing, *, done: bool) -> float:
    """The score at the end, nothing before."""
    return grade.score if done else 0.0
