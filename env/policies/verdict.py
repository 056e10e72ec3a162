"""What the agent has settled on, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .case import CaseFile
from .evidence import Clue, Found
from .hypotheses import Hypothesis
from .spread import Edge, borne_out

SURE, CALM, UNSURE = 0.99, 0.95, 0.5
"""How often the agent is right: where a cause was proven, where it found nothing to repair, and where it had no more
than a suspicion. On 0 to 99 of the split train, in both versions of the generator: 161 of 161, 38 of 39, and never; the
first two are Laplace's (right + 1) / (all + 2) of that, the last is chosen."""

ENOUGH = 2
"""Places in which the agent wants to have seen what speaks for a cause; chosen: one may be an accident."""
MOST_EVIDENCE = 4
"""Pieces of evidence that a statement lists; chosen."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A cause the agent has settled on, with what it had seen by then; a cure does not unsay the evidence.

    Attributes:
        cause: what is held to have gone wrong.
        evidence: the clues that were found, the strongest first, and then what the cause has left in logs, each with
            what was read.
        proven: whether something decisive is among them.
        spread: how trouble has spread, as far as it was seen.
        pages: where the pages were shown.
    """

    cause: Hypothesis
    evidence: tuple[tuple[Clue, Found], ...]
    proven: bool
    spread: tuple[Edge, ...] = ()
    pages: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Where the evidence can be seen, the best first, and of every kind something before more of the same: what
        only this cause shows, what else is decisive, what stands among other things, all the rest, and the pages."""
        left = [found for clue, found in self.evidence if clue in self.cause.leaves and clue.decisive]
        own = [*left, *(found for clue, found in self.evidence if self._own(clue))]
        decisive = [found for clue, found in self.evidence if clue.decisive]
        every = [*own, *decisive, *(found for _, found in self.evidence)]
        firsts = [place for found in every for place in found.places[:1]]
        among = [place for found in own for place in found.among[:1]]
        rest = [place for found in every for place in (*found.places, *found.among)]
        ranked = dict.fromkeys([*firsts, *among, *rest, *self.pages])
        return tuple(sorted(ranked, key=lambda place: "/alerts/" in place))

    def _own(self, clue: Clue) -> bool:
        """Whether no other cause shows it: it has to be there, or is decisive where nothing has to."""
        needed = [sign for sign in self.cause.signs if sign.required]
        return clue in self.cause.leaves or (clue in needed if needed else clue.decisive)

    @property
    def well_shown(self) -> bool:
        """Whether enough can be seen that stands by itself and that no other cause shows."""
        return sum(len(found.places) for clue, found in self.evidence if self._own(clue)) >= ENOUGH

    @property
    def confidence(self) -> float:
        """How sure the agent is, 0 to 1."""
        if self.proven:
            return SURE
        return CALM if self.cause.harmless else UNSURE

    @property
    def statement(self) -> dict[str, Any]:
        """The root-cause statement, in the fields that are asked for."""
        return {
            "root_cause": self.cause.root_cause,
            "mechanism": self.cause.mechanism,
            "trigger": self.cause.trigger,
            "sustained_by": self.cause.sustained_by,
            "chain": [list(edge) for edge in self.spread],
            "confidence": self.confidence,
            "evidence": list(self.places[:MOST_EVIDENCE]),
        }


def settle(cause: Hypothesis, case: CaseFile, before: Iterable[tuple[Clue, Found]] = ()) -> Verdict:
    """A verdict by what has been noted so far.

    Args:
        before: what was found when the same cause was settled on, and may be gone by now.
    """
    left = [(clue, found) for clue in cause.leaves if (found := clue.found(case)) is not None]
    evidence = dict(before) | dict(cause.evidence(case)) | dict(left)
    return Verdict(
        cause=cause,
        evidence=tuple(evidence.items()),
        proven=any(clue.decisive for clue in evidence) and all(it in case.investigated for it in cause.to_read),
        spread=borne_out(case, cause.root_cause, cause.spread),
        pages=tuple(place for page in case.pages for place in case.places_of_page(page)[:1]),
    )
