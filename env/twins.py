"""Whether twins can be told apart by their first page alone, measured: the command `twins`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cluster_sim import ALERT_RULES, FAULTS, Address, Cluster, Family, Severity, Split, build, draw

from .observation import dashboard
from .paging import pages

Features = npt.NDArray[np.float64]

SPLIT = Split.TEST
MOST_INDICES = 3000
"""Incidents of the split among which pages of each fault are looked for (chosen; only those are simulated)."""

_MEASURED = re.compile(r"\| [^|]*? (?P<value>[0-9.]+)(?P<unit>%|ms|s)? ?>")


@dataclass(frozen=True, kw_only=True)
class FirstPage:
    """What an incident shows before anybody looks.

    Attributes:
        lines: the pager's: which alerts, of what, how high.
        panels: the golden signals of all services.
    """

    fault: str
    lines: Features
    panels: Features


@dataclass(frozen=True, kw_only=True)
class Told:
    """How well a set's faults are told apart.

    Attributes:
        faults: how many faults.
        by_page: share told right by the lines of the pager.
        by_dashboard: the same by the golden signals, too.
    """

    family: Family
    faults: int
    by_page: float
    by_dashboard: float

    @property
    def chance(self) -> float:
        """What guessing gets."""
        return 1 / self.faults


def first_pages(count: int) -> list[FirstPage]:
    """First pages of generated incidents as agents get them, so many of each fault of the split."""
    found: list[FirstPage] = []
    missing = Counter({fault: count for fault in FAULTS})
    for index in range(MOST_INDICES):
        address = Address(split=SPLIT, index=index)
        if missing[draw(address).fault] > 0:
            generated = build(address)  # a draw that hurts nobody is drawn again, and may be another fault then
            fault, cluster = generated.blueprint.fault, generated.incident.cluster
            if missing[fault] > 0:
                missing[fault] -= 1
                found.append(FirstPage(fault=fault, lines=_lines(cluster), panels=_panels(cluster)))
    return found


def told_apart(family: Family, found: Sequence[FirstPage]) -> Told:
    """Leave one page out, and guess its fault by the nearest of all others (of five, the most frequent)."""
    own = [page for page in found if FAULTS[page.fault].family is family]
    names = list(dict.fromkeys(page.fault for page in own))
    labels = np.array([names.index(page.fault) for page in own])
    lines = np.array([page.lines for page in own])
    panels = np.array([page.panels for page in own])
    by_page, by_dashboard = _neighbours(lines, labels), _neighbours(np.hstack([lines, panels]), labels)
    return Told(family=family, faults=len(names), by_page=by_page, by_dashboard=by_dashboard)


def report(count: int) -> Iterator[str]:
    """A Markdown table over all sets."""
    found = first_pages(count)
    yield f"First pages told apart, {count} of each fault of the split {SPLIT}, by their five nearest neighbours:"
    yield ""
    yield "| set | faults | chance | by the page's lines | with the wall dashboard |"
    yield "|---|---|---|---|---|"
    for family in Family:
        told = told_apart(family, found)
        yield f"| {family} | {told.faults} | {told.chance:.0%} | {told.by_page:.0%} | {told.by_dashboard:.0%} |"


def _lines(cluster: Cluster) -> Features:
    """Per alert rule that pages and service: whether it fires, and the measured value."""
    services = list(cluster.services)
    names = sorted({rule.alert for rule in ALERT_RULES.values()})
    features = np.zeros((len(names), len(services), 2))
    firing = cluster.alerts.firing(Severity.PAGE)
    for alert, line in zip(firing, pages(cluster, cluster.now), strict=False):
        if alert.alertname in names and alert.service in services:
            value = _MEASURED.search(line)
            at = names.index(alert.alertname), services.index(alert.service)
            features[at] = (1.0, float(value["value"]) if value else 0.0)
    return features.ravel()


def _panels(cluster: Cluster) -> Features:
    panels = dashboard(cluster)
    return np.array([float(value or 0.0) for signals in panels.values() for value in signals.values()])


def _neighbours(features: Features, labels: npt.NDArray[np.int64], nearest: int = 5) -> float:
    """Share of the pages whose neighbours, themselves left out, say what they are."""
    spread = features.std(axis=0)
    scaled = (features[:, spread > 0] - features.mean(axis=0)[spread > 0]) / spread[spread > 0]
    distances = np.linalg.norm(scaled[:, None, :] - scaled[None, :, :], axis=2)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :nearest]
    guesses = [int(np.bincount(labels[row]).argmax()) for row in order]
    return float(np.mean(np.array(guesses) == labels))
