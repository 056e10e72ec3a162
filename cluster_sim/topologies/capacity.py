"""How large the services of a generated cluster are, from the calls that are to be expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, sqrt

from ..specs import (
    USERS,
    BackendSpec,
    Balance,
    CacheSpec,
    CallTo,
    EndpointSpec,
    EnsureToken,
    IfItems,
    KeyRingSpec,
    Language,
    Operation,
    PoolSpec,
    ProbeSpec,
    ServiceSpec,
    Sometimes,
    Step,
    Work,
)
from .domains import PICK, Node
from .platform import AUTH, CONFIG

LOGIN_SHARE = 0.1
"""Share of users whose token has expired when they come, about: they act every 20 s, and it lives 300 s."""

IN_FLIGHT_PER_POD = 20
"""Requests in flight for which one more pod is run (chosen)."""
FEWEST_PODS, MOST_PODS = 2, 8

_MIB = 1 << 20
_ENTRY_BYTES = 16 << 10


def room_for(load: float) -> int:
    """Servers of which practically never all are busy at a mean of `load` busy ones.

    The mean and six standard deviations of a Poisson law, after half as much again for bursts and slow spells.
    """
    mean = 1.5 * load
    return ceil(mean + 6 * sqrt(mean)) + 3


class Capacities:
    """The expected load of everything, as if nothing were in the caches, and what is built for it.

    Attributes:
        load: (client, service) → calls in progress at a time, in the mean.
    """

    def __init__(
        self, operations: Mapping[str, tuple[Operation, ...]], endpoints: Iterable[EndpointSpec], arrival_rate_hz: float
    ) -> None:
        self._operations = operations
        self._steps = {(name, one.name): one.steps for name, several in operations.items() for one in several}
        self._held_s: dict[tuple[str, str], float] = {}
        self.load: dict[tuple[str, str], float] = {}
        for endpoint in endpoints:
            self._count(USERS, endpoint.steps, arrival_rate_hz * endpoint.share)

    # ------------------------------------------------------------ load

    def _count(self, client: str, steps: tuple[Step, ...], rate_hz: float) -> None:
        for call, times in _calls(steps):
            key = (client, call.service)
            self.load[key] = self.load.get(key, 0.0) + rate_hz * times * self._held(call)
            self._count(call.service, self._steps[call.service, call.operation], rate_hz * times)

    def _held(self, call: CallTo) -> float:
        """Mean seconds for which a call holds a worker."""
        key = (call.service, call.operation)
        if key not in self._held_s:
            steps = self._steps[key]
            work = sum(step.mean_s * (PICK.count if step.per_item else 1) for step in steps if isinstance(step, Work))
            self._held_s[key] = work + sum(times * self._held(inner) for inner, times in _calls(steps))
        return self._held_s[key]

    def _in_flight(self, service: str) -> float:
        return sum(load for (_, server), load in self.load.items() if server == service)

    # ------------------------------------------------------------ services

    def service(self, node: Node) -> ServiceSpec:
        """A service of a domain."""
        if node.language is Language.REDIS:
            return self._cache(node)
        if node.language is Language.POSTGRES:
            return self._database(node)
        # kube-proxy picks at random with iptables, in turn with IPVS.
        balance = Balance.ROUND_ROBIN if node.domain % 2 else Balance.RANDOM
        return self._application(node.name, node.team, node.language, balance)

    def platform(self) -> Iterator[ServiceSpec]:
        """What all domains share."""
        keys = KeyRingSpec(token_lifetime_s=300.0)
        yield self._application(AUTH, "security-team", Language.PYTHON, Balance.RANDOM, keys)
        yield self._application(CONFIG, "platform-team", Language.GO, Balance.ROUND_ROBIN)

    def _application(
        self, name: str, team: str, language: Language, balance: Balance, keys: KeyRingSpec | None = None
    ) -> ServiceSpec:
        pods = self._pods(name)
        return ServiceSpec(
            name=name,
            team=team,
            language=language,
            port=8080,
            replicas=pods,
            workers=max(room_for(self._in_flight(name) / pods), 16),
            queue_limit=200,
            operations=self._operations[name],
            balance=balance,
            pools={
                call.pool: PoolSpec(size=self._connections(name, call.service), acquire_timeout_s=2.0)
                for operation in self._operations[name]
                for call, _ in _calls(operation.steps)
                if call.pool is not None
            },
            keys=keys,
            gc=language is Language.JAVA,
            liveness=ProbeSpec(),
            readiness=ProbeSpec(),
        )

    def _pods(self, service: str) -> int:
        return min(max(ceil(self._in_flight(service) / IN_FLIGHT_PER_POD), FEWEST_PODS), MOST_PODS)

    def _connections(self, client: str, database: str) -> int:
        """Connections of one pod."""
        return max(room_for(self.load[client, database] / self._pods(client)), 5)

    def _database(self, node: Node) -> ServiceSpec:
        clients = [client for client, server in self.load if server == node.name]
        wanted = sum(self._pods(client) * self._connections(client, node.name) for client in clients)
        return ServiceSpec(
            name=node.name,
            team=node.team,
            language=Language.POSTGRES,
            port=5432,
            replicas=1,
            workers=max(room_for(self._in_flight(node.name)), 4),
            queue_limit=10_000,
            operations=self._operations[node.name],
            # A fifth and more stays free, as its alert demands; PostgreSQL's default is 100.
            backends=BackendSpec(max_connections=max(100, ceil(wanted * 1.4) + 4)),
            start_s=8.0,
            warmup_s=6.0,
            warmup_factor=1.5,
        )

    def _cache(self, node: Node) -> ServiceSpec:
        # Room for every key and as much again.
        maxmemory = _MIB + 2 * PICK.population * _ENTRY_BYTES
        return ServiceSpec(
            name=node.name,
            team=node.team,
            language=Language.REDIS,
            port=6379,
            replicas=1,
            workers=1,
            queue_limit=10_000,
            operations=self._operations[node.name],
            cache=CacheSpec(
                maxmemory_bytes=maxmemory,
                base_bytes=_MIB,
                entry_bytes=_ENTRY_BYTES,
                ttl_s=90.0,
                memory_limit_bytes=maxmemory * 9 // 8,
            ),
            start_s=6.0,
            warmup_s=1.0,
        )


def _calls(steps: tuple[Step, ...]) -> Iterator[tuple[CallTo, float]]:
    """The calls among some steps, with how often each is made, at most, in the mean."""
    for step in steps:
        match step:
            case CallTo():
                yield step, 1.0
            case EnsureToken(login=login):
                yield login, LOGIN_SHARE
            case IfItems(steps=inner):
                yield from _calls(inner)
            case Sometimes(probability=probability, steps=inner):
                for call, times in _calls(inner):
                    yield call, probability * times
