"""What a policy that knows a cause says of it: the statement of an escalation, and the claims of a postmortem."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from .briefing import Briefing

CLAIMS_OF_A_THING = 2
"""Claims for which the same thing is cited, as many as it may support."""
MOST_CLAIMS = 12
"""Claims that are read."""
MOST_EVIDENCE = 3
"""Ids in a statement (chosen)."""


def statement(truth: Briefing, evidence: Sequence[str]) -> dict[str, Any]:
    """The root-cause statement, with no doubt left."""
    fault = truth.fault
    return {
        "root_cause": fault.service,
        "mechanism": str(fault.mechanism),
        "trigger": str(fault.triggered_by),
        "sustained_by": str(fault.sustained_by),
        "chain": [list(edge) for edge in sorted(truth.graph)],
        "confidence": 1.0,
        "evidence": list(evidence[:MOST_EVIDENCE]),
    }


def claims(
    truth: Briefing, fixes: Sequence[str], cites: Sequence[str], further: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Everything there is to be known, the surest first, each with one citation as far as they go.

    Args:
        fixes: what has repaired it, in order: the first has, whether or not the others were needed.
        cites: ids that show the cause.
        further: ids that may show it, for what is left: each for one claim, and then for another.
    """
    fault = truth.fault
    said: list[dict[str, Any]] = [
        {"claim": "root_cause", "service": fault.service, "mechanism": str(fault.mechanism)},
        {"claim": "trigger", "trigger": str(fault.triggered_by)},
        {"claim": "sustained_by", "sustained_by": str(fault.sustained_by)},
        {"claim": "began", "at": truth.began.strftime("%Y-%m-%dT%H:%M:%SZ")},
        *({"claim": "repaired_by", "fix": fix} for fix in fixes[:1]),
        *({"claim": "affected", "service": service} for service in truth.affected if not fault.harmless),
    ][:MOST_CLAIMS]
    cited = [*(cite for cite in cites for _ in range(CLAIMS_OF_A_THING)), *further, *further][: len(said)]
    return [claim | {"cites": [cite] if cite else []} for claim, cite in zip_longest(said, cited)]
