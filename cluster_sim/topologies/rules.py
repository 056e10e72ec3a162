"""The rules of generated clusters: those that hold for services of any name."""

from __future__ import annotations

from ..services import rules
from ..telemetry.rules.rule import AlertRule, Rule, Severity

_USER_FACING = 'service=~".+-gateway|auth-service"'
_BUSY_ENOUGH = f"on (service) {rules.REQUESTS.record} > 0.2"

HIGH_ERRORS = AlertRule(
    alert="HighErrorRate",
    expr=f"{rules.ERROR_RATIO.record}{{{_USER_FACING}}} > 0.05 and {_BUSY_ENOUGH}",
    for_s=60,
    severity=Severity.PAGE,
    summary="{{ $labels.service }} 5xx ratio {{ $value | humanizePercentage }} > 5% over 1m for 1m",
    description="Users of {{ $labels.service }} get errors of the server.",
    group=rules.RED,
)
HIGH_LATENCY = AlertRule(
    alert="HighLatencyP99",
    expr=f"{rules.P99.record}{{{_USER_FACING}}} > 2 and {_BUSY_ENOUGH}",
    for_s=60,
    severity=Severity.PAGE,
    summary="{{ $labels.service }} p99 latency {{ $value | humanizeDuration }} > 2s over 1m for 1m",
    description="One request in a hundred to {{ $labels.service }} takes longer than that.",
    group=rules.RED,
)
RULES: tuple[Rule, ...] = (
    *(rules.REQUESTS, rules.ERRORS, rules.ERROR_RATIO, rules.P50, rules.P99),
    *(HIGH_ERRORS, HIGH_LATENCY, rules.ELEVATED_ERRORS),
    *(rules.NOT_READY, rules.RESTARTED, rules.TARGET_DOWN),
    *(rules.POOL_TIMEOUTS, rules.POOL_PENDING, rules.BREAKER_OPEN),
)
"""In the order of their evaluation: gateways page, everything else makes tickets.

Rules that divide by any number of calls, however small, are left out: most services of a large cluster have few.
"""
