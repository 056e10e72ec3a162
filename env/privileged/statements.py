"""What a policy that knows a cause says of it: the statement of an escalation, and the claims of a postmortem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..assessment.postmortem import MOST_CLAIMS_PER_CITATION
from .briefing import Briefing


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
        "evidence": list(evidence),
    }


def claims(truth: Briefing, fixes: Sequence[str], cites: Sequence[str]) -> list[dict[str, Any]]:
    """A claim for each thing to be known, the first with the first citations: one each, none for more than two.

    Args:
        fixes: what has repaired it.
    """
    fault = truth.fault
    said: list[dict[str, Any]] = [
        {"claim": "root_cause", "service": fault.service, "mechanism": str(fault.mechanism)},
        {"claim": "trigger", "trigger": str(fault.triggered_by)},
        {"claim": "sustained_by", "sustained_by": str(fault.sustained_by)},
        *({"claim": "affected", "service": service} for service in truth.affected if not fault.harmless),
        {"claim": "began", "at": truth.began.strftime("%Y-%m-%dT%H:%M:%SZ")},
        *({"claim": "repaired_by", "fix": fix} for fix in dict.fromkeys(fixes)),
    ]
    uses = [cite for cite in cites for _ in range(MOST_CLAIMS_PER_CITATION)]
    return [claim | {"cites": [cite]} for claim, cite in zip(said, uses, strict=False)]
