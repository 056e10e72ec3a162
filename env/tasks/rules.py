"""What every task description says about how to play."""

from __future__ import annotations

from cluster_sim import Mechanism

RULES = (
    "You are the on-call engineer. Each step is one action: investigate a service (its fresh log lines, detailed "
    "metrics and open tickets), escalate to a team, apply_fix (the change and its rollout take simulated time, and a "
    "wrong one does its real damage), postmortem (text in details), or no_op. Time passes while you act. "
    'investigate takes an optional query in details: {"logs": {"grep": "text", "since_s": 300}}, '
    '{"promql": "up == 0"} or {"trace": "<trace id>"}. '
    "State the root cause once, in the details of escalate or postmortem, as JSON "
    '{"root_cause": "<service>", "mechanism": "<id>", "evidence": ["..."], "confidence": 0.8} or in prose; '
    f"mechanism is one of: {', '.join(Mechanism)}. "
)
CLOSING = "The incident is closed when users are served again for good and the team that owns the repair is paged"
