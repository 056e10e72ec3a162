"""task_hard: users are refused now and then."""

from __future__ import annotations

from ..grading import Escalated, Explained, Identified, Investigated, Repaired
from ..postmortem import Concept
from .rules import CLOSING, RULES
from .task import IncidentTask

_BOTH = frozenset({"config-service", "auth-service"})
_ALL = _BOTH | {"checkout-service", "payment-service"}

TASK = IncidentTask(
    task_id="task_hard",
    title="Users are refused now and then",
    description=(
        "Users intermittently fail to authenticate: the same request is answered 401 at one moment and 200 at the "
        "next, in several services. Find out what is behind it, say so, page the team that owns the repair, repair "
        "it without making the system less secure, and write a detailed postmortem in sentences. "
        f"{RULES}{CLOSING}, with the postmortem submitted. Limit: 20 steps."
    ),
    difficulty="hard",
    max_steps=20,
    fault="jwt_partial_rotation",
    criteria=(
        Investigated(service="config-service", weight=0.15),
        Investigated(service="auth-service", weight=0.10),
        Identified(service="config-service", mechanism="partial_rollout", weight=0.20),
        Escalated(team="security-team", weight=0.15),
        Repaired(weight=0.20),
        Explained(
            service="config-service",
            weight=0.20,
            concepts=(
                Concept(
                    name="secret",
                    pattern=r"(jwt|signing)[ -](signing )?(secret|key)|\bsecret\b",
                    about=_BOTH,
                ),
                Concept(
                    name="partial rollout",
                    pattern=r"partial|incomplete|half done|only (some|two|2)|(2|two) (of|out of)|2/3|not every replica",
                    about=_BOTH,
                ),
                Concept(name="replicas", pattern=r"\breplicas?\b|\bpods?\b", about=_BOTH),
                Concept(
                    name="401",
                    pattern=(
                        r"\b401\b|unauthori[sz]ed|signature verification|verification fail"
                        r"|tokens? (was|were|is|are) refused"
                    ),
                    about=_ALL,
                ),
            ),
        ),
    ),
)
