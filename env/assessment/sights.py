"""Citations: the id of something that was shown to the agent, and what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from ..diagnosis import text_of
from ..episode import EpisodeRecord, Sight
from ..errors import BadRequest
from ..models import ActionType
from ..queries import query_in
from .pods import of_no_pod

LONGEST_ID = 500
"""Characters (chosen: the name of a metric with all its labels has two hundred)."""

_PLACE = re.compile(r"r[1-9][0-9]{0,4}|0|[1-9][0-9]{0,4}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,4}")


class Kind(StrEnum):
    """What a citation points at."""

    ALERT = "alert"
    LINE = "line"
    METRIC = "metric"
    PROMQL = "promql"
    OTHER = "other"
    """A trace, or an answer as a whole: it was seen, and is too much or too little to tell one cause from another."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A PromQL expression as it was asked.

    Attributes:
        last_s, step_s: for its values over time; None for its value at the moment.
    """

    expression: str
    last_s: float | None = None
    step_s: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Cited:
    """Something that the agent was really shown.

    Attributes:
        service: whose log, tickets or metric; empty where it is about none in particular.
        at: nanoseconds, when it was shown.
        fixes: how many fixes had been applied by then.
        text: a line of a log, of the pager or of the tickets; the name of a metric.
        value: of a metric: the largest that was shown, of whichever pod; None where none was measured.
        before: the lines shown above a line of a log, the nearest first.
        asked: a PromQL query.
        answered: whether its answer held anything.
    """

    id: str
    kind: Kind
    service: str
    at: int
    fixes: int
    text: str = ""
    value: float | None = None
    before: tuple[str, ...] = ()
    asked: Asked | None = None
    answered: bool = False

    @property
    def thing(self) -> tuple[object, ...]:
        """What is cited, whatever the place it was shown in."""
        if self.kind in (Kind.LINE, Kind.METRIC, Kind.ALERT):
            return self.kind, self.service, self.text
        return (self.kind, self.asked) if self.kind is Kind.PROMQL else (self.kind, self.id)


def cited(record: EpisodeRecord, id: str) -> Cited | None:
    """What an id points at; None if nothing of the kind had been shown when the postmortem was filed.

    An id is `<step>/alerts/<i>`, `<step>/logs/<service>/<i>`, `<step>/tickets/<service>/<i>`,
    `<step>/detail/<service>/<metric>`, `<step>/promql`, `<step>/trace`, `r<n>`, or `r<n>/<i>`, and nothing else.
    """
    if len(id) > LONGEST_ID:
        return None
    place, slash, rest = id.partition("/")
    if not _PLACE.fullmatch(place) or (slash and not rest):
        return None
    sight = next((sight for sight in citable(record) if sight.place == place), None)
    if sight is None:
        return None
    found = _of_read(sight, rest) if place.startswith("r") else _of_step(sight, rest)
    return None if found is None else Cited(id=id, at=sight.at, fixes=sight.fixes, **found)


def citable(record: EpisodeRecord) -> Iterator[Sight]:
    """What had been shown by the time the postmortem was filed, or until now if none has been."""
    filed = None if record.postmortem is None else str(filed_in(record))
    for sight in record.seen:
        if sight.place == filed:
            return
        yield sight


def filed_in(record: EpisodeRecord) -> int:
    """The step in which the postmortem was filed."""
    for event in record.events:
        if event.action.action_type is ActionType.POSTMORTEM and text_of(event.action.details).strip():
            return event.step
    return record.step


# ---------------------------------------------------------------- what was shown by a step

Found = dict[str, Any] | None


def _of_step(sight: Sight, rest: str) -> Found:
    kind, _, which = rest.partition("/")
    if kind == "alerts":
        return _line(sight.alerts, which, Kind.ALERT, "")
    service, _, which_of_it = which.partition("/")
    shown = sight.details.get(service, {})
    match kind:
        case "logs":
            return _line(sight.logs.get(service, []), which_of_it, Kind.LINE, service)
        case "tickets":
            return _line(shown.get("tickets", []), which_of_it, Kind.ALERT, service)
        case "detail":
            return _metric(shown.get("detail", {}), which_of_it, service)
    if rest in ("promql", "trace"):
        for about, details in sight.details.items():
            if rest in details:
                return _promql(_asked_in(sight), details[rest]) if rest == "promql" else _other(about)
    return None


def _asked_in(sight: Sight) -> Asked | None:
    try:
        query = query_in(sight.asked)
    except BadRequest:
        return None
    return None if query.promql is None else Asked(expression=query.promql)


# ---------------------------------------------------------------- what was shown by a read


def _of_read(sight: Sight, rest: str) -> Found:
    tool, arguments = sight.asked
    answer = sight.answer or {}
    service = str(arguments.get("service") or "")
    if rest:
        return _line(answer.get("lines", []), rest, Kind.LINE, service)
    if tool == "query_metrics":
        times = {name: float(arguments[name]) for name in ("last_s", "step_s") if arguments.get(name) is not None}
        return _promql(Asked(expression=arguments["promql"], **times), answer)
    return _other(service)


# ---------------------------------------------------------------- parts


def _line(lines: list[str], which: str, kind: Kind, service: str) -> Found:
    if not _NUMBER.fullmatch(which) or int(which) >= len(lines):
        return None
    number = int(which)
    before = tuple(reversed(lines[:number])) if kind is Kind.LINE else ()
    return {"kind": kind, "service": service, "text": lines[number], "before": before}


def _metric(metrics: Mapping[str, Any], name: str, service: str) -> Found:
    if name not in metrics:
        return None
    of_all = [value for shown, value in metrics.items() if of_no_pod(shown) == of_no_pod(name)]
    numbers = [float(value) for value in of_all if isinstance(value, int | float) and not isinstance(value, bool)]
    finite = [value for value in numbers if isfinite(value)]
    value = max(finite, key=abs) if finite else None
    return {"kind": Kind.METRIC, "service": service, "text": name, "value": value}


def _promql(asked: Asked | None, answer: Mapping[str, Any]) -> Found:
    if asked is None:
        return None
    result = answer.get("result")
    return {"kind": Kind.PROMQL, "service": "", "asked": asked, "answered": result not in (None, [])}


def _other(service: str) -> Found:
    return {"kind": Kind.OTHER, "service": service}
