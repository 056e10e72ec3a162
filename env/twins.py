"""Whether twins can be told apart by their first page alone, measured: the command `twins`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cluster_sim import ALERT_RULES, FAULTS, Cluster, Family, Fault, NoPage, Severity, Streams, begin, seven_services

from .observation import dashboard
from .paging import pages

Features = npt.NDArray[np.float64]

RATES_HZ = (16.0, 28.0)
"""The traffic varies between these, as it does among generated incidents."""

_MEASURED = re.compile(r"\| [^|]*? (?P<value>[0-9.]+)(?P<unit>%|ms|s)? ?>")


@dataclass(frozen=True, kw_only=True)
class Told:
    """How well a set's faults are told apart.

    Attributes:
        faults, pages: how many faults, and how many first pages of each.
        by_page: share told right by the lines of the pager: which alerts, of what, how high.
        by_dashboard: the same by the golden signals of all services, too.
    """

    family: Family
    faults: int
    pages: int
    by_page: float
    by_dashboard: float

    @property
    def chance(self) -> float:
        """What guessing gets."""
        return 1 / self.faults


def told_apart(family: Family, count: int) -> Told:
    """Leave one page out, and guess its fault by the nearest of all others (of five, the most frequent)."""
    members = [fault for fault in FAULTS.values() if fault.family is family]
    names: list[int] = []
    lines: list[Features] = []
    panels: list[Features] = []
    for number, fault in enumerate(members):
        for seed in range(count):
            cluster = _paged(fault, 1000 + seed)
            if cluster is not None:
                names.append(number)
                lines.append(_page_features(cluster))
                panels.append(_panel_features(cluster))
    labels = np.array(names)
    by_page = _neighbours(np.array(lines), labels)
    by_dashboard = _neighbours(np.hstack([np.array(lines), np.array(panels)]), labels)
    return Told(family=family, faults=len(members), pages=count, by_page=by_page, by_dashboard=by_dashboard)


def report(count: int) -> Iterator[str]:
    """A Markdown table over all sets."""
    yield f"First pages told apart, {count} of each fault, by their five nearest neighbours:"
    yield ""
    yield "| set | faults | chance | by the page's lines | with the wall dashboard |"
    yield "|---|---|---|---|---|"
    for family in Family:
        told = told_apart(family, count)
        yield f"| {family} | {told.faults} | {told.chance:.0%} | {told.by_page:.0%} | {told.by_dashboard:.0%} |"


def _paged(fault: Fault, seed: int) -> Cluster | None:
    low, high = RATES_HZ
    rate = low + (high - low) * Streams(seed).uniform("twins/rate")
    try:
        return begin(fault.spec(seven_services(rate)), fault, seed).cluster
    except NoPage:
        return None


def _page_features(cluster: Cluster) -> Features:
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


def _panel_features(cluster: Cluster) -> Features:
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
