"""The simulated scrape: every 15 seconds the counters of all pods are copied, and golden signals are read from it."""

from __future__ import annotations

from collections import deque
from operator import add, sub
from typing import TYPE_CHECKING, NamedTuple

from simpy.events import Event

from ..clock import SECOND, WINDOW
from ..engine.failures import DENIALS, STATUS
from ..engine.replica import BUCKETS_S, SUM, empty_histogram

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..engine.replica import Replica
    from ..engine.service import Service

KEPT = 41
"""Scrapes kept: ten minutes."""

GOLDEN_WINDOW_S = 60
"""Golden signals and paging rules look at the last minute."""


class PodSample(NamedTuple):
    """The counters of one pod at one scrape.

    Attributes:
        restarts: a change means that the counters began again at zero.
        served: histogram of successful answers, all operations together.
        failed: histogram of answers that were failures of the server (5xx).
        denied: answers that refused the user (401).
        busy, paused: nanoseconds of work and of stopped world.
    """

    restarts: int
    ready: bool
    served: list[int]
    failed: list[int]
    denied: int
    busy: int
    paused: int
    in_flight: int
    pool_timeouts: int


class StoreSample(NamedTuple):
    """The gauges and counters of a datastore at one scrape."""

    used: int
    limit: int
    hits: int
    misses: int
    refused: int
    evicted: int
    active: int
    opened: int


class ServiceSample(NamedTuple):
    """One service at one scrape."""

    pods: dict[int, PodSample]
    store: StoreSample | None


class Golden(NamedTuple):
    """The golden signals of a service over a window.

    Attributes:
        rate_hz: answers per second.
        error_ratio: share of 5xx answers.
        denied_ratio: share of 401 answers.
        p50_s, p99_s: latency quantiles, interpolated within a bucket as PromQL's histogram_quantile does.
        utilization: share of workers busy, as measured by time worked.
        in_flight: requests being served or queued, now.
        ready, replicas: pods.
    """

    rate_hz: float
    error_ratio: float
    denied_ratio: float
    p50_s: float | None
    p99_s: float | None
    utilization: float
    in_flight: int
    ready: int
    replicas: int


