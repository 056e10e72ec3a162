"""What each part of a full grade is worth. Every number here is chosen; docs/explanation/grading.md says why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MITIGATION, DIAGNOSIS, POSTMORTEM, ESCALATION, COST = "mitigation", "diagnosis", "postmortem", "escalation", "cost"

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {MITIGATION: 0.40, DIAGNOSIS: 0.25, POSTMORTEM: 0.15, ESCALATION: 0.10, COST: 0.10}
)
"""The lines of a full grade; their weights make 1."""

DIAGNOSIS_PARTS: Mapping[str, float] = MappingProxyType(
    {"root_cause": 0.28, "mechanism": 0.32, "trigger": 0.12, "chain": 0.16, "confidence": 0.12}
)
"""The parts of the diagnosis; their shares make 1."""

UNRESOLVED = 0.5
"""Factor on what is known and said of an incident that is not over; nothing is paid for mitigation and cost then."""

WRONG_FIX = 0.03
"""Taken off for each change that the repair did not need, beside what it cost users."""
WORST_COLLATERAL = 0.20
"""The most that is taken off for changes and what they cost users; users' harm of one unit takes all of it."""
FALSE_PAGE = 0.05
"""Taken off for each page to a team that does not own the repair."""

PROMPT_S, LATE_S = 360.0, 1800.0
"""Seconds after the page by which paging the owner earns everything, and from which it earns nothing."""

FEW_ACTIONS, MANY_ACTIONS = 9, 20
BRIEF_MINUTES, LONG_MINUTES = 15.0, 45.0
FEW_BYTES, MANY_BYTES = 256 * 1024, 1024 * 1024
CHEAP_SHARE, DEAR_SHARE = 0.02, 0.50
"""What costs nothing of the line, and what all of a quarter of it: actions; simulated minutes from the page to the
end; bytes of log lines, metrics and answers that were read; and money, the rise of what the cluster costs an hour, as
a share of what it cost as of the page, beyond that of the reference."""
