"""The agent that has a runbook for every alert and asks no further: the page names the cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..models import Action, ActionType, Observation
from .blind import FIRST_PAGE
from .case import Page, read_page
from .policy import offered


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a runbook says of an alert.

    Attributes:
        fix: the name of the fix, in which `{}` stands for the service that the page names.
        mechanism: what the alert's name suggests.
    """

    fix: str
    mechanism: str


RUNBOOK: Mapping[str, Entry] = MappingProxyType(
    {
        "HighErrorRate": Entry(fix="restart_{}", mechanism="bad_deploy"),
        "HighUnauthorizedRate": Entry(fix="restart_{}", mechanism="expired_credential"),
        "HighLatencyP99": Entry(fix="scale_out_{}", mechanism="cpu_throttling"),
        "LatencyP50Warning": Entry(fix="scale_out_{}", mechanism="cpu_throttling"),
        "HighTraffic": Entry(fix="scale_out_{}", mechanism="retry_storm"),
        "KubePodCrashLooping": Entry(fix="rollback_{}", mechanism="bad_deploy"),
        "RedisDown": Entry(fix="restart_{}", mechanism="memory_exhaustion"),
    }
)
"""What most handbooks try first for such an alert (chosen)."""

OTHERWISE = Entry(fix="restart_{}", mechanism="bad_deploy")
"""For an alert without an entry (chosen)."""

IN_FIXES: Mapping[str, str] = MappingProxyType({"postgres-db": "postgres", "redis-cache": "redis"})
"""How the names of fixes write a service, where it is not as the service is called."""

OWNERS: Mapping[str, str] = MappingProxyType(
    {
        "payment-service": "payments-team",
        "checkout-service": "checkout-team",
        "inventory-service": "inventory-team",
        "auth-service": "security-team",
        "config-service": "platform-team",
        "postgres-db": "database-team",
        "redis-cache": "infra-team",
    }
)
"""The team that a service is named after, or that has most of its fixes."""


def alert_follower(observation: Observation) -> Iterator[Action]:
    """Looks once at the paged service, pages its team, does what the runbook says, and blames that service."""
    page = first_page(observation)
    if page is None:
        return
    service, entry = page.service, RUNBOOK.get(page.name, OTHERWISE)
    yield Action(action_type=ActionType.INVESTIGATE, target=service)
    statement = {
        "root_cause": service,
        "mechanism": entry.mechanism,
        "chain": [],
        "confidence": 0.7,
        "evidence": [FIRST_PAGE],
    }
    team = OWNERS.get(service)
    if team in offered(observation, "escalate"):
        yield Action(action_type=ActionType.ESCALATE, target=team, details=statement)
    fix = entry.fix.format(IN_FIXES.get(service, service.replace("-", "_")))
    if fix in offered(observation, "apply_fix"):
        yield Action(action_type=ActionType.APPLY_FIX, target=fix)
    claims = [
        {"claim": "root_cause", "service": service, "mechanism": entry.mechanism, "cites": [FIRST_PAGE]},
        {"claim": "affected", "service": service, "cites": [FIRST_PAGE]},
        {"claim": "repaired_by", "fix": fix, "cites": [FIRST_PAGE]},
    ]
    yield Action(action_type=ActionType.POSTMORTEM, details=statement | {"claims": claims})


def first_page(observation: Observation) -> Page | None:
    """The first page that fires."""
    pages = (read_page(line) for line in observation.alerts)
    return next((page for page in pages if page is not None and page.firing), None)
