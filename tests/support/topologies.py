"""Random clusters with every element of the model in them: Hypothesis strategies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from cluster_sim.clock import WINDOW_S
from cluster_sim.services import rules
from cluster_sim.specs import (
    BackendSpec,
    Balance,
    BreakerSpec,
    CacheRead,
    CacheSpec,
    CacheWrite,
    CallTo,
    ClusterSpec,
    EndpointSpec,
    EnsureToken,
    IfItems,
    KeyRingSpec,
    Language,
    MintToken,
    Operation,
    PickItems,
    PoolSpec,
    ProbeSpec,
    RetrySpec,
    ScrapeSpec,
    ServiceSpec,
    Sometimes,
    Step,
    VerifyToken,
    Work,
)

RULES = (
    rules.REQUESTS,
    rules.ERRORS,
    rules.ERROR_RATIO,
    rules.P99,
    rules.ELEVATED_ERRORS,
    rules.RESTARTED,
    rules.POOL_TIMEOUTS,
    rules.BREAKER_OPEN,
    rules.FAILING_CALLS,
)
"""What is recorded and watched where rules are evaluated at all: they are quick at the usual interval of scrapes."""

LARGEST_REQUEST = 30
"""Calls that one request makes at most, if all that happens sometimes happens."""


@dataclass(frozen=True)
class Regime:
    """What the parts of one topology have in common: whether anybody ever waits there.

    Attributes:
        workers, queue, connections: bounds of what one replica has.
        work_s: bounds of mean times of work.
        timeout_s: bounds of the patience of callers.
        errors: the greatest probability of background errors.
        fickle: of so many choices one is of a kind whose outcome depends on the order of requests: a balance by load,
            single flight, a store that evicts or is full, too few slots at a database, a probe that waits for a worker.
            0: none.
    """

    workers: tuple[int, int]
    queue: tuple[int, int]
    connections: tuple[int, int]
    work_s: tuple[float, float]
    timeout_s: tuple[float, float]
    errors: float
    fickle: int


ROOMY = Regime((8, 64), (50, 200), (6, 20), (0.0005, 0.02), (1.0, 8.0), 0.001, 0)
QUEUEING = Regime((1, 4), (100, 1000), (8, 20), (0.0005, 0.02), (1.0, 8.0), 0.004, 0)
MIDDLING = Regime((2, 16), (3, 100), (2, 10), (0.001, 0.05), (0.15, 4.0), 0.02, 20)
TIGHT = Regime((1, 3), (0, 6), (1, 3), (0.005, 0.08), (0.02, 0.5), 0.1, 4)
REGIMES = (ROOMY, QUEUEING, MIDDLING, TIGHT)


class _Builder:
    """Draws one topology from the bottom up: a service calls only what was drawn before it, so that no cycle forms.

    Attributes:
        weights: (service, operation) → calls that one call to it makes at most, itself among them.
    """

    def __init__(self, draw: Callable, regimes: tuple[Regime, ...]) -> None:
        self.draw = draw
        self.regimes = regimes
        self.services: list[ServiceSpec] = []
        self.weights: dict[tuple[str, str], int] = {}
        self.calls: dict[tuple[str, str, str], CallTo] = {}
        self.population = draw(st.sampled_from((5, 40, 300)))
        self.exponent = draw(st.sampled_from((0.0, 0.9, 1.3)))

    # ------------------------------------------------------------ draws

    def number(self, bounds: tuple[int, int]) -> int:
        return self.draw(st.integers(*bounds))

    def amount(self, bounds: tuple[float, float]) -> float:
        """A size between two bounds, each order of magnitude as likely, with few digits so that it reads well."""
        low, high = bounds
        share = self.draw(st.integers(0, 20)) / 20
        return float(f"{low * (high / low) ** share:.2g}")

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def one_of(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def fickle(self, regime: Regime) -> bool:
        return regime.fickle > 0 and self.chance(regime.fickle)

    # ------------------------------------------------------------ steps

    def work(self, regime: Regime, *, per_item: bool = False) -> Work:
        mean_s = self.amount(regime.work_s)
        if self.chance(3):
            return Work(mean_s=mean_s, law="exponential", per_item=per_item)
        return Work(mean_s=mean_s, sigma=self.one_of(0.0, 0.3, 0.6, 1.2), per_item=per_item)

    def call(self, client: ServiceSpec | None, server: str, operation: str, regime: Regime, **fixed: Any) -> CallTo:
        """The call of a client to an operation, whose settings are drawn once."""
        key = (client.name if client else "users", server, operation)
        if key not in self.calls:
            breaker = BreakerSpec(
                window=self.one_of(4, 20), failure_ratio=self.one_of(0.3, 0.5), open_s=self.one_of(1.0, 10.0), trials=2
            )
            pooled = client is not None and server in client.pools and not self.chance(6)
            self.calls[key] = CallTo(
                service=server,
                operation=operation,
                timeout_s=self.amount(regime.timeout_s),
                retry=self.retry(),
                breaker=breaker if client is not None and self.chance(4) else None,
                pool=server if pooled else None,
                **({"optional": self.chance(4), "answers_items": self.chance(6)} | fixed),
            )
        return self.calls[key]

    def retry(self) -> RetrySpec:
        if not self.chance(3):
            return RetrySpec()
        budget = self.one_of(None, 1.0, 10.0)
        return RetrySpec(attempts=self.one_of(1, 1, 3), backoff_s=self.one_of(0.005, 0.05, 0.5), budget=budget)

    # ------------------------------------------------------------ services

    def service(self, name: str, operations: tuple[Operation, ...], regime: Regime, **fixed: Any) -> ServiceSpec:
        waits = self.fickle(regime)
        probe = ProbeSpec(period_s=self.one_of(1.0, 5.0), timeout_s=0.5, failure_threshold=2, needs_worker=waits)
        loads = (Balance.LEAST_CONNECTIONS, Balance.RANDOM_TWO) if self.fickle(regime) else ()
        fields: dict[str, Any] = {
            "team": "a-team",
            "language": self.one_of(Language.JAVA, Language.PYTHON, Language.GO),
            "port": 8080,
            "replicas": self.number((1, 4)),
            "workers": self.number(regime.workers),
            "queue_limit": self.number(regime.queue),
            "balance": self.one_of(*(loads or (Balance.ROUND_ROBIN, Balance.ROUND_ROBIN, Balance.RANDOM))),
            "start_s": self.one_of(1.0, 4.0),
            "warmup_s": self.one_of(0.0, 3.0),
            "warmup_factor": self.one_of(1.0, 1.7),
            "gc": self.chance(3),
            "single_flight": self.fickle(regime),
            "liveness": self.one_of(None, None, ProbeSpec(), probe),
            "readiness": self.one_of(None, None, ProbeSpec(), probe),
        }
        return ServiceSpec(name=name, operations=operations, **(fields | fixed))

    def operation(self, name: str, steps: tuple[Step, ...], regime: Regime) -> Operation:
        errors = self.one_of(0.0, regime.errors / 10, regime.errors)
        may_fail = errors > 0 or self.chance(2)
        return Operation(
            name=name, method="GET", route=f"/{name}", steps=steps, error_probability=errors, may_fail=may_fail
        )

    def add(self, service: ServiceSpec, weights: dict[str, int]) -> None:
        self.services.append(service)
        self.weights |= {(service.name, name): weight for name, weight in weights.items()}

    def database(self, name: str, regime: Regime) -> None:
        operations = (
            self.operation("select", (self.work(regime, per_item=True),), regime),
            self.operation("insert", (self.work(regime),), regime),
        )
        slots = self.one_of(8, 20) if self.fickle(regime) else 1000
        backends = BackendSpec(max_connections=slots, connect_s=self.one_of(0.005, 0.1))
        own: dict[str, Any] = {"language": Language.POSTGRES, "replicas": 1, "backends": backends}
        self.add(self.service(name, operations, regime, **own), {"select": 1, "insert": 1})

    def store(self, name: str, regime: Regime) -> None:
        quick = Work(mean_s=self.one_of(0.0002, 0.001, 0.004), sigma=0.3)
        reads = (CacheRead(),) if self.chance(12) else (quick, CacheRead())
        operations = (self.operation("get", reads, regime), self.operation("set", (quick, CacheWrite()), regime))
        entries = self.one_of(3, 20, 1000) if self.fickle(regime) else 1000
        policy = "allkeys-lru" if self.fickle(regime) else "noeviction"
        cache = CacheSpec(
            maxmemory_bytes=1000 + (entries - 1) * 100,
            base_bytes=1000,
            entry_bytes=100,
            ttl_s=self.one_of(0.5, 4.0, 90.0),
            policy=policy,
            memory_limit_bytes=1000 + (entries + 5) * 100,
        )
        own: dict[str, Any] = {"language": Language.REDIS, "cache": cache, "replicas": self.one_of(1, 1, 1, 2)}
        own["workers"] = self.one_of(1, 1, 1, 2)
        self.add(self.service(name, operations, regime, **own), {"get": 1, "set": 1})

    def authority(self, name: str, regime: Regime) -> None:
        operations = (
            self.operation("login", (self.work(regime), MintToken()), regime),
            self.operation("verify", (self.work(regime), VerifyToken()), regime),
        )
        keys = KeyRingSpec(token_lifetime_s=self.one_of(5.0, 20.0, 300.0))
        self.add(self.service(name, operations, regime, keys=keys), {"login": 1, "verify": 1})

    def application(self, name: str) -> None:
        """A service that calls some of those drawn before it."""
        regime = self.one_of(*self.regimes)
        databases = [service.name for service in self.services if service.backends is not None]
        pools = {
            server: PoolSpec(size=self.number(regime.connections), acquire_timeout_s=self.amount((0.05, 3.0)))
            for server in databases
            if not self.chance(4)
        }
        own = self.service(name, (), regime, pools=pools)
        operations, weights = [], {}
        for number in range(self.number((1, 2))):
            steps, weight = self.body(own, regime)
            operation = self.operation(f"do{number}", steps, regime)
            operations.append(operation)
            weights[operation.name] = weight
        self.add(replace(own, operations=tuple(operations)), weights)

    def body(self, own: ServiceSpec, regime: Regime) -> tuple[tuple[Step, ...], int]:
        """What an operation of an application does, and how many calls that is at most."""
        steps: list[Step] = [] if self.chance(12) else [self.work(regime)]
        weight = 1
        stores = [service.name for service in self.services if service.cache is not None]
        databases = [service.name for service in self.services if service.backends is not None]
        for _ in range(self.number((1, 3))):
            kind = self.number((0, 9))
            if kind <= 2 or not self.services:
                steps.append(self.work(regime))
            elif kind <= 4 and stores and weight + 3 <= LARGEST_REQUEST:
                steps += self.lookup(own, regime, stores, databases)
                weight += 3
            elif kind <= 4 and databases:
                steps.append(self.call(own, self.one_of(*databases), "insert", regime))
                weight += 1
            elif kind == 5 and (call := self.some_call(own, regime, LARGEST_REQUEST - weight)) is not None:
                steps.append(Sometimes(probability=self.one_of(0.05, 0.5), steps=(self.work(regime), call)))
                weight += self.weights[call.service, call.operation]
            elif (call := self.some_call(own, regime, LARGEST_REQUEST - weight)) is not None:
                steps.append(call)
                weight += self.weights[call.service, call.operation]
        return tuple(steps), weight

    def some_call(self, own: ServiceSpec | None, regime: Regime, room: int) -> CallTo | None:
        """A call to something below; nobody asks a store directly or for a login out of turn."""
        known = [
            key for key, weight in self.weights.items() if weight <= room and key[1] not in ("get", "set", "login")
        ]
        if not known:
            return None
        server, operation = self.one_of(*known)
        return self.call(own, server, operation, regime)

    def lookup(self, own: ServiceSpec, regime: Regime, stores: list[str], databases: list[str]) -> list[Step]:
        """Keys are read through a store; what it lacks comes from a database, or from nowhere, and is written back."""
        store = self.one_of(*stores)
        fill: list[Step] = [self.call(own, store, "set", regime, optional=self.chance(2), answers_items=False)]
        if databases:
            fill.insert(0, self.call(own, self.one_of(*databases), "select", regime))
        else:
            fill.insert(0, self.work(regime))
        return [
            PickItems(count=self.one_of(1, 3, 8), population=self.population, exponent=self.exponent),
            self.call(own, store, "get", regime, optional=True, answers_items=True),
            IfItems(steps=tuple(fill)),
        ]

    def endpoint(self, number: int) -> EndpointSpec:
        regime = self.one_of(*self.regimes)
        steps: list[Step] = []
        weight = 0
        if ("authority", "login") in self.weights and self.chance(2):
            steps.append(EnsureToken(login=self.call(None, "authority", "login", regime, optional=False)))
            weight += 1
        for _ in range(self.number((1, 3))):
            call = self.some_call(None, regime, LARGEST_REQUEST - weight)
            if call is not None:
                steps.append(Sometimes(probability=0.5, steps=(call,)) if self.chance(5) else call)
                weight += self.weights[call.service, call.operation]
        share = self.one_of(0.2, 1.0)
        return EndpointSpec(name=f"endpoint{number}", share=share, steps=tuple(steps), slo_latency_s=0.5)


@st.composite
def cluster_specs(draw: Callable, regimes: tuple[Regime, ...] = REGIMES) -> ClusterSpec:
    """Topologies of two to eight services."""
    builder = _Builder(draw, regimes)
    count = builder.number((2, 8))
    for number in range(builder.number((0, 2 if count > 3 else 1))):
        builder.database(f"database{number}", builder.one_of(*regimes))
    for number in range(builder.number((0, 2 if count > 3 else 1))):
        builder.store(f"store{number}", builder.one_of(*regimes))
    if len(builder.services) < count - 1 and builder.chance(2):
        builder.authority("authority", builder.one_of(*regimes))
    while len(builder.services) < count:
        builder.application(f"service{len(builder.services)}")
    endpoints = tuple(builder.endpoint(number) for number in range(builder.number((1, 3))))
    scrape = ScrapeSpec(interval_s=float(builder.one_of(15, 15, 5)), jitter=not builder.chance(5))
    return ClusterSpec(
        services=tuple(draw(st.permutations(builder.services))),
        endpoints=endpoints,
        arrival_rate_hz=float(builder.one_of(60, 25, 12, 4, 1)),
        users=builder.one_of(3, 40, 400),
        rules=RULES if scrape.interval_s == WINDOW_S else (),
        scrape=scrape,
    )
