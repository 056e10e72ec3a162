"""The alerts of one cluster on the simulated clock: inactive, pending for a while, firing, resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from ..clock import SECOND, nanoseconds
from .recordings import SeriesKey
from .rules.evaluator import Evaluator, Outcome
from .rules.rule import AlertRule, RecordingRule, Rule, Severity
from .rules.template import Template
from .series import NAME

if TYPE_CHECKING:
    from ..cluster import Cluster

__all__ = ["Alert", "AlertManager", "AlertRule", "RecordingRule", "Severity"]


@dataclass(slots=True)
class Alert:
    """One alert that is or was active.

    Attributes:
        rule: what raised it.
        series: labels of the series that the rule's expression yielded.
        labels: these and the rule's own.
        active_at: nanoseconds, when the condition began to hold.
        value: the last value.
        fired_at: when it had held long enough; None while pending.
        absent_since: when the condition ended, while the alert is kept firing; else None.
        resolved_at: when it stopped; None while active.
    """

    rule: AlertRule
    series: dict[str, str]
    labels: dict[str, str]
    active_at: int
    value: float
    fired_at: int | None = None
    absent_since: int | None = None
    resolved_at: int | None = None

    @property
    def alertname(self) -> str:
        """The name of the condition."""
        return self.rule.alert

    @property
    def service(self) -> str:
        """The service it is about; empty where it is about none."""
        return self.labels.get("service", "")

    @property
    def name(self) -> str:
        """`HighErrorRate/payment-service`."""
        return f"{self.alertname}/{self.service}" if self.service else self.alertname

    @property
    def severity(self) -> Severity:
        """Who is told."""
        return self.rule.severity

    @property
    def firing(self) -> bool:
        """Whether it is firing now."""
        return self.fired_at is not None and self.resolved_at is None

    @property
    def annotations(self) -> dict[str, str]:
        """The rule's annotations for this alert, with its last value."""
        return {name: Template(text).expand(self.series, self.value) for name, text in self.rule.annotations.items()}


class States(NamedTuple):
    """Series that tell of alerts, and their values."""

    keys: tuple[SeriesKey, ...]
    values: tuple[float, ...]


class RuleAlerts:
    """The active alerts of one rule.

    Source of what is done when: prometheus 2.42, rules/alerting.go, AlertingRule.Eval.

    Attributes:
        alerts: labels → the alert that is pending or firing.
        resolved: those that have fired and ended at the last evaluation.
    """

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self.alerts: dict[SeriesKey, Alert] = {}
        self.resolved: list[Alert] = []
        self._holds = nanoseconds(rule.for_s)
        self._labels: dict[SeriesKey, SeriesKey] = {}
        self._changed = True
        self._states = States((), ())

    def update(self, found: Sequence[tuple[SeriesKey, float]], now: int) -> None:
        """Take in what the expression yields: series by their labels, and their values."""
        present: set[SeriesKey] = set()
        for key, value in found:
            labels = self._labels.get(key)
            if labels is None:
                labels = self._labels[key] = _labels(self.rule, dict(key))
            present.add(labels)
            alert = self.alerts.get(labels)
            if alert is None:
                alert = self.alerts[labels] = Alert(self.rule, dict(key), dict(labels), now, value)
                self._changed = True
            alert.value = value
            alert.absent_since = None
            if alert.fired_at is None and now - alert.active_at >= self._holds:
                alert.fired_at = now
                self._changed = True
        self.resolved = []
        if len(present) < len(self.alerts):
            self._end([labels for labels in self.alerts if labels not in present], now)

    def _end(self, ended: list[SeriesKey], now: int) -> None:
        for labels in ended:
            alert = self.alerts[labels]
            if alert.fired_at is not None:
                if alert.absent_since is None:
                    alert.absent_since = now
                if now - alert.absent_since < nanoseconds(self.rule.keep_firing_for_s):
                    continue
                alert.resolved_at = now
                self.resolved.append(alert)
            del self.alerts[labels]
            self._changed = True
        if not self.alerts:
            self._labels = {}

    def states(self) -> States:
        """The series that tell of the alerts; the same object as long as they are the same."""
        if self._changed:
            self._changed = False
            states: dict[SeriesKey, float] = {}
            for labels, alert in self.alerts.items():
                state = ("alertstate", "firing" if alert.fired_at is not None else "pending")
                states[tuple(sorted(((NAME, "ALERTS"), state, *labels)))] = 1.0
                since = float(alert.active_at // SECOND)
                states[tuple(sorted(((NAME, "ALERTS_FOR_STATE"), *labels)))] = since
            self._states = States(tuple(states), tuple(states.values()))
        return self._states


def _labels(rule: AlertRule, series: Mapping[str, str]) -> SeriesKey:
    labels = {name: text for name, text in series.items() if name != NAME}
    labels |= {name: Template(text).expand(series, nan) for name, text in rule.all_labels.items()}
    labels["alertname"] = rule.alert
    return tuple(sorted(labels.items()))


class AlertManager:
    """Evaluates the rules of one cluster every 15 s, and keeps their alerts.

    Attributes:
        rules: in the order of evaluation.
        history: alerts that have fired and are over.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.rules: tuple[Rule, ...] = cluster.spec.rules
        self.history: list[Alert] = []
        self._evaluator = Evaluator(cluster, self.rules)
        self._alerts = [RuleAlerts(rule) if isinstance(rule, AlertRule) else None for rule in self.rules]

    def evaluate_all(self, instants: Sequence[int]) -> None:
        """Bring everything up to date with the last scrapes before each of some instants.

        Args:
            instants: one interval after the other, after those that have been evaluated.
        """
        record = self.cluster.recordings.record
        for due, outcomes in self._evaluator.evaluate(instants):
            resolved: list[Alert] = []
            for rule, alerts, outcome in zip(self.rules, self._alerts, outcomes, strict=True):
                if alerts is None:
                    record(rule.name, due, *outcome)
                elif outcome.keys or alerts.alerts:
                    resolved += self._follow(alerts, due, outcome)
            self.history += sorted(resolved, key=lambda alert: alert.resolved_at or 0)

    def _follow(self, alerts: RuleAlerts, instants: Sequence[int], outcome: Outcome) -> list[Alert]:
        """Take the alerts of a rule through some instants, and record their states; gives those that end."""
        keys = outcome.keys
        rows: Iterable[Sequence[float | None]] = (
            zip(*outcome.columns, strict=True) if keys else repeat((), len(instants))
        )
        resolved: list[Alert] = []
        stretches: list[tuple[States, list[int]]] = []
        for now, row in zip(instants, rows, strict=True):
            found = [(key, value) for key, value in zip(keys, row, strict=True) if value is not None]
            if found or alerts.alerts:
                alerts.update(found, now)
                resolved += alerts.resolved
                states = alerts.states()
                if not stretches or stretches[-1][0] is not states:
                    stretches.append((states, []))
                stretches[-1][1].append(now)
        for states, during in stretches:
            columns = [[value] * len(during) for value in states.values]
            self.cluster.recordings.record(alerts.rule.name, during, states.keys, columns)
        return resolved

    @property
    def active(self) -> list[Alert]:
        """The alerts that are pending or firing now, in the order of the rules."""
        return [alert for alerts in self._alerts if alerts is not None for alert in alerts.alerts.values()]

    def firing(self, severity: Severity | None = None) -> list[Alert]:
        """The alerts that fire now, in the order they began."""
        found = [alert for alert in self.active if alert.firing and severity in (None, alert.severity)]
        return sorted(found, key=lambda alert: (alert.fired_at or 0, alert.name))
