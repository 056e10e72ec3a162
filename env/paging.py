"""Pages and tickets as the pager shows them: one line each."""

from __future__ import annotations

from cluster_sim import Alert, Cluster, Severity, Streams, rfc3339

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def page_line(cluster: Cluster, alert: Alert) -> str:
    """Status, name, service, severity, what was measured against what threshold, since when, and the runbook."""
    status = "RESOLVED" if alert.resolved_at is not None else "FIRING:1"
    number = Streams(cluster.seed).bits("page", sum(map(ord, alert.name)), alert.active_at)
    incident = "".join(_LETTERS[number >> 6 * i & 31] for i in range(6))
    urgency = "high" if alert.severity is Severity.PAGE else "low"
    annotations = alert.annotations
    return (
        f"[{status}] {alert.alertname} {alert.service} (prod-sim {alert.severity} oncall) | {annotations['summary']} | "
        f"since {rfc3339(alert.active_at, cluster.epoch_s)} | runbook={annotations['runbook_url']} | "
        f"PD#Q{incident} urgency={urgency} service={alert.service}"
    )


def pages(cluster: Cluster, since: int) -> list[str]:
    """The pages that fire now, and those that have been resolved since an instant."""
    firing = cluster.alerts.firing(Severity.PAGE)
    over = [
        alert
        for alert in cluster.alerts.history
        if alert.severity is Severity.PAGE and alert.resolved_at is not None and alert.resolved_at > since
    ]
    return [page_line(cluster, alert) for alert in [*firing, *over]]


def tickets(cluster: Cluster, service: str) -> list[str]:
    """The open tickets of one service."""
    return [page_line(cluster, alert) for alert in cluster.alerts.firing(Severity.TICKET) if alert.service == service]
