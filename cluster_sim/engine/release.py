"""What a deployment runs: an image with its behaviour, and the pod template around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..specs import PoolSpec, ProbeSpec


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often the clients in a release try a call of theirs again, whatever the budget of its edge.

    Attributes:
        server, operation: what is called.
        attempts: further attempts after the first.
    """

    server: str
    operation: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the code of a release does beside its operations. The defaults are those of a release without defects.

    Fast-forward: a cluster in which any replica behaves otherwise is events only.

    Attributes:
        retries: calls that are tried again without a budget.
        breakers: whether its circuit breakers ever open.
    """

    retries: tuple[RetryPolicy, ...] = ()
    breakers: bool = True

    def retries_of(self, server: str, operation: str) -> int | None:
        """How often a call is tried again without a budget; None: as is declared for its edge."""
        for policy in self.retries:
            if (policy.server, policy.operation) == (server, operation):
                return policy.attempts
        return None


HEALTHY = Behaviour()


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a deployment. A replica takes it over when its process starts.

    Attributes:
        version: image tag.
        workers, queue_limit, pools, single_flight, liveness, readiness: as in `ServiceSpec`.
    """

    version: str
    workers: int
    queue_limit: int
    behaviour: Behaviour = HEALTHY
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
