"""task_medium: several services are slow."""

from __future__ import annotations

from ..grading import Escalated, Explained, Identified, Investigated, Repaired
from ..postmortem import Concept
from .rules import CLOSING, RULES
from .task import IncidentTask

_CASCADE = frozenset({"redis-cache", "inventory-service", "postgres-db", "checkout-service"})

TASK = IncidentTask(
    task_id="task_medium",
    title="Several services are degraded",
    description=(
        "Multiple services are degraded at once: pages are slow, stock look-ups take seconds and checkouts time out. "
        "Find where the cascade begins, say so, page the team that owns the repair, repair it, and write a postmortem "
        f"that explains cause and cascade in sentences. {RULES}{CLOSING}, with the postmortem submitted. "
        "Limit: 15 steps."
    ),
    difficulty="medium",
    max_steps=15,
    fault="redis_maxmemory_orphan_keys",
    criteria=(
        Investigated(service="redis-cache", weight=0.20),
        Identified(service="redis-cache", mechanism="memory_exhaustion", weight=0.20),
        Escalated(team="infra-team", weight=0.20),
        Repaired(weight=0.20),
        Explained(
            service="redis-cache",
            mechanism="memory_exhaustion",
            weight=0.20,
            concepts=(
                Concept(name="redis", pattern=r"\bredis", about=_CASCADE),
                Concept(
                    name="memory",
                    pattern=r"memory|\b(cache|redis) (was|is|ran|became|had become) (completely )?full",
                    about=frozenset({"redis-cache"}),
                ),
                Concept(
                    name="OOM",
                    pattern=r"\boom|out[ -]of[ -]memory|maxmemory|noeviction"
                    r"|writes? (\w+ ){0,3}(refused|rejected|failed)"
                    r"|(refus|reject)\w+ (every |all |any |further )?(new )?(writes?|set)\b",
                    about=frozenset({"redis-cache", "inventory-service"}),
                ),
            ),
        ),
    ),
)
