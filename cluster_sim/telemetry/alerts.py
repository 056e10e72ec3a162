"""Alert rules on the simulated clock: inactive, pending for a while, firing, resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..clock import nanoseconds

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .scrape import ScrapeLog


class Severity(StrEnum):
    """A page wakes somebody, because users feel it; a ticket waits for working hours."""

    PAGE = "critical"
    TICKET = "warning"


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """A condition on the telemetry of one service.

    Attributes:
        name: alert and service, unique (`HighErrorRate/payment-service`).
        alert: CamelCase name of the condition.
        value: what is compared, from the scrapes; None while there is nothing to compare.
        threshold: fires above it.
        for_s: seconds the condition must hold.
        text: one line with `{value}` and `{threshold}`.
        unit: how values are written: `%`, `s` or empty.
    """

    alert: str
    service: str
    severity: Severity
    value: Callable[[ScrapeLog, str], float | None]
    threshold: float
    for_s: float
    text: str
    unit: str = "%"

    @property
    def name(self) -> str:
        """The rule's unique name."""
        return f"{self.alert}/{self.service}"

    def write(self, value: float) -> str:
        """A value in the rule's unit."""
        if self.unit == "%":
            return f"{value * 100:.1f}%"
        return f"{value:.2f}s" if self.unit == "s" else f"{value:g}"


@dataclass
class Alert:
    """One alert that is or was active.

    Attributes:
        active_at: nanoseconds, when the condition began to hold.
        fired_at: when it had held long enough; None while pending.
        resolved_at: when it stopped; None while active.
        value: the last value.
    """

    rule: str
    active_at: int
    value: float
    fired_at: int | None = None
    resolved_at: int | None = None

    @property
    def firing(self) -> bool:
        """Whether it is firing now."""
        return self.fired_at is not None and self.resolved_at is None


class AlertManager:
    """Evaluates the rules of one cluster after each scrape.

    Attributes:
        rules: by name.
        active: rule name → the alert that is pending or firing.
        history: alerts that have fired and are over.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.rules: Mapping[str, AlertRule] = {rule.name: rule for rule in cluster.spec.alert_rules}
        self.active: dict[str, Alert] = {}
        self.history: list[Alert] = []

    def evaluate(self) -> None:
        """Bring every alert up to date with the last scrape."""
        now = self.cluster.sim.now
        scrapes = self.cluster.scrapes
        for name, rule in self.rules.items():
            value = rule.value(scrapes, rule.service)
            alert = self.active.get(name)
            if value is None or not value > rule.threshold:
                if alert is not None:
                    del self.active[name]
                    if alert.fired_at is not None:
                        alert.resolved_at = now
                        self.history.append(alert)
                continue
            if alert is None:
                alert = self.active[name] = Alert(name, now, value)
            alert.value = value
            if alert.fired_at is None and now - alert.active_at >= nanoseconds(rule.for_s):
                alert.fired_at = now

    def firing(self, severity: Severity | None = None) -> list[Alert]:
        """The alerts that fire now, in the order they began."""
        found = [
            alert
            for name, alert in self.active.items()
            if alert.firing and severity in (None, self.rules[name].severity)
        ]
        return sorted(found, key=lambda alert: (alert.fired_at or 0, alert.rule))
