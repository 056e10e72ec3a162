"""What the agent sees: pages, the wall dashboard, and what it has looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cluster_sim import (
    REMEDIATIONS,
    SERVICES,
    TEAMS,
    Cluster,
    detail,
    nanoseconds,
    recent_logs,
    rfc3339,
)

from .answers import instant, trace
from .models import ActionType, Observation
from .paging import pages, tickets
from .queries import Query

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

    def summary(self, service: str) -> str:
        """What was found, in a few words."""
        found = [f"{len(self.logs[service])} log lines"] if service in self.logs else []
        return ", ".join([*found, *(kind for kind in ("promql", "trace") if kind in self.details.get(service, {}))])


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


def look_at(cluster: Cluster, service: str, since: int | None, query: Query) -> Look:
    """What was asked for, and the tickets of the service; by default its fresh log lines and detailed metrics.

    Args:
        since: instant of the last look at its log, or None.
    """
    asked = query.promql is not None or query.trace is not None
    details: dict[str, Any] = {"tickets": tickets(cluster, service)}
    logs: dict[str, list[str]] = {}
    if query.promql is not None:
        details["promql"] = instant(cluster, query.promql)
    if query.trace is not None:
        details["trace"] = trace(cluster, query.trace)
    if query.logs or not asked:
        details["detail"] = detail(cluster, service)
        logs[service] = _lines(cluster, service, since, query)
    return Look(logs=logs, details={service: details})


def _lines(cluster: Cluster, service: str, since: int | None, query: Query) -> list[str]:
    if query.since_s is not None:
        since = cluster.now - nanoseconds(query.since_s)
    elif since is None or query.logs:
        since = cluster.now - FIRST_LOOK_S * 1_000_000_000
    return recent_logs(cluster, service, since_ns=since, limit=LINES, grep=query.grep or None)


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
        metadata={
            "time": rfc3339(cluster.now, cluster.epoch_s),
            "minutes_since_page": round((cluster.now - paged) / 60e9, 2),
        },
    )
