"""Expressions for rate, errors and duration of HTTP services, as several dashboards show them."""

from __future__ import annotations

from cluster_sim.telemetry.metrics.application import REQUESTS

from ..panels import GREEN, ORANGE, RED
from ..promql import quantile, rate, share

ERROR_STEPS = ((None, GREEN), (0.01, ORANGE), (0.05, RED))
"""Of the alerts ErrorBudgetBurn and HighErrorRate."""
DENIED_STEPS = ((None, GREEN), (0.05, ORANGE), (0.10, RED))
"""Up to the threshold of HighUnauthorizedRate."""
LATENCY_STEPS = ((None, GREEN), (1.0, ORANGE), (2.0, RED))
"""Up to the threshold of HighLatencyP99 of most services."""


def requests(matchers: str = "", by: str = "service") -> str:
    """Answers per second."""
    return rate(REQUESTS, matchers, part="count", by=by)


def status_share(status: str, matchers: str = "", by: str = "service") -> str:
    """Share of answers with a status, given as a regular expression."""
    condition = ", ".join(filter(None, (matchers, f'http_response_status_code=~"{status}"')))
    return share(requests(condition, by), requests(matchers, by))


def error_share(matchers: str = "", by: str = "service") -> str:
    """Share of answers that are 5xx."""
    return status_share("5..", matchers, by)


def denied_share(matchers: str = "", by: str = "service") -> str:
    """Share of answers that are 401."""
    return status_share("401", matchers, by)


def latency(q: float, matchers: str = "", by: str = "service") -> str:
    """A quantile of the time to an answer."""
    return quantile(q, REQUESTS, matchers, by=by)
