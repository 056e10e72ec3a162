"""Clues: what can be seen in telemetry that speaks for one cause of an incident."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .case import CaseFile

MOST_LINES = 3
"""Log lines, or pages, that stand for a clue, the last ones; chosen: one may be an accident."""

_LABEL = re.compile(r'(?P<name>\w+)="(?P<value>[^"]*)"')


class Found(NamedTuple):
    """What was read that shows a clue.

    Attributes:
        shown: it in a few words.
        places: where it can be seen by itself, for it to be cited.
        among: where it can be seen among other things, which may hide it.
    """

    shown: str
    places: tuple[str, ...] = ()
    among: tuple[str, ...] = ()


class Clue(Protocol):
    """One thing that speaks for a cause."""

    @property
    def says(self) -> str:
        """What it means to find the clue, as a clause."""
        ...

    @property
    def weight(self) -> int:
        """How strongly it speaks."""
        ...

    @property
    def decisive(self) -> bool:
        """Whether the clue can carry a conclusion."""
        ...

    def found(self, case: CaseFile) -> Found | None:
        """What was read that shows it, or None."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogClue:
    """Log lines of a certain text.

    Attributes:
        pattern: what the lines hold; what it matches is quoted.
        services: whose logs to read; all that were read, where empty.
        at_least: how many lines it takes, so that the stray error of a healthy day is not a clue.
        grep: text that such lines hold, to be asked for where they may be too few among the others.
    """

    says: str
    pattern: str
    services: tuple[str, ...] = ()
    at_least: int = 3
    grep: str = ""
    weight: int = 1
    decisive: bool = False

    def found(self, case: CaseFile) -> Found | None:
        hits = [
            (match[0], service, line)
            for service in self.services or tuple(case.logs)
            for line in case.logs.get(service, ())
            if (match := re.search(self.pattern, line)) is not None
        ]
        if len(hits) < self.at_least:
            return None
        places = tuple(case.place_of_line(service, line) for _, service, line in reversed(hits))
        return Found(hits[-1][0], places[:MOST_LINES])


@dataclass(frozen=True, kw_only=True)
class FractionClue:
    """One sum of figures of a service is a large fraction of another figure of it.

    Attributes:
        part: pattern of the names of the figures that are added up.
        whole: pattern of the names of the figure that they are compared with, its largest match.
        at_least: the fraction from which it is a clue, 0 to 1.
    """

    says: str
    service: str
    part: str
    whole: str
    at_least: float
    weight: int = 1
    decisive: bool = False

    def found(self, case: CaseFile) -> Found | None:
        figures = case.measured(self.service)
        parts = {name: value for name, value in figures.items() if re.search(self.part, name)}
        whole = max((value for name, value in figures.items() if re.search(self.whole, name)), default=0.0)
        total = sum(parts.values())
        if not parts or whole <= 0 or total < self.at_least * whole:
            return None
        place = case.place_of_figure(self.service, max(parts, key=parts.__getitem__))
        return Found(f"{total:.0f} of {whole:.0f}", among=() if place is None else (place,))


@dataclass(frozen=True, kw_only=True)
class DisagreementClue:
    """Replicas that should be alike carry different values of a label.

    Attributes:
        metric: pattern of the names of the series, as `name{label="value",…}`.
        label: the label that ought to have one value.
    """

    says: str
    service: str
    metric: str
    label: str
    weight: int = 1
    decisive: bool = False

    def found(self, case: CaseFile) -> Found | None:
        values = {
            match["value"]: case.place_of_figure(self.service, name)
            for name, figure in case.measured(self.service).items()
            if figure > 0 and re.search(self.metric, name)
            for match in _LABEL.finditer(name)
            if match["name"] == self.label
        }
        if len(values) < 2:
            return None
        places = tuple(place for _, place in sorted(values.items()) if place is not None)
        return Found(f"{self.label} {' and '.join(sorted(values))}", among=places)


@dataclass(frozen=True, kw_only=True)
class SignClue:
    """What a PromQL expression shows: it has one value where the sign is there, and none elsewhere.

    Attributes:
        sign: what the answer calls it; with `@` and a service behind it where several may show it.
        expr: the expression; its value has no labels, or that of the service.
        required: where it was asked for and is not there, the cause is ruled out.
        shared: other causes may bring it about on their way, so it proves nothing before these were asked for.
    """

    sign: str
    says: str
    expr: str
    weight: int = 10
    decisive: bool = True
    required: bool = False
    shared: bool = False

    def found(self, case: CaseFile) -> Found | None:
        value = case.signs.get(self.sign)
        if value is None:
            return None
        alone, among = case.places_of_sign(self.sign)
        return Found(f"{self.sign} = {value:.4g}", alone, among)

    def denied(self, case: CaseFile) -> bool:
        """Whether it was asked for, and is not there."""
        return self.sign in case.signs and case.signs[self.sign] is None


@dataclass(frozen=True, kw_only=True)
class QuietClue:
    """Nobody complains: no page of this kind fires, and none has for a while.

    Attributes:
        pages: pattern of the names of the pages that users' pain sets off.
        looks: for how many observations, so that an incident that comes and goes is none.
        required: where somebody complains, the cause is ruled out.
    """

    says: str
    pages: str
    looks: int = 5
    required: bool = False
    weight: int = 1
    decisive: bool = False

    def found(self, case: CaseFile) -> Found | None:
        lately = case.looks - self.looks
        if not case.pages or any(re.search(self.pages, name) and at > lately for name, at in case.paged.items()):
            return None
        places = tuple(place for page in case.pages for place in case.places_of_page(page))
        return Found(f"{' and '.join(sorted(case.paged))} only", places[:MOST_LINES])

    def denied(self, case: CaseFile) -> bool:
        """Whether somebody complains."""
        return self.found(case) is None
