"""The reference pages, written from the catalogues or measured; tests keep the committed pages equal to this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from . import costs
from .faults import FAULTS, Family, Fault, Mechanism, Sustained, Trigger, twins_of
from .remediations import REMEDIATIONS, TEAMS
from .services import ALERT_RULES, ENDPOINTS, RECORDING_RULES, SERVICES, seven_services
from .specs import USERS, calls_in
from .telemetry.rules.file import duration

COSTS = "remediation-costs.md"


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
    yield f"What each costs where nothing is wrong is [measured]({COSTS})."
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
    """Root causes, by confusable set, and the list of mechanisms."""
    yield "# Faults"
    yield ""
    yield "The faults of a set look alike when somebody is paged, and need different, often opposite, repairs."
    for family in Family:
        yield ""
        yield f"## {family}"
        yield ""
        yield "| fault | root cause | mechanism | team | a repair must hold |"
        yield "|---|---|---|---|---|"
        for fault in FAULTS.values():
            if fault.family is family:
                link = f"[{fault.name}](faults/{fault.name}.md)"
                held = "–, nothing is to be repaired" if fault.harmless else f"{fault.hold_s:g} s"
                team = ", ".join(dict.fromkeys(fault.at(place).team for place in fault.places))
                yield f"| {link} | {', '.join(fault.places)} | {fault.mechanism} | {team} | {held} |"
    yield ""
    yield "## Mechanisms"
    yield ""
    yield "The list that diagnoses choose from, the same for every task:"
    yield ""
    for mechanism in Mechanism:
        yield f"- `{mechanism}`"
    yield ""
    yield "## Triggers"
    yield ""
    yield "The last event without which the incident would not have begun. A defect that did no harm until something"
    yield "else happened is not the trigger; what then happened is. Where something broke while there were more users"
    yield "as well, what broke is the trigger."
    yield ""
    for trigger in Trigger:
        yield f"- `{trigger}`: {trigger.meaning}"
    yield ""
    yield "## What sustains an incident"
    yield ""
    yield "What keeps it going once it has been set off, and has to end or be put right for it to be over:"
    yield ""
    for sustained in Sustained:
        yield f"- `{sustained}`: {sustained.meaning}"


def fault_page(fault: Fault) -> Iterator[str]:
    """One fault: what happens, what tells it from its twins, what repairs it and what only seems to."""
    yield f"# {fault.name}"
    yield ""
    yield fault.story
    yield ""
    yield f"- Set: `{fault.family}`"
    yield f"- Root cause: {fault.service}, `{fault.mechanism}`"
    if fault.elsewhere:
        others = "; ".join(f"{other.service} ({other.team})" for other in fault.elsewhere)
        yield f"- May strike elsewhere, with that service's evidence and plans: {others}"
    yield f"- Set off by: `{fault.triggered_by}`, {fault.triggered_by.meaning}"
    yield f"- Kept going by: `{fault.sustained_by}`, {fault.sustained_by.meaning}"
    yield f"- Repaired by: {fault.team}" if not fault.harmless else "- Nothing is to be repaired: leave it alone."
    yield f"- Alerts at the page or within five minutes of it: {', '.join(fault.alerts) or 'the page'}"
    twins = ", ".join(f"[{twin.name}]({twin.name}.md)" for twin in twins_of(fault))
    yield f"- Twins: {twins or '–'}"
    yield ""
    yield "## Evidence"
    yield ""
    for evidence in fault.evidence:
        yield f"- {evidence.service}: {evidence.shows}"
        query = f"PromQL {_code(evidence.promql)}" if evidence.promql else f"log lines with {_code(evidence.grep)}"
        yield f"  ({query})"
    for title, plans in (("Repairs", fault.repairs), ("Masks and wrong fixes", fault.masks)):
        if plans:
            yield ""
            yield f"## {title}"
            yield ""
            for plan in plans:
                steps = ", then ".join(f"`{name}` ({REMEDIATIONS[name].team})" for name in plan)
                yield f"- {steps}"
    if not fault.harmless:
        yield ""
        yield (
            f"A repair must hold for {fault.hold_s:g} s at least"
            + (", or longer than this incident's parameters let a mask hold" if fault.relapse_s is not None else "")
            + (", and withstand what set it off once more." if fault.trigger is not None else ".")
        )


PAGES: Mapping[str, Callable[[], Iterator[str]]] = MappingProxyType(
    {
        "services.md": services_page,
        "remediations.md": remediations_page,
        "alerts.md": alerts_page,
        "faults.md": faults_page,
        **{f"faults/{fault.name}.md": partial(fault_page, fault) for fault in FAULTS.values()},
    }
)


MEASURED: Mapping[str, Callable[[], Iterator[str]]] = MappingProxyType({COSTS: costs.page})
"""Pages that take simulations to write: half a minute on one core."""


def page(name: str) -> str:
    """The text of one page."""
    return "\n".join((PAGES.get(name) or MEASURED[name])()) + "\n"
