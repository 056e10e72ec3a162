"""Small hand-made clusters, and a journal of what their users saw."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from cluster_sim.cluster import Cluster
from cluster_sim.engine.call import Flow
from cluster_sim.engine.replica import SUM, Replica
from cluster_sim.specs import (
    BackendSpec,
    CacheSpec,
    CallTo,
    ClusterSpec,
    EndpointSpec,
    Language,
    Operation,
    ServiceSpec,
    Step,
    Work,
)
from tests.support.portrait import portrait

FOREVER_S = 1e6
"""A timeout that nothing reaches."""

NO_LIMIT = 10**9


def operation(name: str, *steps: Step, errors: float = 0.0) -> Operation:
    """One operation with its steps."""
    return Operation(
        name=name, method="GET", route=f"/{name}", steps=steps, error_probability=errors, may_fail=errors > 0
    )


def service(name: str, *operations: Operation, **fields: Any) -> ServiceSpec:
    """A service with one worker, an endless queue and nothing special, but for the fields given."""
    defaults: dict[str, Any] = {
        "team": "a-team",
        "language": Language.GO,
        "port": 8080,
        "replicas": 1,
        "workers": 1,
        "queue_limit": NO_LIMIT,
    }
    return ServiceSpec(name=name, operations=operations, **(defaults | fields))


def ask(service: str, operation: str = "serve", **fields: Any) -> CallTo:
    """A call that its caller waits for without end, but for the fields given."""
    return CallTo(service=service, operation=operation, **({"timeout_s": FOREVER_S} | fields))


def topology(*services: ServiceSpec, steps: tuple[Step, ...], rate_hz: float, users: int = 1000) -> ClusterSpec:
    """Services with one endpoint in front of them."""
    endpoint = EndpointSpec(name="ask", share=1.0, steps=steps, slo_latency_s=FOREVER_S)
    return ClusterSpec(services=services, endpoints=(endpoint,), arrival_rate_hz=rate_hz, users=users)


def one_service(work: Work, *, rate_hz: float, retry: Any = None, errors: float = 0.0, **fields: Any) -> ClusterSpec:
    """Users ask one service, which works."""
    call = ask("server") if retry is None else ask("server", retry=retry)
    return topology(
        service("server", operation("serve", work, errors=errors), **fields), steps=(call,), rate_hz=rate_hz
    )


def database(*operations: Operation, max_connections: int = 1000, **fields: Any) -> ServiceSpec:
    """A database with slots to spare and a worker for every one of them."""
    backends = BackendSpec(max_connections=max_connections)
    defaults: dict[str, Any] = {"backends": backends, "language": Language.POSTGRES, "workers": 1000}
    return service("database", *operations, **(defaults | fields))


def store(entries: int, *operations: Operation, ttl_s: float, policy: str = "noeviction", **fields: Any) -> ServiceSpec:
    """An in-memory store that holds so many entries at most."""
    cache = CacheSpec(
        maxmemory_bytes=1000 + (entries - 1) * 100,
        base_bytes=1000,
        entry_bytes=100,
        ttl_s=ttl_s,
        policy=policy,
        memory_limit_bytes=NO_LIMIT,
    )
    return service("store", *operations, **({"cache": cache, "language": Language.REDIS} | fields))


class Visit(NamedTuple):
    """One request as its user saw it; `start` and `end` in nanoseconds."""

    number: int
    start: int
    end: int
    status: int


class Journal:
    """Every finished request of a cluster, in the order in which they finished; from now on only events run."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.fast_forward = False
        self.visits: list[Visit] = []
        self._finish = cluster.recorder.finish
        cluster.recorder.finish = self._note  # type: ignore[method-assign]

    def _note(self, flow: Flow, status: int) -> None:
        self.visits.append(Visit(flow.number, flow.start, self.cluster.now, status))
        self._finish(flow, status)

    def by_arrival(self) -> list[Visit]:
        """The visits in the order in which they began."""
        return sorted(self.visits)

    def good_share(self, since_s: float = 0.0, until_s: float = FOREVER_S) -> float:
        """Share of the requests sent in a span of time that succeeded."""
        chosen = [visit.status == 200 for visit in self.visits if since_s * 1e9 <= visit.start < until_s * 1e9]
        return sum(chosen) / len(chosen)


class Drawn(NamedTuple):
    """The arrivals of a cluster and what their rows hold in one column."""

    numbers: list[int]
    times: list[int]
    values: list[int]


def drawn(spec: ClusterSpec, seed: int, windows: int, column: int = -1) -> Drawn:
    """What the users of a cluster bring with them, drawn without running it."""
    workload = Cluster(spec, seed, noise=0).workload
    numbers: list[int] = []
    times: list[int] = []
    values: list[int] = []
    for window in range(windows):
        if window:
            workload._next_window()
        workload.unpack()
        numbers.extend((window << 20) + place for place in range(len(workload.rows)))
        times.extend(workload.times[:-1])
        values.extend(row[column] for row in workload.rows)
    return Drawn(numbers, times, values)


def drain(cluster: Cluster, seconds: float = 120.0) -> None:
    """Send the users home at the next window, silence the background, and let the cluster come to rest."""
    cluster.workload.rate_factor = 0.0
    cluster.background.level = 0.0
    cluster.run_for(seconds)


def only(cluster: Cluster, service: str = "server") -> Replica:
    """The one replica of a service."""
    (replica,) = cluster.service(service).replicas
    return replica


def answered(replica: Replica) -> int:
    """Good answers of a replica since it started."""
    return sum(sum(histogram[:SUM]) for histogram in replica.served)


def failed(replica: Replica) -> int:
    """Other answers of a replica since it started."""
    return sum(sum(histogram[:SUM]) for histogram in replica.failed.values())


def digest(cluster: Cluster) -> str:
    """A checksum of everything that an episode can show of a cluster and all that decides its future.

    `equality.differences` tells in what two clusters differ whose checksums do.
    """
    return sha256(repr(portrait(cluster)).encode()).hexdigest()
