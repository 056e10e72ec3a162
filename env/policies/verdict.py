"""What the agent has settled on, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .case import CaseFile
from .evidence import Clue, Found
from .hypotheses import Hypothesis
from .spread import Edge, borne_out

SURE, UNSURE = 0.95, 0.5
"""How often a cause that was proven, and one that was only the best suspicion, is the right one."""

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
        alerts: where the tickets of the root cause, and the pages, were shown.
    """

    cause: Hypothesis
    evidence: tuple[tuple[Clue, Found], ...]
    proven: bool
    spread: tuple[Edge, ...] = ()
    alerts: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Where the evidence can be seen, the best first: what speaks for this cause alone and stands by itself,
        something of each clue before more of the same; then what stands among other things or is shared."""
        strong = [found for clue, found in self.evidence if clue.decisive or clue in self.cause.leaves]
        every = [found for _, found in self.evidence]
        firsts = [place for found in strong for place in found.places[:1]]
        alone = [place for some in (strong, every) for found in some for place in found.places]
        among = [place for some in (strong, every) for found in some for place in found.among]
        return tuple(dict.fromkeys([*firsts, *alone, *among, *self.alerts]))

    @property
    def well_shown(self) -> bool:
        """Whether enough can be seen that stands by itself and speaks for this cause alone."""
        strong = (found for clue, found in self.evidence if clue.decisive or clue in self.cause.leaves)
        return sum(len(found.places) for found in strong) >= ENOUGH

    @property
    def confidence(self) -> float:
        """How sure the agent is, 0 to 1."""
        return SURE if self.proven else UNSURE

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
    pages = (place for page in case.pages for place in case.places_of_page(page))
    left = [(clue, found) for clue in cause.leaves if (found := clue.found(case)) is not None]
    evidence = dict(before) | dict(cause.evidence(case)) | dict(left)
    return Verdict(
        cause=cause,
        evidence=tuple(evidence.items()),
        proven=any(clue.decisive for clue in evidence) and all(it in case.investigated for it in cause.to_read),
        spread=borne_out(case, cause.root_cause, cause.spread),
        alerts=(*case.places_of_tickets(cause.root_cause), *pages),
    )
