"""Where the evidence of a fault is looked for, and under which ids it was really shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_sim import Evidence, Fault

from ..actions import INVESTIGATE_S
from ..models import Action, ActionType, Observation
from ..queries import LONGEST_LOOK_BACK_S
from .briefing import Briefing

MOST_LINES_CITED = 3
"""Log lines by which one piece of evidence is cited (chosen)."""
MOST_ODD_LINES = 6
"""Lines of one look that are cited for being rare (chosen)."""

_CHANGING = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")

Place = tuple[str, tuple[Evidence, ...]]
"""A service, and the evidence that is asked for there."""


def looks(fault: Fault) -> Iterator[Place]:
    """Where to look for what, the root service first: one query and one text of its log go into one look."""
    greps = {e.service: e for e in reversed(fault.evidence) if e.grep}
    queries = [evidence for evidence in fault.evidence if evidence.promql]
    for service in dict.fromkeys((fault.service, *greps)):
        asked = [queries.pop(0)] if queries else []
        yield service, (*asked, *([greps[service]] if service in greps else []))
    for query in queries:
        yield query.service, (query,)
    for evidence in fault.evidence:
        if evidence.grep and greps[evidence.service] is not evidence:
            yield evidence.service, (evidence,)


class Notes:
    """What a policy that knows the evidence has seen of it.

    Attributes:
        cites: the ids of what has shown a piece of the evidence, each of another thing.
        odd: the ids of rare lines in the logs of the ill; they may tell something.
    """

    def __init__(self, briefing: Briefing) -> None:
        self.cites: list[str] = []
        self.odd: list[str] = []
        self._briefing = briefing
        self._shown: set[str] = set()

    def look(self, service: str, evidence: tuple[Evidence, ...], now: Observation) -> Action:
        """The investigation that asks for the evidence, and for the service's log since the onset."""
        query: dict[str, Any] = {"logs": {"since_s": self._since_s(now)}}
        for piece in evidence:
            if piece.promql:
                query["promql"] = piece.promql
            else:
                query["logs"]["grep"] = piece.grep
        return Action(action_type=ActionType.INVESTIGATE, target=service, details=query)

    def _since_s(self, now: Observation) -> float:
        """Seconds from the onset to the end of the next look, and the second to which instants are told."""
        elapsed_s = self._briefing.elapsed_s(str(now.metadata["time"])) + INVESTIGATE_S + 1.0
        return min(elapsed_s, LONGEST_LOOK_BACK_S)

    def note(self, service: str, evidence: tuple[Evidence, ...], seen: Observation) -> None:
        """Write down what of the evidence an observation shows."""
        lines = seen.logs.get(service, [])
        for piece in evidence:
            if piece.promql:
                if _answered(seen.metrics.get(service, {})):
                    self._cite(f"{seen.step}/promql", piece.promql)
            else:
                wanted = [text for text in piece.grep.lower().split("|") if text]
                there = [number for number, line in enumerate(lines) if any(text in line.lower() for text in wanted)]
                for number in there[-MOST_LINES_CITED:]:
                    self._cite(f"{seen.step}/logs/{service}/{number}", lines[number])
        if not any(piece.grep for piece in evidence):
            fresh = [number for number in rarest(lines) if lines[number] not in self._shown]
            self.odd += [f"{seen.step}/logs/{service}/{number}" for number in fresh[:MOST_ODD_LINES]]

    def _cite(self, place: str, thing: str) -> None:
        """The same thing seen again is no further one."""
        if thing not in self._shown:
            self._shown.add(thing)
            self.cites.append(place)


def rarest(lines: list[str]) -> list[int]:
    """The places of the lines whose kind is the rarest, one of each kind; numbers and ids apart, a kind is alike."""
    kinds = [_CHANGING.sub("#", line.lower()) for line in lines]
    often = Counter(kinds)
    first = {kind: kinds.index(kind) for kind in often}
    return sorted(first.values(), key=lambda place: (often[kinds[place]], place))


def _answered(figures: Mapping[str, Any]) -> bool:
    """Whether a query was answered with something."""
    answer = figures.get("promql")
    return isinstance(answer, Mapping) and bool(answer.get("result"))
