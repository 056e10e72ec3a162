"""What every task description says about how to play."""

from __future__ import annotations

from collections.abc import Iterable

from cluster_sim import Mechanism, Sustained, Trigger


def _defined(ids: Iterable[Trigger | Sustained]) -> str:
    return "; ".join(f"{id_} ({id_.meaning})" for id_ in ids)


RULES = (
    "You are the on-call engineer. Each step is one action: investigate a service (its fresh log lines, detailed "
    "metrics and open tickets), escalate to a team, apply_fix (the change and its rollout take simulated time, and a "
    "wrong one does its real damage), postmortem (text in details), or no_op. Time passes while you act. "
    'investigate takes an optional query in details: {"logs": {"grep": "text", "since_s": 300}}, '
    '{"promql": "up == 0"} or {"trace": "<trace id>"}. '
    "State the root cause once, in the details of escalate or postmortem, as JSON "
    '{"root_cause": "<service>", "mechanism": "<id>", "trigger": "<id>", "sustained_by": "<id>", '
    '"chain": [["<service called>", "<its caller>"]], "confidence": 0.8, "evidence": ["..."]} or in prose; '
    f"mechanism is one of: {', '.join(Mechanism)}. "
    "trigger is the last event without which it would not have begun, not a defect that did no harm until then, and is "
    f"one of: {_defined(Trigger)}. "
    f"sustained_by is what has to end or be put right for it to be over, one of: {_defined(Sustained)}. "
    "chain holds each pair of services where, because of it, calls of the one by the other clearly fail more often or "
    "take longer than before, or its configuration does not arrive there; [] if there are none. "
    "confidence is how sure you are of root_cause and mechanism, 0 to 1. "
)
CLOSING = "The incident is closed when users are served again for good and the team that owns the repair is paged"

CITATIONS = (
    'A postmortem claims things and cites what you were shown: {"claims": [{"claim": "root_cause", "service": "...", '
    '"mechanism": "...", "cites": ["<id>"]}, ...]}; other claims are trigger (trigger), sustained_by (sustained_by), '
    "affected (service), began (at, RFC 3339) and repaired_by (fix). In prose put ids in square brackets into the "
    "sentence. Ids: <step>/alerts/<i>, <step>/logs/<service>/<i>, <step>/tickets/<service>/<i>, "
    "<step>/detail/<service>/<metric>, <step>/promql (step 0 is the page, i begins at 0); of reads over MCP r<n> (the "
    "first is r1) or r<n>/<i> for a line. A true claim counts if what it cites tells this cause from others that look "
    "like it; false claims cost. At most 12 claims of at most 3 citations are read. "
)
"""Of tasks that are graded in full."""
