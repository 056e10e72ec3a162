"""The golden signals of a service, read from the scrapes of its pods."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import isnan
from operator import add, sub
from typing import TYPE_CHECKING, NamedTuple, cast

from ..clock import SECOND, WINDOW
from ..engine.failures import DENIALS, STATUS
from ..engine.replica import BUCKETS_S
from .metrics.exporter import BUSY, FAILURES, IN_FLIGHT, RESTARTS, Failures
from .metrics.spec import BOUNDS

if TYPE_CHECKING:
    from ..engine.service import Service
    from .scrape import Block, Scraper, Target

WINDOW_S = 60
"""Golden signals and paging rules look at the last minute."""

RECORDED = {
    "rate_hz": "service:http_requests:rate1m",
    "error_ratio": "service:http_errors:ratio_rate1m",
    "denied_ratio": "service:http_unauthorized:ratio_rate1m",
    "p50_s": "service:http_request_duration_seconds:p50_1m",
    "p99_s": "service:http_request_duration_seconds:p99_1m",
}
"""What is recorded of services that serve HTTP; of others the same is computed here."""

_BLOCKS = 6
"""Blocks that may hold scrapes of the last minute: it has at most five."""


class Golden(NamedTuple):
    """The golden signals of a service over a minute.

    Attributes:
        rate_hz: answers per second.
        error_ratio: share of 5xx answers.
        denied_ratio: share of 401 answers.
        p50_s, p99_s: latency quantiles, interpolated within a bucket as PromQL's histogram_quantile does.
        utilization: share of workers busy, as measured by time worked.
        in_flight: requests being served or queued, at the last scrape.
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


class Growth(NamedTuple):
    """By what the counters of a pod grew within a window, extrapolated to the whole window as PromQL's `increase` does.

    Attributes:
        served, failed: answers per latency bucket, those that were not 5xx or 401 and those that were 5xx.
        denied: answers that refused the user (401).
        busy: nanoseconds of work.
        in_flight: requests being served or queued, at the last scrape.
    """

    served: list[float]
    failed: list[float]
    denied: float
    busy: float
    in_flight: float


class GoldenSignals:
    """Golden signals as of the last evaluation of the alert rules, each computed when first asked for."""

    def __init__(self, scraper: Scraper) -> None:
        self.scraper = scraper
        self._known: dict[str, Golden] = {}
        self._as_of = -1

    def __getstate__(self) -> dict[str, object]:
        return {"scraper": self.scraper, "_known": {}, "_as_of": -1}  # only remembered, never needed

    def of(self, service: Service) -> Golden:
        """The golden signals of a service."""
        until = self.scraper.cluster.sim.now // WINDOW * WINDOW
        if until != self._as_of:
            self._known = {}
            self._as_of = until
        golden = self._known.get(service.name)
        if golden is None:
            golden = self._known[service.name] = self._with_recorded(service, self._measure(service, until))
        return golden

    def _with_recorded(self, service: Service, golden: Golden) -> Golden:
        """What the recording rules say in the place of what was computed here."""
        latest = self.scraper.cluster.recordings.latest
        found = {field: latest(name, {"service": service.name}) for field, name in RECORDED.items()}
        if found["rate_hz"] is None:
            return golden
        quantiles = (found["p50_s"], found["p99_s"])
        p50_s, p99_s = (None if value is None or isnan(value) else value for value in quantiles)
        return golden._replace(
            rate_hz=found["rate_hz"],
            error_ratio=_share(found["error_ratio"]),
            denied_ratio=_share(found["denied_ratio"]),
            p50_s=p50_s,
            p99_s=p99_s,
        )

    def growth(self, service: Service) -> list[Growth]:
        """What the counters of the pods of a service did in the last minute."""
        until = self.scraper.cluster.sim.now // WINDOW * WINDOW
        found = (_growth(target, until - WINDOW_S * SECOND, until) for target in self.scraper.of_service(service))
        return [growth for growth in found if growth is not None]

    def _measure(self, service: Service, until: int) -> Golden:
        growth = self.growth(service)
        served = [sum(bucket) for bucket in zip(*(pod.served for pod in growth), strict=True)] or [0.0]
        failed = [sum(bucket) for bucket in zip(*(pod.failed for pod in growth), strict=True)] or [0.0]
        denied = sum(pod.denied for pod in growth)
        errors = sum(failed)
        total = sum(served) + errors + denied
        every = list(map(add, served, failed))
        workers = sum(replica.workers for replica in service.replicas) or 1
        return Golden(
            rate_hz=total / WINDOW_S,
            error_ratio=errors / total if total else 0.0,
            denied_ratio=denied / total if total else 0.0,
            p50_s=quantile(every, 0.5),
            p99_s=quantile(every, 0.99),
            utilization=sum(pod.busy for pod in growth) / (WINDOW_S * SECOND * workers),
            in_flight=int(sum(pod.in_flight for pod in growth)),
            ready=sum(replica.ready for replica in service.replicas),
            replicas=len(service.replicas),
        )


