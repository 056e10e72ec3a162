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
            weight=0.20,
            concepts=(
                Concept(name="redis", pattern=r"\bredis", about=_CASCADE),
                Concept(name="memory", pattern=r"memory", about=frozenset({"redis-cache"})),
                Concept(
                    name="OOM",
                    pattern=r"\boom\b|out[ -]of[ -]memory|refus\w+ (every |all )?(new )?writes?|maxmemory|noeviction",
                    about=frozenset({"redis-cache", "inventory-service"}),
                ),
            ),
        ),
    ),
)
