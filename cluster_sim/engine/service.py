"""The running side of a service: its replicas and what they share."""

from __future__ import annotations

from ..specs import Balance, PoolSpec, ServiceSpec
from .failures import Failure
from .keyspace import Keyspace
from .log import Log, LogRecord
from .pool import Backends
from .program import UNIFORM_RANGE
from .replica import Replica

__all__ = ["LogRecord", "Service"]


class Service:
    """A service: the pod template that new replicas follow, and the replicas.

    Attributes:
        workers, pools: the pod template; a change reaches a replica when it restarts.
        error_threshold: background error probability of one call, in units of 2**-32.
        replicas: the pods there are, by ordinal; `ready` those that calls are sent to.
        absence: how a call fails while nobody is ready.
        turn: index of the replica that was called last (round robin).
        version: image tag.
    """

    def __init__(self, spec: ServiceSpec, index: int, edge_count: int) -> None:
        self.spec = spec
        self.name = spec.name
        self.index = index
        self.edge_count = edge_count
        self.workers = spec.workers
        self.queue_limit = spec.queue_limit
        self.pools: dict[str, PoolSpec] = dict(spec.pools)
        self.balance = spec.balance
        self.single_flight = spec.single_flight
        self.base_error_probability = max((o.error_probability for o in spec.operations), default=0.0)
        self.error_threshold = round(self.base_error_probability * UNIFORM_RANGE)
        self.slow = 1.0
        self.replicas: list[Replica] = []
        self.ready: list[Replica] = []
        self.turn = 0
        self.absence = Failure.REFUSED if spec.replicas == 1 else Failure.NO_ENDPOINT
        self.version = ""
        self.generation = 1
        self.backends = Backends(spec.backends) if spec.backends else None
        self.keyspace = Keyspace(spec.cache) if spec.cache else None
        self.log = Log()

    @property
    def drawn(self) -> bool:
        """Whether requests bring a draw for the choice of a replica (their programs are compiled so or not)."""
        return self.spec.balance is not Balance.ROUND_ROBIN

    def refresh_ready(self) -> None:
        """Send calls to those replicas that are ready now."""
        self.ready = [replica for replica in self.replicas if replica.ready]
        self.turn %= max(len(self.ready), 1)

    def set_error_probability(self, probability: float) -> None:
        """Background errors from now on."""
        self.error_threshold = round(probability * UNIFORM_RANGE)
