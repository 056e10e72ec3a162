"""What a deployment runs: an image with its behaviour, and the pod template around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from ..specs import PoolSpec, ProbeSpec
from .cache_keys import CacheKeys


@dataclass(frozen=True, kw_only=True)
class AsksEach:
    """A call made once for each item of the cart.

    Attributes:
        operation: what is called, of the servers of the release.
        usual: calls of the middle request; one in a hundred makes ten times as many (a log-logistic law of shape 2).
        handshake: nanoseconds to open the connection that each further call has of its own.
        most: calls of a request at most.
    """

    operation: str
    usual: float
    handshake: int
    most: int = 2000

    def calls(self, draw: float) -> int:
        """How many calls a request makes; `draw` is uniform in [0, 1)."""
        return max(1, min(self.most, round(self.usual * sqrt(draw / (1.0 - draw)))))


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
        leak_bytes: memory that is never given back, per answer.
        crash_share: share of the requests served whose work ends the process.
        store_connections_left: connections to each of its stores that it opens for a call and never closes; 0: it
            uses those of its pool.
        asks_each: a call that it makes for each item of the cart, one after another, and not once for all.
        waits: an operation whose work waits for somebody else, and how many times its own time that takes in all.
        leaked_connections: share of its database connections that it does not give back.
        waits_in_transactions: it waits for systems outside within the database transaction that follows, and without
            a timeout, instead of before it.
        max_heap: bytes that the runtime's heap may grow to (-Xmx); None: ample for whatever load there is.
        cpu_limit: cores that the container's threads may use together; None: as many as they ever need.
        cache_keys: how it names its cache entries; None: by their items, with the usual time to live.
        retries: calls that are tried again without a budget.
        breakers: whether its circuit breakers ever open.
    """

    leak_bytes: int = 0
    crash_share: float = 0.0
    store_connections_left: int = 0
    asks_each: AsksEach | None = None
    waits: tuple[str, float] | None = None
    leaked_connections: float = 0.0
    waits_in_transactions: bool = False
    max_heap: int | None = None
    cpu_limit: float | None = None
    cache_keys: CacheKeys | None = None
    retries: tuple[RetryPolicy, ...] = ()
    breakers: bool = True

    @property
    def felt_at_work(self) -> bool:
        """Whether its work may take other than its nominal time, or end the process."""
        waits = self.waits is not None or self.waits_in_transactions
        return waits or self.cpu_limit is not None or self.crash_share > 0

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
        cpu_request: cores that the pod template requests for a pod; None: it requests none.
        memory_limit_bytes: of a container; 0: none.
    """

    version: str
    workers: int
    queue_limit: int
    behaviour: Behaviour = HEALTHY
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
    cpu_request: float | None = None
    memory_limit_bytes: int = 0
