"""What an on-call engineer has noted so far: pages, log lines, measurements, and what was done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..models import Action, ActionType, Observation
from .policy import offered

MOST_LINES = 5000
"""Log lines kept per service; chosen, far above what an episode shows."""

_PAGE = re.compile(r"^\[(?P<status>[A-Z]+)[^\]]*\]\s+(?P<name>\S+)\s+(?P<service>\S+)")
APPLICATIONS = ("checkout-service", "payment-service", "inventory-service", "auth-service")
"""The services whose signs are asked for together."""

_SIGN = re.compile(r'"sign", "(\w+)(@\$1)?"')
_MEASURED = re.compile(r"\|\s*(?P<measured>[^|]+?)\s*\|\s*since\s+(?P<since>\S+)")
_SHOWN = "detail."
"""What the path of a detailed metric begins with, before its name as it was shown."""


class Page(NamedTuple):
    """One page: an alert that wakes somebody up."""

    name: str
    service: str
    firing: bool
    measured: str
    since: str


def read_page(line: str) -> Page | None:
    """The page that an alert line tells of, or None where the line is something else."""
    head = _PAGE.match(line)
    if head is None:
        return None
    body = _MEASURED.search(line)
    return Page(
        name=head["name"],
        service=head["service"],
        firing=head["status"] != "RESOLVED",
        measured=body["measured"] if body else "",
        since=body["since"] if body else "",
    )


class CaseFile:
    """The running notes of one incident.

    Attributes:
        services: the services that can be looked at, in the listed order.
        logs: every line read so far, by service.
        pages: the pages of the first observation that had any.
        investigated: how often each service was looked at.
        done: the actions taken so far, in order.
        signs: the signs that were asked for, each with its latest value, or None where it was not there.
        asked: every sign, and every text in a service's log as `service: text`, that was asked for.
        looks: how many observations there were.
        paged: the names of all alerts that have paged so far, each with the number of the last observation it fired in.

    A place is the id by which what was shown can be cited later: the step, then where in its observation it stands.
    """

    def __init__(self) -> None:
        self.services: list[str] = []
        self.logs: dict[str, list[str]] = {}
        self.pages: tuple[Page, ...] = ()
        self.investigated: dict[str, int] = {}
        self.done: list[Action] = []
        self.signs: dict[str, float | None] = {}
        self.asked: set[str] = set()
        self.looks = 0
        self.paged: dict[str, int] = {}
        self._lines: dict[tuple[str, str], str] = {}
        self._page_lines: dict[tuple[str, str], dict[str, str]] = {}
        self._figure_steps: dict[tuple[str, str], int] = {}
        self._sign_places: dict[tuple[str, bool], list[str]] = {}
        self._asked: tuple[str, ...] = ()
        self._firing: frozenset[tuple[str, str]] = frozenset()
        self._measured: dict[str, dict[str, float]] = {}
        self._worst: dict[str, dict[str, float]] = {}
        self._fixes: list[str] = []

    def note(self, observation: Observation) -> None:
        """Write down what an observation shows."""
        self.services = offered(observation, "investigate")
        self._fixes = offered(observation, "apply_fix")
        for service, lines in observation.logs.items():
            self._note_lines(observation.step, service, lines)
        for service, figures in observation.metrics.items():
            self._note_signs(observation.step, figures.get("promql"))
            self._note_figures(observation.step, service, figures)
        pages = tuple(page for line in observation.alerts if (page := read_page(line)) is not None)
        for index, line in enumerate(observation.alerts):
            if (page := read_page(line)) is not None and page.firing:
                lines_of_page = self._page_lines.setdefault((page.name, page.service), {})
                lines_of_page.setdefault(line, f"{observation.step}/alerts/{index}")
        self._firing = frozenset((page.name, page.service) for page in pages if page.firing)
        self.pages = self.pages or tuple(page for page in pages if page.firing)
        self.looks += 1
        self.paged |= {page.name: self.looks for page in pages if page.firing}

    def _note_lines(self, step: int, service: str, lines: list[str]) -> None:
        """Write down the lines that are new, and where they stand."""
        known = self.logs.setdefault(service, [])
        before = set(known)
        known.extend(line for line in lines if line not in before)
        del known[:-MOST_LINES]
        for index, line in enumerate(lines):
            self._lines.setdefault((service, line), f"{step}/logs/{service}/{index}")

    def _note_figures(self, step: int, service: str, figures: Mapping[str, Any]) -> None:
        """Write down the figures of a service."""
        measured = dict(measurements(figures))
        self._measured.setdefault(service, {}).update(measured)
        worst = self._worst.setdefault(service, {})
        worst |= {name: max(value, worst.get(name, value)) for name, value in measured.items() if "." not in name}
        self._figure_steps |= {(service, name): step for name in measured}

    def _note_signs(self, step: int, answer: Any) -> None:
        """Write down which of the signs that were asked for are there."""
        if not isinstance(answer, Mapping) or not isinstance(answer.get("result"), list):
            return
        there = {row["labels"].get("sign"): row["value"] for row in answer["result"]}
        self.signs |= {sign: float(there[sign]) if sign in there else None for sign in self._asked}
        for sign in self._asked:
            if sign in there:
                alone = len({asked.partition("@")[0] for asked in self._asked}) == 1
                self._sign_places.setdefault((sign, alone), []).append(f"{step}/promql")

    def took(self, action: Action) -> None:
        """Write down what was done."""
        self.done.append(action)
        self._asked = signs_in(action)
        self.asked |= {*self._asked, f"{action.target}: {grep_in(action)}"}
        if action.action_type is ActionType.INVESTIGATE and action.target is not None:
            self.investigated[action.target] = self.investigated.get(action.target, 0) + 1

    def place_of_line(self, service: str, line: str) -> str:
        """Where a line of a log was first shown."""
        return self._lines[service, line]

    def places_of_page(self, page: Page) -> tuple[str, ...]:
        """Where a page that fires was shown, once for each measurement."""
        return tuple(self._page_lines.get((page.name, page.service), {}).values())

    def places_of_sign(self, sign: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Where a sign was seen: when it was asked for alone, and among others."""
        alone, among = (tuple(self._sign_places.get((sign, alone), ())) for alone in (True, False))
        return alone, among

    def place_of_figure(self, service: str, name: str) -> str | None:
        """Where a figure was shown last, if it can be cited: it is a detailed metric."""
        if not name.startswith(_SHOWN):
            return None
        return f"{self._figure_steps[service, name]}/detail/{service}/{name.removeprefix(_SHOWN)}"

    def has(self, action_type: ActionType, target: str | None = None) -> bool:
        """Whether such an action was taken, on the target where one is named."""
        return any(action.action_type is action_type and target in (None, action.target) for action in self.done)

    def offers_fix(self, fix: str) -> bool:
        """Whether the list of actions holds the fix."""
        return fix in self._fixes

    @property
    def recovered(self) -> bool:
        """None of the pages that opened the incident is firing now."""
        return not any((page.name, page.service) in self._firing for page in self.pages)

    def measured(self, service: str) -> Mapping[str, float]:
        """The latest figures of a service by name; a nested one is named by its path."""
        return self._measured.get(service, {})

    def worst(self, service: str) -> Mapping[str, float]:
        """The largest figure so far of each of a service's golden signals."""
        return self._worst.get(service, {})


def signs_in(action: Action) -> tuple[str, ...]:
    """The signs that an action asks for, those of several services once for each."""
    details = action.details if isinstance(action.details, Mapping) else {}
    found = _SIGN.findall(str(details.get("promql", "")))
    return tuple(
        f"{sign}@{service}" if at else sign for sign, at in found for service in (APPLICATIONS if at else ("",))
    )


def grep_in(action: Action) -> str:
    """The text that an action looks for in a log."""
    details = action.details if isinstance(action.details, Mapping) else {}
    logs = details.get("logs")
    return str(logs.get("grep", "")) if isinstance(logs, Mapping) else ""


def measurements(figures: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number inside a service's metrics, with the path of names that leads to it."""
    if isinstance(figures, int | float):
        yield path, float(figures)
    elif isinstance(figures, Mapping):
        for name, inner in figures.items():
            yield from measurements(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(figures, list | tuple):
        for index, inner in enumerate(figures):
            yield from measurements(inner, f"{path}[{index}]")
