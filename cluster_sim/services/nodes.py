"""The rules that watch the nodes under the services."""

from __future__ import annotations

from ..telemetry.rules.rule import AlertRule, Severity

NODE = "node"
"""Group of rules."""

CLOCK_SKEW = AlertRule(
    alert="NodeClockSkewDetected",
    expr="node_timex_offset_seconds > 0.05 or node_timex_offset_seconds < -0.05",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.node }} ({{ $labels.instance }}) clock is off by {{ $value | humanizeDuration }} "
    "> 0.05s for 1m",
    description="What pods there sign, date and log bears that time.",
    group=NODE,
)
CONNTRACK = AlertRule(
    alert="NodeHighNumberConntrackEntriesUsed",
    expr="node_nf_conntrack_entries / node_nf_conntrack_entries_limit > 0.75",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.node }} ({{ $labels.instance }}) conntrack entries at {{ $value | humanizePercentage }} "
    "of the limit > 75%",
    description="At the limit the kernel drops the first packets of new connections.",
    group=NODE,
)
