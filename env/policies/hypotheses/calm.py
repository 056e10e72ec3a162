"""What is left when nothing was found and users are well: a page that needs no repair."""

from __future__ import annotations

from ..evidence import QuietClue
from .hypothesis import NOTHING, Hypothesis, Topic

PAIN = r"HighErrorRate|HighUnauthorizedRate|HighLatency"
"""The pages that users' pain sets off."""

CALM = Hypothesis(
    root_cause="checkout-service",
    mechanism=NOTHING,
    team="",
    plan=(),
    topic=Topic.LOAD,
    clues=(QuietClue(says="users are well, and no fault shows anywhere", pages=PAIN),),
    explanation="Nothing is wrong; the alert fired for something that users do not feel.",
)

HYPOTHESES = (CALM,)
