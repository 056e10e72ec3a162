"""What a remediation is: a change an operator can make, whatever is wrong with the cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import SECOND, WINDOW

if TYPE_CHECKING:
    from ..cluster import Cluster

SETTLING_S = 60.0
"""Seconds after a change has rolled out, up to the next scrape, before its effect is seen and judged."""

LONGEST_ROLLOUT_S = 600
"""Seconds after which a rollout that has not finished is no longer waited for (Kubernetes' progress deadline)."""


@dataclass(frozen=True, kw_only=True)
class Remediation:
    """A change of the cluster's parameters, with everything that comes of it.

    Attributes:
        name: the fix identifier on the wire.
        team: who owns it.
        target: the service that is changed.
        duration_s: seconds from the order to the change (review, pipeline, propagation; chosen). Rolling deploys
            and restarts that the change begins take their own time after that.
        runbook: what it does and what it costs, for the operator.
        apply: makes the change.
    """

    name: str
    team: str
    target: str
    duration_s: float
    runbook: str
    apply: Callable[[Cluster], None]

    def carry_out(self, cluster: Cluster) -> None:
        """Order the change and let time pass until it has rolled out and settled."""
        cluster.run_for(self.duration_s)
        cluster.note_action(self.name)
        self.apply(cluster)
        limit = cluster.now + LONGEST_ROLLOUT_S * SECOND
        while cluster.operations and cluster.now < limit:
            cluster.run_for(1)
        cluster.run_for(SETTLING_S)
        # To the next scrape, so that the dashboard's last minute is one after the change.
        cluster.run_until((cluster.now // WINDOW + 1) * WINDOW + 1)
