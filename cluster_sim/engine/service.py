"""The running side of a service: its replicas and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..specs import Balance, PoolSpec, ProbeSpec, ServiceSpec
from .failures import Failure
from .indexes import Indexes
from .keyspace import Keyspace
from .log import Log, LogRecord
from .pool import Backends
from .profile import Profile
from .program import UNIFORM_RANGE
from .release import HEALTHY, Behaviour, Release
from .replica import Replica
from .state import State
from .volume import Volume

if TYPE_CHECKING:
    from .admission import Admission
    from .autoscaler import Autoscaler
    from .external import External
    from .locks import TableLock

__all__ = ["LogRecord", "Service"]


class Service(State):
    """A service: the pod template that new replicas follow, and the replicas.

    Attributes:
        workers, pools, behaviour, liveness, …: the pod template; a change reaches a replica when it restarts.
        autoscaler: what sets the number of its pods; None: only operators do.
        previous: the release before the present one, for who rolls back; None: it is not kept any more.
        slowed: operation → (factor on the time of its work, since when); `slow` is that of all work.
        externals: the systems outside that its work waits for.
        locks: of a database, table → who has or wants a lock on it, of those there ever were.
        error_threshold: background error probability of one call, in units of 2**-32.
        replicas: the pods there are, by ordinal; `ready` those that calls are sent to.
        absence: how a call fails while nobody is ready.
        admission: whom a store lets in.
        volume: where a store keeps its files.
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
        self.behaviour: Behaviour = HEALTHY
        self.liveness: ProbeSpec | None = spec.liveness
        self.readiness: ProbeSpec | None = spec.readiness
        self.cpu_request = spec.autoscale.cpu_request if spec.autoscale is not None else None
        self.autoscaler: Autoscaler | None = None
        self.memory_limit_bytes = spec.memory.limit_bytes if spec.memory else 0
        self.previous: Release | None = None
        self.slowed: dict[str, tuple[float, Profile]] = {}
        self.externals: list[External] = []
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
        self.indexes = Indexes(self) if spec.backends else None
        self.locks: dict[str, TableLock] = {}
        self.keyspace = Keyspace(spec.cache) if spec.cache else None
        self.admission: Admission | None = None
        self.volume = Volume() if spec.cache else None
        self.log = Log()

    # ------------------------------------------------------------ the pod template

    def release(self) -> Release:
        """The pod template as it stands."""
        return Release(
            version=self.version,
            workers=self.workers,
            queue_limit=self.queue_limit,
            behaviour=self.behaviour,
            pools=dict(self.pools),
            single_flight=self.single_flight,
            liveness=self.liveness,
            readiness=self.readiness,
            cpu_request=self.cpu_request,
            memory_limit_bytes=self.memory_limit_bytes,
        )

    def adopt(self, release: Release) -> None:
        """Make a release the pod template."""
        self.version = release.version
        self.workers, self.queue_limit = release.workers, release.queue_limit
        self.behaviour = release.behaviour
        self.pools = dict(release.pools)
        self.single_flight = release.single_flight
        self.liveness, self.readiness = release.liveness, release.readiness
        self.cpu_request = release.cpu_request
        self.memory_limit_bytes = release.memory_limit_bytes

    # ------------------------------------------------------------ the pace of its work

    @property
    def uneven(self) -> bool:
        """Whether some of its work does not take its nominal time, or may not."""
        return bool(self.slowed) or not all(external.usual for external in self.externals)

    def slow_operation(self, operation: str, factor: float, profile: Profile) -> None:
        """Make the work of one operation take up to `factor` times as long, as strongly as a profile says."""
        self.slowed[operation] = (factor, profile)
        self.refresh_disturbed()

    def restore_operation(self, operation: str) -> None:
        """The work of an operation takes its nominal time again."""
        self.slowed.pop(operation, None)
        self.refresh_disturbed()

    def refresh_disturbed(self) -> None:
        """Have every replica look again whether anything disturbs its work."""
        for replica in self.replicas:
            replica.refresh_disturbed()

    def pace_of(self, operation: str, now: int) -> float:
        """The factor on the time of an operation's work that begins now."""
        slowed = self.slowed.get(operation)
        if slowed is None:
            return 1.0
        factor, profile = slowed
        return 1.0 + (factor - 1.0) * profile.level(now)

    # ------------------------------------------------------------ calls

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
