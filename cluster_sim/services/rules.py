"""Alert conditions that more than one service uses."""

from __future__ import annotations

from ..telemetry.alerts import AlertRule, Severity
from ..telemetry.scrape import ScrapeLog

MIN_RATE_HZ = 0.2
"""Ratios of less traffic than this are not alerted on (chosen: a dozen requests a minute)."""


def error_ratio(scrapes: ScrapeLog, service: str) -> float | None:
    """Share of answers of the last minute that were 5xx."""
    golden = scrapes.golden(service)
    return golden.error_ratio if golden.rate_hz >= MIN_RATE_HZ else None


def denied_ratio(scrapes: ScrapeLog, service: str) -> float | None:
    """Share of answers of the last minute that were 401."""
    golden = scrapes.golden(service)
    return golden.denied_ratio if golden.rate_hz >= MIN_RATE_HZ else None


def p99(scrapes: ScrapeLog, service: str) -> float | None:
    """99th percentile of latency of the last minute, in seconds."""
    golden = scrapes.golden(service)
    return golden.p99_s if golden.rate_hz >= MIN_RATE_HZ else None


def unready_pods(scrapes: ScrapeLog, service: str) -> float | None:
    """Pods that are not ready."""
    golden = scrapes.golden(service)
    return float(golden.replicas - golden.ready)


def pause_share(scrapes: ScrapeLog, service: str) -> float | None:
    """Share of the last minute that the average pod's world was stopped."""
    pods = scrapes.golden(service).replicas or 1
    return scrapes.counter(service, "paused") / 1e9 / 60 / pods


def pool_timeouts(scrapes: ScrapeLog, service: str) -> float | None:
    """Acquisitions of a connection that timed out in the last minute."""
    return scrapes.counter(service, "pool_timeouts")


def user_facing(service: str, *, p99_s: float) -> tuple[AlertRule, AlertRule]:
    """The pages of a service that users talk to: errors and latency."""
    return (
        AlertRule(
            alert="HighErrorRate",
            service=service,
            severity=Severity.PAGE,
            value=error_ratio,
            threshold=0.05,
            for_s=60,
            text="5xx ratio {value} > {threshold} over 1m for 1m",
        ),
        AlertRule(
            alert="HighLatencyP99",
            service=service,
            severity=Severity.PAGE,
            value=p99,
            threshold=p99_s,
            for_s=60,
            text="p99 latency {value} > {threshold} over 1m for 1m",
            unit="s",
        ),
    )


def unauthorized(service: str) -> AlertRule:
    """The page for users who are refused."""
    return AlertRule(
        alert="HighUnauthorizedRate",
        service=service,
        severity=Severity.PAGE,
        value=denied_ratio,
        threshold=0.10,
        for_s=60,
        text="401 ratio {value} > {threshold} over 1m for 1m",
    )


def workload_tickets(service: str) -> tuple[AlertRule, ...]:
    """Tickets about the pods of a deployment."""
    return (
        AlertRule(
            alert="KubePodNotReady",
            service=service,
            severity=Severity.TICKET,
            value=unready_pods,
            threshold=0,
            for_s=30,
            text="{value} pods not ready for 30s",
            unit="",
        ),
        AlertRule(
            alert="ErrorBudgetBurn",
            service=service,
            severity=Severity.TICKET,
            value=error_ratio,
            threshold=0.01,
            for_s=30,
            text="5xx ratio {value} > {threshold} over 1m for 30s",
        ),
    )


def gc_pauses(service: str) -> AlertRule:
    """A ticket about a runtime whose garbage collector stops the world for long."""
    return AlertRule(
        alert="JvmGcPauseHigh",
        service=service,
        severity=Severity.TICKET,
        value=pause_share,
        threshold=0.006,
        for_s=0,
        text="GC stopped the world for {value} of the last minute",
    )


def pool_waits(service: str) -> AlertRule:
    """A ticket about requests that waited for a connection in vain."""
    return AlertRule(
        alert="ConnectionPoolTimeouts",
        service=service,
        severity=Severity.TICKET,
        value=pool_timeouts,
        threshold=0,
        for_s=30,
        text="{value} pool acquisitions timed out in the last minute",
        unit="",
    )
