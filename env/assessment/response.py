"""How an incident was handled beside its repair: who was paged and when, and what the handling took."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..episode import EpisodeRecord, Sight
from . import weights


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Who was paged.

    Attributes:
        owner: the team that owns the repair; empty if nothing is to be repaired.
        after_s: seconds from the page until it was paged first; None if it never was.
        false_pages: the teams paged in vain, in order.
    """

    owner: str
    after_s: float | None
    false_pages: tuple[str, ...]

    @property
    def share(self) -> float:
        """What the line earns, 0 to 1."""
        if not self.owner:
            return 0.0 if self.false_pages else 1.0
        return 0.0 if self.after_s is None else falling(self.after_s, weights.PROMPT_S, weights.LATE_S)


def escalation(record: EpisodeRecord, owner: str, page: int) -> Escalation:
    """How an episode's escalations stand; `page` in nanoseconds."""
    at = record.escalated_at.get(owner)
    return Escalation(
        owner=owner,
        after_s=None if at is None else (at - page) / 1e9,
        false_pages=tuple(team for team in record.escalated if team != owner),
    )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the handling took.

    Attributes:
        minutes: simulated, from the page to the end of the episode.
        bytes_read: of log lines, tickets, detailed metrics and answers to queries.
        dearer: rise of what the cluster costs an hour, as a share, beyond that of the reference.
    """

    actions: int
    minutes: float
    bytes_read: int
    dearer: float

    @property
    def share(self) -> float:
        """What the line earns, 0 to 1: a quarter for each."""
        return (
            falling(self.actions, weights.FEW_ACTIONS, weights.MANY_ACTIONS)
            + falling(self.minutes, weights.BRIEF_MINUTES, weights.LONG_MINUTES)
            + falling(self.bytes_read, weights.FEW_BYTES, weights.MANY_BYTES)
            + falling(self.dearer, weights.CHEAP_SHARE, weights.DEAR_SHARE)
        ) / 4


def bytes_of(seen: Iterable[Sight]) -> int:
    """Bytes of what was read beyond the pages and the wall dashboard, which are there anyway."""
    return sum(
        sum(len(line) + 1 for lines in sight.logs.values() for line in lines)
        + sum(len(json.dumps(details)) for details in sight.details.values())
        + (len(json.dumps(sight.answer)) if sight.answer is not None else 0)
        for sight in seen
    )


def falling(value: float, best: float, worst: float) -> float:
    """1 up to the best value, 0 from the worst on, and in a straight line between."""
    return min(max((worst - value) / (worst - best), 0.0), 1.0)
