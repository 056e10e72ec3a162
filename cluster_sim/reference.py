"""The reference pages, written from the catalogues; the committed pages are kept equal to this by a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from .faults import FAULTS, Mechanism
from .remediations import REMEDIATIONS, TEAMS
from .services import ALERT_RULES, ENDPOINTS, RECORDING_RULES, SERVICES, seven_services
from .specs import USERS, calls_in
from .telemetry.rules.file import duration


def services_page() -> Iterator[str]:
    """Services, the calls between them, and what users do."""
    yield "# Services"
    yield ""
    yield "| service | team | runtime | replicas | workers each | queue | start | connections each |"
    yield "|---|---|---|---|---|---|---|---|"
    for service in SERVICES.values():
        pools = ", ".join(f"{pool.size} to {name}" for name, pool in service.pools.items()) or "–"
        yield (
            f"| {service.name} | {service.team} | {service.language} | {service.replicas} | {service.workers} "
            f"| {service.queue_limit} | {service.start_s:g} s | {pools} |"
        )
    yield ""
    yield "## Calls"
    yield ""
    yield "| client | server | operation | timeout | retries | breaker | optional |"
    yield "|---|---|---|---|---|---|---|"
    spec = seven_services()
    seen = set()
    for client, call in spec.calls():
        if (client, call.service, call.operation) in seen:
            continue
        seen.add((client, call.service, call.operation))
        breaker = "yes" if call.breaker else "no"
        optional = "yes" if call.optional else "no"
        yield (
            f"| {client} | {call.service} | {call.operation} | {call.timeout_s:g} s | {call.retry.attempts} "
            f"| {breaker} | {optional} |"
        )
    yield ""
    yield "## What users do"
    yield ""
    yield "| endpoint | share of requests | good within | begins at |"
    yield "|---|---|---|---|"
    total = sum(endpoint.share for endpoint in ENDPOINTS)
    for endpoint in ENDPOINTS:
        begins = ", ".join(dict.fromkeys(call.service for call in calls_in(endpoint.steps)))
        yield f"| {endpoint.name} | {endpoint.share / total:.0%} | {endpoint.slo_latency_s:g} s | {begins} |"
    yield ""
    yield f"A client called `{USERS}` is the people in front of the cluster."


def remediations_page() -> Iterator[str]:
    """Everything an operator can change."""
    yield "# Remediations"
    yield ""
    yield f"Teams: {', '.join(TEAMS)}."
    yield ""
    yield "| fix | team | changes | lead time | what it does and costs |"
    yield "|---|---|---|---|---|"
    for fix in REMEDIATIONS.values():
        yield f"| {fix.name} | {fix.team} | {fix.target} | {fix.duration_s:g} s | {fix.runbook} |"


def alerts_page() -> Iterator[str]:
    """What is recorded and watched."""
    yield "# Alert rules"
    yield ""
    yield "Severity `critical` pages; `warning` is a ticket, seen when the service is investigated. Every series that"
    yield "an expression yields is one alert. The rules are evaluated every 15 s, after the scrapes of that interval."
    yield ""
    yield "| alert | severity | for | keeps firing | expression |"
    yield "|---|---|---|---|---|"
    for rule in ALERT_RULES.values():
        kept = duration(rule.keep_firing_for_s) if rule.keep_firing_for_s else "–"
        held = duration(rule.for_s) if rule.for_s else "–"
        yield f"| {rule.alert} | {rule.severity} | {held} | {kept} | {_code(rule.expr)} |"
    yield ""
    yield "## Recording rules"
    yield ""
    yield "| series | expression |"
    yield "|---|---|"
    for recording in RECORDING_RULES.values():
        yield f"| `{recording.record}` | {_code(recording.expr)} |"


def _code(expr: str) -> str:
    """An expression in a cell of a table, where a bar has to be escaped even within code."""
    return f"`{' '.join(expr.split())}`".replace("|", "\\|")


def faults_page() -> Iterator[str]:
    """Root causes and the list of mechanisms."""
    yield "# Faults"
    yield ""
    yield "| fault | root cause | mechanism | team | a repair must hold |"
    yield "|---|---|---|---|---|"
    for fault in FAULTS.values():
        yield f"| {fault.name} | {fault.service} | {fault.mechanism} | {fault.team} | {fault.hold_s:g} s |"
    yield ""
    yield "## Mechanisms"
    yield ""
    yield "The list that diagnoses choose from, the same for every task:"
    yield ""
    for mechanism in Mechanism:
        yield f"- `{mechanism}`"


PAGES: Mapping[str, Callable[[], Iterator[str]]] = MappingProxyType(
    {
        "services.md": services_page,
        "remediations.md": remediations_page,
        "alerts.md": alerts_page,
        "faults.md": faults_page,
    }
)


def page(name: str) -> str:
    """The text of one page."""
    return "\n".join(PAGES[name]()) + "\n"
