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
    annotations, subject = alert.annotations, _subject(alert)
    return (
        f"[{status}] {alert.alertname} {subject} (prod-sim {alert.severity} oncall) | {annotations['summary']} | "
        f"since {rfc3339(alert.active_at, cluster.epoch_s)} | runbook={annotations['runbook_url']} | "
        f"PD#Q{incident} urgency={urgency} service={subject}"
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
    """The open tickets of one service, and of the nodes that its pods run on."""
    nodes = {replica.node for replica in cluster.service(service).replicas}
    open_tickets = cluster.alerts.firing(Severity.TICKET)
    return [page_line(cluster, alert) for alert in open_tickets if _concerns(alert, service, nodes)]


def _concerns(alert: Alert, service: str, nodes: set[str]) -> bool:
    return alert.service == service or (not alert.service and alert.labels.get("node") in nodes)


def _subject(alert: Alert) -> str:
    """What it is about: a service, or a node."""
    return alert.service or alert.labels.get("node", "cluster")
