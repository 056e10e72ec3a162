"""Whether an incident's telemetry holds a piece of evidence."""

from __future__ import annotations

from .clock import unix_ms
from .cluster import Cluster
from .faults import Evidence
from .telemetry import promql
from .telemetry.logs import recent


def found(cluster: Cluster, evidence: Evidence, since: int) -> bool:
    """Whether a query finds it.

    Args:
        since: nanoseconds; older log lines are not looked at.
    """
    if evidence.grep:
        return bool(recent(cluster, evidence.service, since_ns=since, limit=1, grep=evidence.grep))
    value = promql.evaluate(cluster.metrics, evidence.promql, unix_ms(cluster.now, cluster.epoch_s))
    return isinstance(value, promql.Vector) and bool(value.samples)
