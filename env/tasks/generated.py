"""task_id=generated: incidents of the generator, each at its address, all under one task."""

from __future__ import annotations

from functools import cache

from cluster_sim import DIFFICULTIES, SIZE, Fault

from ..grading import Criterion, Escalated, Identified, Investigated, LeftAlone, Recognised, Repaired
from .rules import CITATIONS, RULES
from .task import IncidentTask

GENERATED = "generated"
"""The task id."""

MAX_STEPS = 20

TITLE = "A generated incident"
DESCRIPTION = (
    "You were paged. Find out what is wrong, if anything is; say so once; page the team that owns the repair; and "
    "repair it without losing data, lowering security or turning users away for good. The same page has several causes "
    "with different, often opposite, repairs, and things that have nothing to do with it happen as well. Now and then "
    "nothing is to be repaired: then leave the system alone, page nobody, and file a postmortem that states the "
    f"mechanism no_incident. {RULES}{CITATIONS}"
    "The incident is closed when users are served again for good, the team that owns the repair is paged and a "
    f"postmortem is filed, or, where nothing is to be repaired, with the postmortem. Limit: {MAX_STEPS} steps. "
    f"Incidents are chosen by split, index (0 to {SIZE - 1}; by default the seed) and difficulty "
    f"({DIFFICULTIES[0]} to {DIFFICULTIES[-1]}; by default that of the index)."
)


@cache
def generated_task(fault: Fault) -> IncidentTask:
    """The task of an incident with this fault; what is published of it is the same for every one."""
    criteria: tuple[Criterion, ...]
    if fault.harmless:
        criteria = (Recognised(weight=0.7), LeftAlone(weight=0.3))
    else:
        criteria = (
            Investigated(service=fault.service, weight=0.15),
            Identified(service=fault.service, mechanism=fault.mechanism, weight=0.25),
            Escalated(team=fault.team, weight=0.20),
            Repaired(weight=0.40),
        )
    return IncidentTask(
        task_id=GENERATED,
        title=TITLE,
        description=DESCRIPTION,
        difficulty=f"{DIFFICULTIES[0]}-{DIFFICULTIES[-1]}",
        max_steps=MAX_STEPS,
        fault=fault.name,
        grading="full",
        criteria=criteria,
    )
