"""What the rule-based agent holds possible: a cause, what speaks for it, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..case import CaseFile
from ..evidence import Clue, Found, LogClue, QuietClue, SignClue
from ..spread import Edge

NOTHING = "no_incident"
"""The mechanism of what needs no repair."""


class Topic(StrEnum):
    """What one looks into together: the causes of a topic are told apart by signs that are asked for at once."""

    DATABASE = "database"
    CACHE = "cache"
    ACCESS = "access"
    CALLS = "calls"
    LOAD = "load"
    CRASHES = "crashes"


def left_in(service: str, text: str, says: str, *, alone: bool = False) -> LogClue:
    """Lines with a text in a service's log that go with a cause, and do not bring it up.

    Args:
        alone: no other cause leaves them.
    """
    pattern = re.escape(text)
    return LogClue(says=says, pattern=pattern, services=(service,), at_least=1, grep=text, weight=0, decisive=alone)


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One cause of an incident, or one reason why a page needs no repair.

    Attributes:
        root_cause: the service where it began.
        mechanism: the id of what went wrong there.
        trigger: the id of what sets such a thing off.
        sustained_by: the id of what keeps it going.
        spread: the ways that trouble usually takes from there to other services; the dashboard has to bear them out.
        felt_after_s: how many seconds it usually takes until the first page has its reason; None where that varies.
        team: who owns the cure; nobody is paged where it is empty.
        plan: the actions that cure it, one after another.
        otherwise: what to do then where that is not enough.
        topic: what it belongs to; it is not concluded before the signs of all of the topic were asked for.
        look_at: the services to read before saying so, besides the root cause itself.
        clues: what speaks for it; without a decisive one it stays a suspicion.
        leaves: what logs hold of it, to be looked up when it is thought to be the cause; it weighs nothing.
        explanation: what went wrong, as sentences.
        cascade: how users came to feel it, as sentences.
        prevention: what keeps it from coming back, as sentences.
    """

    root_cause: str
    mechanism: str
    trigger: str
    sustained_by: str
    team: str
    plan: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    topic: Topic
    look_at: tuple[str, ...] = ()
    spread: tuple[Edge, ...] = ()
    felt_after_s: float | None = 45.0
    clues: tuple[Clue, ...]
    leaves: tuple[LogClue, ...] = ()
    explanation: str
    cascade: str = ""
    prevention: str = ""

    @property
    def harmless(self) -> bool:
        """There is nothing to repair."""
        return self.mechanism == NOTHING

    @property
    def signs(self) -> tuple[SignClue, ...]:
        """The clues that have to be asked for."""
        return tuple(clue for clue in self.clues if isinstance(clue, SignClue))

    @property
    def to_read(self) -> tuple[str, ...]:
        """The services to read before saying so."""
        return tuple(dict.fromkeys((*self.look_at, self.root_cause)))

    def evidence(self, case: CaseFile) -> Iterator[tuple[Clue, Found]]:
        """The clues that were found, the strongest first, each with what was read; none where one is ruled out."""
        if any(isinstance(it, SignClue | QuietClue) and it.required and it.denied(case) for it in self.clues):
            return
        for clue in sorted(self.clues, key=lambda clue: -clue.weight):
            if (found := clue.found(case)) is not None:
                yield clue, found

    def weight(self, case: CaseFile) -> tuple[int, int]:
        """How much speaks for it: the strongest clue, and all together."""
        weights = [clue.weight for clue, _ in self.evidence(case)]
        return max(weights, default=0), sum(weights)

    def decided(self, case: CaseFile) -> bool:
        """Something decisive was seen."""
        return any(clue.decisive for clue, _ in self.evidence(case))

    def proven(self, case: CaseFile) -> bool:
        """Something decisive was seen, and every service that belongs to it was looked at."""
        return self.decided(case) and all(service in case.investigated for service in self.to_read)

    def shared(self, case: CaseFile) -> bool:
        """All that is decisive about it might be seen under other causes as well."""
        left = [clue for clue in self.leaves if clue.found(case) is not None]
        decisive = [clue for clue in (*(clue for clue, _ in self.evidence(case)), *left) if clue.decisive]
        return all(isinstance(clue, SignClue) and clue.shared for clue in decisive)