def _share(ratio: float | None) -> float:
    """A recorded ratio; there is none where nothing of the kind was counted, and of no requests it is not a number."""
    return 0.0 if ratio is None or isnan(ratio) else ratio


def _growth(target: Target, since: int, until: int) -> Growth | None:
    """None with fewer than two scrapes in the window."""
    before: list[float] = []
    grown: list[float] = []
    restarts: object = None
    first = last = scrapes = 0
    for block in target.blocks[-_BLOCKS:]:
        begin, end = bisect_left(block.times, since), bisect_right(block.times, until)
        if not block.up or begin == end:
            continue
        if not scrapes:
            first = block.times[begin]
            before = _totals(block, begin)
            grown = [0.0] * len(before)
        elif block.key[RESTARTS] != restarts:  # the counters began again at zero
            before = [0.0] * len(before)
        now = _totals(block, end - 1)
        grown = list(map(add, grown, map(sub, now, before)))
        before, restarts, last = now, block.key[RESTARTS], block.times[end - 1]
        in_flight = block.values[(end - 1) * block.width + block.histograms + IN_FLIGHT]
        scrapes += end - begin
    if scrapes < 2:
        return None
    factor = _extrapolation(since, first, last, until, scrapes)
    grown = [value * factor for value in grown]
    buckets = len(BOUNDS)
    denied, busy = grown[2 * buckets :]
    return Growth(grown[:buckets], grown[buckets : 2 * buckets], denied, busy, in_flight)


def _totals(block: Block, row: int) -> list[float]:
    """Counters of one scrape: good answers by bucket, 5xx answers by bucket, denials, busy time."""
    size = len(BOUNDS)
    at = row * block.histograms * size
    counts = block.counts[at : at + block.histograms * size].tolist()
    failures = cast(Failures, block.key[FAILURES])
    good = block.histograms - len(failures)
    served = counts[:size]
    for begin in range(size, good * size, size):
        served = list(map(add, served, counts[begin : begin + size]))
    failed = [0] * size
    denied = 0
    for index, (_, failure) in enumerate(failures, good):
        histogram = counts[index * size : (index + 1) * size]
        if failure in DENIALS:
            denied += sum(histogram)
        elif STATUS[failure] >= 500:
            failed = list(map(add, failed, histogram))
    at = row * block.width + block.histograms
    return [*served, *failed, denied, block.values[at + BUSY]]


def _extrapolation(since: int, first: int, last: int, until: int, scrapes: int) -> float:
    """By what a growth between scrapes is multiplied to stand for the whole window.

    Source: Prometheus 2.42, promql/functions.go, extrapolatedRate: to the edge of the window where it is nearer
    than 1.1 intervals, else by half an interval.
    """
    sampled = last - first
    interval = sampled / (scrapes - 1)
    edges = sum(edge if edge < 1.1 * interval else interval / 2 for edge in (first - since, until - last))
    return (sampled + edges) / sampled


def quantile(counts: list[float], q: float) -> float | None:
    """The q-quantile in seconds, interpolated linearly in its bucket; None of nothing. Above all bounds: the last."""
    total = sum(counts)
    if not total:
        return None
    rank = q * total
    below = 0.0
    for i, count in enumerate(counts[:-1]):
        if below + count >= rank and count:
            low = BUCKETS_S[i - 1] if i else 0.0
            return low + (BUCKETS_S[i] - low) * (rank - below) / count
        below += count
    return BUCKETS_S[-1]
