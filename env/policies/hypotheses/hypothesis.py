"""What the rule-based agent holds possible: a cause, what speaks for it, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..case import CaseFile
from ..evidence import Clue, SignClue

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


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One cause of an incident, or one reason why a page needs no repair.

    Attributes:
        root_cause: the service where it began.
        mechanism: the id of what went wrong there.
        team: who owns the cure; nobody is paged where it is empty.
        plan: the actions that cure it, one after another.
        otherwise: what to do then where that is not enough.
        topic: what it belongs to; it is not concluded before the signs of all of the topic were asked for.
        look_at: the services to read before saying so, besides the root cause itself.
        clues: what speaks for it; without a decisive one it stays a suspicion.
        explanation: what went wrong, as sentences.
        cascade: how users came to feel it, as sentences.
        prevention: what keeps it from coming back, as sentences.
    """

    root_cause: str
    mechanism: str
    team: str
    plan: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    topic: Topic
    look_at: tuple[str, ...] = ()
    clues: tuple[Clue, ...]
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

    def evidence(self, case: CaseFile) -> Iterator[tuple[Clue, str]]:
        """The clues that were found, the strongest first, each with what was read; none where one is ruled out."""
        if any(sign.required and sign.denied(case) for sign in self.signs):
            return
        for clue in sorted(self.clues, key=lambda clue: -clue.weight):
            if (shown := clue.found(case)) is not None:
                yield clue, shown

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
        decisive = [clue for clue, _ in self.evidence(case) if clue.decisive]
        return all(isinstance(clue, SignClue) and clue.shared for clue in decisive)
