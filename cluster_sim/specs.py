"""What a cluster is made of, declared: services, their operations, the calls between them, the users' endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from .clock import WINDOW_S
from .errors import InvalidSpec, UnknownName

if TYPE_CHECKING:
    import networkx as nx

    from .telemetry.rules.rule import Rule

USERS: Final = "users"
"""The client of the edge calls: the people in front of the cluster."""


class Balance(StrEnum):
    """How calls are spread over the ready replicas of a service."""

    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    RANDOM_TWO = "random_two"
    LEAST_CONNECTIONS = "least_connections"


class Language(StrEnum):
    """The runtime of a service: it decides the shape of its client errors, its log and its process metrics."""

    JAVA = "java"
    PYTHON = "python"
    GO = "go"
    POSTGRES = "postgres"
    REDIS = "redis"


@dataclass(frozen=True, kw_only=True)
class RetrySpec:
    """Retries of one call by its caller.

    Attributes:
        attempts: further attempts after the first.
        backoff_s: mean wait before the first retry; doubles each time, with equal jitter.
        budget: size of the token bucket; a retry takes one token. None: no budget.
        refill: tokens that one success gives back.
    """

    attempts: int = 0
    backoff_s: float = 0.05
    budget: float | None = 10.0
    refill: float = 0.1


@dataclass(frozen=True, kw_only=True)
class BreakerSpec:
    """A count-based circuit breaker with half-open state, one per replica of the caller.

    Attributes:
        window: calls over which the failure rate is taken.
        failure_ratio: share of failures in a full window that opens it.
        open_s: seconds it stays open before it lets trials through.
        trials: calls let through while half-open; one failure opens it again.
    """

    window: int = 20
    failure_ratio: float = 0.5
    open_s: float = 10.0
    trials: int = 3


@dataclass(frozen=True, kw_only=True)
class EagerSpec:
    """How a pool opens connections that opens all that are missing at once.

    Attributes:
        timeout_s: seconds after which an attempt is given up.
        pause_s: seconds before the next one, always the same.
    """

    timeout_s: float
    pause_s: float


@dataclass(frozen=True, kw_only=True)
class PoolSpec:
    """A fixed-size client connection pool (minimum = maximum, as HikariCP recommends), one per replica.

    Attributes:
        size: connections each replica opens when it starts and keeps.
        acquire_timeout_s: how long a request waits for a connection.
        eager: how it opens connections; None: one after another, pausing longer after each refusal.
    """

    size: int
    acquire_timeout_s: float
    eager: EagerSpec | None = None


@dataclass(frozen=True, kw_only=True)
class CacheSpec:
    """The keyspace of an in-memory store.

    Attributes:
        maxmemory_bytes: the limit above which writes are refused or keys evicted.
        base_bytes: memory used with no key in it.
        entry_bytes: bytes of one cache entry with its overhead.
        ttl_s: time to live that clients set on an entry.
        policy: `noeviction` or `allkeys-lru`.
        memory_limit_bytes: the container's limit; above it the kernel kills the process.
    """

    maxmemory_bytes: int
    base_bytes: int
    entry_bytes: int
    ttl_s: float
    policy: str = "noeviction"
    memory_limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class BackendSpec:
    """The connection slots of a database server.

    Attributes:
        max_connections: slots in all.
        superuser_reserved: slots that ordinary roles never get.
        monitoring: slots held by the exporter (a superuser).
        connect_s: mean seconds to open a session (fork and authentication).
    """

    max_connections: int
    superuser_reserved: int = 3
    monitoring: int = 1
    connect_s: float = 0.03


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """A health check; the defaults are Kubernetes'.

    Attributes:
        period_s: seconds between probes.
        timeout_s: a later answer is a failure.
        failure_threshold: failures in a row until it acts.
        needs_worker: whether the probe waits for a worker like any request, or is answered beside them.
        path: what is asked for.
        check_s: mean seconds that the answer takes at the usual pace: none where the process only says that it runs,
            some where it looks at all it depends on first.
    """

    period_s: float = 10.0
    timeout_s: float = 1.0
    failure_threshold: int = 3
    needs_worker: bool = False
    path: str = "/healthz"
    check_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MemorySpec:
    """The memory of one container of an application.

    Attributes:
        start_bytes: what a process takes that has done nothing yet.
        full_bytes: what it takes in the end, when its caches and arenas are full.
        half_work_s: seconds of work after which half of the way is gone.
        limit_bytes: the container's limit; above it the kernel kills the process.
    """

    start_bytes: int
    full_bytes: int
    half_work_s: float
    limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class KeyRingSpec:
    """Token signing of a service: tokens are signed with one key and verified against a set of keys."""

    token_lifetime_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class AutoscaleSpec:
    """A horizontal autoscaler of a service's pods, by the CPU time they use.

    Attributes:
        minimum, maximum: pods.
        target: share of the requested CPU time that pods shall use on average.
        cpu_request: cores that the pod template requests for each pod; usage is measured by it.
    """

    minimum: int
    maximum: int
    cpu_request: float
    target: float = 0.8


# ---------------------------------------------------------------- steps of an operation


@dataclass(frozen=True, kw_only=True)
class Work:
    """Time of a worker with this mean, times the number of items if `per_item`.

    Attributes:
        sigma: shape of the lognormal law; an exponential one has none.
        law: `lognormal` or `exponential`.
        external: name of the system outside the cluster whose answer is waited for in it, if any.
    """

    mean_s: float
    sigma: float = 0.5
    per_item: bool = False
    law: str = "lognormal"
    external: str | None = None

    def __post_init__(self) -> None:
        if self.external is not None and self.per_item:
            raise InvalidSpec("an external system is waited for once, not per item")
        if self.law not in ("lognormal", "exponential"):
            raise InvalidSpec(f"unknown law of service times: {self.law!r}")


@dataclass(frozen=True, kw_only=True)
class CallTo:
    """A synchronous call: the worker of the caller is held until it is answered, fails or times out.

    Attributes:
        timeout_s: when the caller gives up; the callee goes on all the same.
        pool: name of the caller's connection pool that the call takes a connection from.
        optional: a failure does not fail the caller, which goes on without the answer.
        answers_items: the caller's items become the callee's (what a lookup left over).
    """

    service: str
    operation: str
    timeout_s: float
    retry: RetrySpec = RetrySpec()
    breaker: BreakerSpec | None = None
    pool: str | None = None
    optional: bool = False
    answers_items: bool = False


@dataclass(frozen=True, kw_only=True)
class PickItems:
    """The request names `count` keys, drawn by Zipf's law from a population."""

    count: int
    population: int
    exponent: float


