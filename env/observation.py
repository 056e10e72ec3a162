"""What the agent sees: pages, the wall dashboard, and what it has looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cluster_sim import (
    ALERT_RULES,
    REMEDIATIONS,
    SERVICES,
    TEAMS,
    Alert,
    Cluster,
    Severity,
    detail,
    recent_logs,
    rfc3339,
)

from .models import ActionType, Observation

LINES = 60
"""Log lines shown of one look (chosen: two screens)."""
FIRST_LOOK_S = 600
"""Seconds of log that the first look at a service goes back."""

_DIGITS = 4


@dataclass
class Look:
    """What an action has brought to light: log lines and details by service."""

    logs: dict[str, list[str]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)


def page_line(cluster: Cluster, alert: Alert) -> str:
    """One page as the pager shows it."""
    rule = ALERT_RULES[alert.rule]
    status = "RESOLVED" if alert.resolved_at is not None else "FIRING:1"
    text = rule.text.format(value=rule.write(alert.value), threshold=rule.write(rule.threshold))
    number = cluster.streams.bits("page", sum(map(ord, alert.rule)), alert.active_at)
    incident = "".join("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"[number >> 6 * i & 31] for i in range(6))
    urgency = "high" if rule.severity is Severity.PAGE else "low"
    return (
        f"[{status}] {rule.alert} {rule.service} (prod-sim {rule.severity} oncall) | {rule.service} {text} | "
        f"since {rfc3339(alert.active_at)} | runbook=runbooks/{rule.alert} | "
        f"PD#Q{incident} urgency={urgency} service={rule.service}"
    )


def pages(cluster: Cluster, since: int) -> list[str]:
    """The pages that fire now, and those that have been resolved since an instant."""
    firing = cluster.alerts.firing(Severity.PAGE)
    over = [
        alert
        for alert in cluster.alerts.history
        if alert.resolved_at is not None
        and alert.resolved_at > since
        and ALERT_RULES[alert.rule].severity is Severity.PAGE
    ]
    return [page_line(cluster, alert) for alert in [*firing, *over]]


def tickets(cluster: Cluster, service: str) -> list[str]:
    """The open tickets of one service."""
    return [
        page_line(cluster, alert)
        for alert in cluster.alerts.firing(Severity.TICKET)
        if ALERT_RULES[alert.rule].service == service
    ]


def dashboard(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """The golden signals of every service over the last minute, as of the last scrape."""
    return {name: _golden(cluster, name) for name in cluster.services}


def _golden(cluster: Cluster, service: str) -> dict[str, Any]:
    golden = cluster.scrapes.golden(service)
    return {
        "request_rate_hz": round(golden.rate_hz, 2),
        "error_ratio": round(golden.error_ratio, _DIGITS),
        "unauthorized_ratio": round(golden.denied_ratio, _DIGITS),
        "latency_p50_s": _rounded(golden.p50_s),
        "latency_p99_s": _rounded(golden.p99_s),
        "worker_utilization": round(golden.utilization, _DIGITS),
        "in_flight": golden.in_flight,
        "ready_replicas": golden.ready,
        "replicas": golden.replicas,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def look_at(cluster: Cluster, service: str, since: int | None, query: dict[str, Any]) -> Look:
    """Log lines, detailed metrics and tickets of one service.

    Args:
        since: instant of the last look, or None.
        query: `grep` and `since_s` of a log query.
    """
    if "since_s" in query:
        since = cluster.now - int(query["since_s"] * 1_000_000_000)
    elif since is None or query:
        since = cluster.now - FIRST_LOOK_S * 1_000_000_000
    lines = recent_logs(cluster, service, since_ns=since, limit=LINES, grep=query.get("grep"))
    details = {"detail": detail(cluster, service), "tickets": tickets(cluster, service)}
    return Look(logs={service: lines}, details={service: details})


def available_actions(cluster: Cluster) -> list[str]:
    """Every action there is, in an order that the seed decides; the same whatever the incident."""
    actions = [
        *(f"{ActionType.INVESTIGATE}:{service}" for service in SERVICES),
        *(f"{ActionType.ESCALATE}:{team}" for team in TEAMS),
        *(f"{ActionType.APPLY_FIX}:{fix}" for fix in REMEDIATIONS),
        f"{ActionType.POSTMORTEM}:<text>",
        f"{ActionType.NO_OP}",
    ]
    keys = {action: cluster.streams.bits("action-order", number) for number, action in enumerate(actions)}
    return sorted(actions, key=keys.__getitem__)


def observe(
    cluster: Cluster,
    *,
    step: int,
    task_id: str,
    description: str,
    actions: list[str],
    message: str,
    look: Look,
    since: int,
    paged: int,
) -> Observation:
    """Put an observation together.

    Args:
        since: instant of the observation before.
        paged: instant of the page.
    """
    metrics = dashboard(cluster)
    for service, details in look.details.items():
        metrics[service] |= details
    return Observation(
        step=step,
        alerts=pages(cluster, since),
        logs=look.logs,
        metrics=metrics,
        available_actions=actions,
        message=message,
        task_id=task_id,
        task_description=description,
        metadata={"time": rfc3339(cluster.now), "minutes_since_page": round((cluster.now - paged) / 60e9, 2)},
    )
