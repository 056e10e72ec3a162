"""task_easy: payments fail."""

from __future__ import annotations

from ..grading import Escalated, Investigated, Repaired
from .rules import CLOSING, RULES
from .task import IncidentTask

TASK = IncidentTask(
    task_id="task_easy",
    title="Payments are failing",
    description=(
        "The payment-service is returning 500 errors: a good part of payments fails, others go through, and checkout "
        f"suffers with it. Find out why, page the team that owns the repair, and repair it. {RULES}{CLOSING}. "
        "Limit: 10 steps."
    ),
    difficulty="easy",
    max_steps=10,
    fault="pg_max_connections_undersized",
    criteria=(
        Investigated(service="postgres-db", weight=0.30),
        Escalated(team="database-team", weight=0.30),
        Repaired(weight=0.40),
    ),
)