@dataclass(frozen=True, kw_only=True)
class IfItems:
    """Steps taken only if items are left; where single flight is on, one caller per key at a time fills it."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Sometimes:
    """Steps taken with a probability."""

    probability: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class CacheRead:
    """Look the items up in the store; those not found are left."""


@dataclass(frozen=True, kw_only=True)
class CacheWrite:
    """Write the items to the store."""


@dataclass(frozen=True, kw_only=True)
class MintToken:
    """Sign a token for the user with the replica's signing key."""


@dataclass(frozen=True, kw_only=True)
class VerifyToken:
    """Check the user's token against the replica's verification keys."""


@dataclass(frozen=True, kw_only=True)
class FindKey:
    """Look the key of the user's token up in the replica's own copy of the published key set."""


@dataclass(frozen=True, kw_only=True)
class EnsureToken:
    """The user's client logs in first if it holds no token or an expired one."""

    login: CallTo


Step = (
    Work
    | CallTo
    | PickItems
    | IfItems
    | Sometimes
    | CacheRead
    | CacheWrite
    | MintToken
    | VerifyToken
    | FindKey
    | EnsureToken
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing a service does when it is called.

    Attributes:
        method: HTTP method, or the command of a datastore.
        route: HTTP route template, or the table or key pattern.
        error_probability: share that fails for no reason of the cluster's (healthy background errors).
        may_fail: whether such errors can be turned on at all while the cluster runs.
        round_trips: statements sent one after another, each waiting for the answer before; per item where the work is.
    """

    name: str
    method: str
    route: str
    steps: tuple[Step, ...]
    error_probability: float = 0.0
    may_fail: bool = True
    round_trips: int = 1


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """One service of the cluster.

    Attributes:
        replicas: pods.
        workers: requests one replica works on at a time; the rest waits in a FIFO queue.
        queue_limit: requests that may wait at one replica; one more is refused with 503.
        start_s: mean seconds from container start to ready.
        warmup_s: seconds after start in which work takes `warmup_factor` times as long.
        single_flight: whether one request per replica fetches a missing key while others wait for it.
        liveness, readiness: health checks that restart a replica, or keep calls from it.
        gc: whether the runtime stops the world for garbage collection.
        autoscale: what adds and removes pods with the load; None: nothing does.
        memory: of a container, where containers are limited and watched.
        team: who owns it.
    """

    name: str
    team: str
    language: Language
    port: int
    replicas: int
    workers: int
    queue_limit: int
    operations: tuple[Operation, ...]
    balance: Balance = Balance.ROUND_ROBIN
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    cache: CacheSpec | None = None
    backends: BackendSpec | None = None
    keys: KeyRingSpec | None = None
    start_s: float = 10.0
    warmup_s: float = 10.0
    warmup_factor: float = 2.0
    gc: bool = False
    memory: MemorySpec | None = None
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
    autoscale: AutoscaleSpec | None = None

    def operation(self, name: str) -> Operation:
        """The operation of that name."""
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise UnknownName(f"operation of {self.name}", name)


@dataclass(frozen=True, kw_only=True)
class EndpointSpec:
    """One thing users do.

    Attributes:
        share: relative frequency among all endpoints.
        slo_latency_s: an answer is good if it succeeds within this time.
    """

    name: str
    share: float
    steps: tuple[Step, ...]
    slo_latency_s: float


@dataclass(frozen=True, kw_only=True)
class ScrapeSpec:
    """How the monitoring scrapes.

    Attributes:
        interval_s: seconds between two scrapes of a target; a rate over a minute needs two in it.
        jitter: whether each target is scraped at an offset of its own within the interval, as Prometheus does, or all
            of them together at its end, just before the rules are evaluated.
    """

    interval_s: float = WINDOW_S
    jitter: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.interval_s <= 30:
            raise InvalidSpec("a scrape interval is 1 to 30 s")


@dataclass(frozen=True, kw_only=True)
class ClusterSpec:
    """A topology with its traffic.

    Attributes:
        arrival_rate_hz: mean requests per second that users send, all endpoints together.
        users: people who are logged in at some time.
        rules: what is recorded and watched, in the order of evaluation.
        scrape: how metrics are collected.
    """

    services: tuple[ServiceSpec, ...]
    endpoints: tuple[EndpointSpec, ...]
    arrival_rate_hz: float
    users: int
    rules: tuple[Rule, ...] = ()
    scrape: ScrapeSpec = ScrapeSpec()

    def __post_init__(self) -> None:
        names = [service.name for service in self.services]
        if len(set(names)) != len(names):
            raise InvalidSpec("two services have one name")
        if self.arrival_rate_hz <= 0:
            raise InvalidSpec("arrival_rate_hz must be positive")
        settings: dict[tuple[str, str, str], CallTo] = {}
        for client, call in self.calls():
            if settings.setdefault((client, call.service, call.operation), call) != call:
                raise InvalidSpec(f"{client} calls {call.operation} of {call.service} with two different settings")
            if client == USERS and call.breaker is not None:
                raise InvalidSpec("users have no circuit breakers")
            server = self.service(call.service)
            server.operation(call.operation)
            if call.pool is not None and (client == USERS or call.pool not in self.service(client).pools):
                raise InvalidSpec(f"{client} has no connection pool {call.pool!r}")
        # By the standard library: networkx takes 12 MB, and only who wants the graph itself needs it.
        callers: dict[str, list[str]] = {}
        for client, call in self.calls():
            callers.setdefault(call.service, []).append(client)
        try:
            TopologicalSorter(callers).prepare()
        except CycleError:
            raise InvalidSpec("calls between services must not form a cycle") from None

    def service(self, name: str) -> ServiceSpec:
        """The service of that name."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownName("service", name) from None

    @cached_property
    def _by_name(self) -> dict[str, ServiceSpec]:
        return {service.name: service for service in self.services}

    def calls(self) -> Iterator[tuple[str, CallTo]]:
        """Every declared call with its client."""
        for endpoint in self.endpoints:
            for call in calls_in(endpoint.steps):
                yield USERS, call
        for service in self.services:
            for operation in service.operations:
                for call in calls_in(operation.steps):
                    yield service.name, call

    def graph(self) -> nx.DiGraph[str]:
        """Who calls whom: nodes are services (and the users), an edge lists the operations called."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_node(USERS)
        graph.add_nodes_from(service.name for service in self.services)
        for client, call in self.calls():
            if not graph.has_edge(client, call.service):
                graph.add_edge(client, call.service, operations=[])
            graph.edges[client, call.service]["operations"].append(call.operation)
        return graph


def steps_in(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Some steps, in order, with those nested in them."""
    for step in steps:
        yield step
        if isinstance(step, IfItems | Sometimes):
            yield from steps_in(step.steps)


def calls_in(steps: tuple[Step, ...]) -> Iterator[CallTo]:
    """The calls among some steps, in order, nested ones too."""
    for step in steps:
        match step:
            case CallTo():
                yield step
            case EnsureToken(login=login):
                yield login
            case IfItems(steps=inner) | Sometimes(steps=inner):
                yield from calls_in(inner)
