"""What a rule is: an expression evaluated on the clock, whose result is recorded or raises alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ...errors import InvalidSpec
from .template import Template


class Severity(StrEnum):
    """A page wakes somebody, because users feel it; a ticket waits for working hours."""

    PAGE = "critical"
    TICKET = "warning"


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """A series computed at every evaluation and stored under a name of its own.

    Attributes:
        record: the name, `level:metric:operations` by Prometheus' convention.
        expr: PromQL.
        labels: added to those of the result.
        group: rules of one group are evaluated one after the other, in the order in which they are declared.
    """

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str = "default"

    @property
    def name(self) -> str:
        """The rule's unique name."""
        return self.record


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """A condition on the telemetry: every series that its expression yields is one alert.

    Attributes:
        alert: CamelCase name of the condition.
        expr: PromQL, the threshold in it.
        for_s: seconds the condition must hold before the alert fires.
        keep_firing_for_s: seconds the alert goes on firing after the condition is over (since Prometheus 2.42).
        severity: who is told.
        summary: annotation, a template over the alert's labels and value.
        description: annotation, likewise; what it means and where to look.
        labels: added to those of the series; templates.
        scope: what tells the rule from others of the same alert, where there are several.
        group: as of recording rules.
    """

    alert: str
    expr: str
    severity: Severity
    summary: str
    description: str = ""
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""
    group: str = "default"

    def __post_init__(self) -> None:
        # A template that cannot be expanded is refused here.
        for text in self.annotations.values():
            Template(text)
        if any(Template(text).shows_value for text in self.all_labels.values()):
            raise InvalidSpec(f"{self.name}: a label that shows the value would make another alert of every value")

    @property
    def name(self) -> str:
        """The rule's unique name: `HighErrorRate`, or `HighLatencyP99/payment-service` where there are several."""
        return f"{self.alert}/{self.scope}" if self.scope else self.alert

    @property
    def all_labels(self) -> Mapping[str, str]:
        """The labels that the rule gives to its alerts, beside `alertname`."""
        return {"severity": str(self.severity), **self.labels}

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations, before expansion."""
        described = {"description": self.description} if self.description else {}
        return {"summary": self.summary, **described, "runbook_url": f"runbooks/{self.alert}"}


Rule = AlertRule | RecordingRule
