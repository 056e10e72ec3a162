"""What is so of an incident, against which it is graded."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_sim import CausalGraph, Fault


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is so of an incident.

    Attributes:
        fault: what happened, or what only looked like it.
        graph: how trouble spread, from what was recorded while nobody did anything about it.
        onset: nanoseconds, when it began.
    """

    fault: Fault
    graph: CausalGraph
    onset: int