class ScrapeLog(Event):
    """The last scrapes of one cluster; the event is the next scrape, after which the alert rules are evaluated."""

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.times: deque[int] = deque(maxlen=KEPT)
        self.samples: deque[dict[str, ServiceSample]] = deque(maxlen=KEPT)
        self._golden: dict[tuple[str, float], Golden] = {}
        self._take()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_golden": {}}  # only remembered, never needed

    def _arm(self) -> None:
        self.callbacks = [self._scrape]
        self.cluster.sim.push((self.cluster.sim.now // WINDOW + 1) * WINDOW, self)

    def _scrape(self, _: Event) -> None:
        self._take()
        self.cluster.alerts.evaluate()

    def _take(self) -> None:
        self._golden = {}
        self.times.append(self.cluster.sim.now)
        self.samples.append({name: _sample(service) for name, service in self.cluster.services.items()})
        self._arm()

    # ------------------------------------------------------------ reading

    def window(self, service: str, window_s: float) -> tuple[ServiceSample, ServiceSample, float]:
        """The first and last sample of the last `window_s` seconds, and the seconds between them."""
        steps = min(max(round(window_s * SECOND / WINDOW), 1), len(self.samples) - 1)
        if steps < 1:
            return self.samples[-1][service], self.samples[-1][service], 0.0
        span = (self.times[-1] - self.times[-1 - steps]) / SECOND
        return self.samples[-1 - steps][service], self.samples[-1][service], span

    def golden(self, service: str, window_s: float = GOLDEN_WINDOW_S) -> Golden:
        """The golden signals of a service as of the last scrape."""
        golden = self._golden.get((service, window_s))
        if golden is None:
            golden = self._golden[(service, window_s)] = self._measure(service, window_s)
        return golden

    def _measure(self, service: str, window_s: float) -> Golden:
        before, after, span = self.window(service, window_s)
        running = self.cluster.service(service)
        served, failed = empty_histogram(), empty_histogram()
        denied = busy = 0
        for uid, pod in after.pods.items():
            old = before.pods.get(uid)
            if old is not None and old.restarts == pod.restarts:
                served = list(map(add, served, map(sub, pod.served, old.served)))
                failed = list(map(add, failed, map(sub, pod.failed, old.failed)))
                denied += pod.denied - old.denied
                busy += pod.busy - old.busy
            else:
                served = list(map(add, served, pod.served))
                failed = list(map(add, failed, pod.failed))
                denied += pod.denied
                busy += pod.busy
        ok, errors = sum(served[:SUM]), sum(failed[:SUM])
        total = ok + errors + denied
        every = list(map(add, served, failed))
        workers = sum(replica.workers for replica in running.replicas) or 1
        return Golden(
            rate_hz=total / span if span else 0.0,
            error_ratio=errors / total if total else 0.0,
            denied_ratio=denied / total if total else 0.0,
            p50_s=quantile(every, 0.5),
            p99_s=quantile(every, 0.99),
            utilization=busy / (span * SECOND * workers) if span else 0.0,
            in_flight=sum(pod.in_flight for pod in after.pods.values()),
            ready=sum(pod.ready for pod in after.pods.values()),
            replicas=len(after.pods),
        )

    def store(self, service: str, window_s: float = GOLDEN_WINDOW_S) -> tuple[StoreSample, StoreSample, float]:
        """A datastore's first and last sample of a window; a counter that was reset counts from zero."""
        before, after, span = self.window(service, window_s)
        assert before.store is not None
        assert after.store is not None
        old, new = before.store, after.store
        if any(b < a for a, b in zip(old[2:6], new[2:6], strict=True)):
            old = StoreSample(old.used, old.limit, 0, 0, 0, 0, old.active, 0)
        return old, new, span

    def counter(self, service: str, field: str, window_s: float = GOLDEN_WINDOW_S) -> float:
        """The increase of one of the pods' counters over a window."""
        before, after, _ = self.window(service, window_s)
        total = 0
        for uid, pod in after.pods.items():
            old = before.pods.get(uid)
            value = getattr(pod, field)
            total += value - getattr(old, field) if old is not None and old.restarts == pod.restarts else value
        return float(total)


def _sample(service: Service) -> ServiceSample:
    return ServiceSample({r.uid: _pod(r) for r in service.replicas}, _store(service))


def _pod(replica: Replica) -> PodSample:
    served = replica.served[0].copy()
    for histogram in replica.served[1:]:
        served = list(map(add, served, histogram))
    failed = empty_histogram()
    denied = 0
    for (_, failure), histogram in replica.failed.items():
        if failure in DENIALS:
            denied += sum(histogram[:SUM])
        elif STATUS[failure] >= 500:
            failed = list(map(add, failed, histogram))
    return PodSample(
        replica.restarts,
        replica.ready,
        served,
        failed,
        denied,
        replica.busy,
        replica.paused,
        replica.in_flight,
        sum(pool.timeouts for pool in replica.pools.values()),
    )


def _store(service: Service) -> StoreSample | None:
    if service.keyspace is not None:
        k = service.keyspace
        return StoreSample(k.used_bytes, k.maxmemory_bytes, k.hits, k.misses, k.refused, k.evicted, 0, 0)
    if service.backends is not None:
        b = service.backends
        active = sum(replica.in_flight for replica in service.replicas)
        return StoreSample(b.used, b.max_connections, 0, 0, b.refused, 0, active, b.opened)
    return None


def quantile(histogram: list[int], q: float) -> float | None:
    """The q-quantile in seconds, interpolated linearly in its bucket; None of nothing. Above all bounds: the last."""
    counts = histogram[:SUM]
    total = sum(counts)
    if not total:
        return None
    rank = q * total
    below = 0
    for i, count in enumerate(counts[:-1]):
        if below + count >= rank and count:
            low = BUCKETS_S[i - 1] if i else 0.0
            return low + (BUCKETS_S[i] - low) * (rank - below) / count
        below += count
    return BUCKETS_S[-1]
