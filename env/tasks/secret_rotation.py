"""task_hard: users are refused now and then."""

from __future__ import annotations

from cluster_sim import Mechanism

from ..grading import Escalated, Explained, Identified, Investigated, Repaired
from ..postmortem import Concept
from ..wording import MECHANISM_WORDS
from .rules import CLOSING, RULES
from .task import IncidentTask

_BOTH = frozenset({"config-service", "auth-service"})
_ALL = _BOTH | {"checkout-service", "payment-service", "inventory-service"}

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
            mechanism="partial_rollout",
            weight=0.20,
            concepts=(
                Concept(
                    name="secret",
                    pattern=r"(jwt|signing)[ -](signing )?(secret|key)|\bsecrets?\b|\bkey rotation"
                    r"|(old|new|previous|current|different|right|same) (jwt |signing )?keys?\b",
                    about=_BOTH,
                ),
                Concept(
                    name="partial rollout",
                    pattern=rf"partial|incomplete|unfinished|half[ -]\w+|{MECHANISM_WORDS[Mechanism.PARTIAL_ROLLOUT]}",
                    about=_BOTH,
                ),
                Concept(name="replicas", pattern=r"\b(replica|pod|instance)s?\b", about=_BOTH),
                Concept(
                    name="401",
                    pattern=r"\b401s?\b|unauthori[sz]ed|signature verification|verif\w+ fail|fail\w* verif"
                    r"|(tokens?|requests?) (was|were|is|are|being)? ?(\w+ )?(refused|rejected)|invalid signature"
                    r"|(refus|reject)\w+ (\w+ ){0,3}tokens?",
                    about=_ALL,
                ),
            ),
        ),
    ),
)
