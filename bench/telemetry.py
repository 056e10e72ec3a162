"""What telemetry costs: scrapes, rules, queries, and the memory of what was scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import process_time

from .calibration import calibrated
from .figures import Figure

QUERIES = (
    ("sum by (service)", "sum by (service) (rate(http_server_request_duration_seconds_count[1m]))", "3 ms", "30 ms"),
    (
        "error ratio",
        'sum by (service) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[1m]))'
        " / sum by (service) (rate(http_server_request_duration_seconds_count[1m]))",
        "3 ms",
        "30 ms",
    ),
    (
        "histogram_quantile over all services",
        "histogram_quantile(0.99, sum by (service, le) (rate(http_server_request_duration_seconds_bucket[1m])))",
        "150 ms",
        "150 ms",
    ),
)
"""Name, query, target of an instant query, target of half an hour."""


def telemetry_figures() -> Iterator[Figure]:
    """Scrapes and rules of a healthy cluster, queries over half an hour of an incident, at 20 requests a second."""
    yield from _scrape_figures()
    yield from _query_figures()


def _scrape_figures() -> Iterator[Figure]:
    """What an interval costs, by running with it and without."""
    from cluster_sim import Cluster, seven_services

    calibration = calibrated()
    spent = {True: float("inf"), False: float("inf")}
    for seed in range(4):
        for telemetry in (True, False):
            cluster = Cluster(seven_services(20), seed)
            cluster.run_for(15)
            if not telemetry:
                cluster.scrapes.stop()
            began = process_time()
            cluster.run_for(600)
            spent[telemetry] = min(spent[telemetry], process_time() - began)
    cost = (spent[True] - spent[False]) / 40
    yield Figure("scrapes and rules, per interval", cost * 1e3, "ms", cost / calibration, "0.2 ms")
    cluster = Cluster(seven_services(20), 0)
    cluster.run_for(1800)
    blocks = [block for target in cluster.scrapes.targets for block in target.blocks]
    size = sum(part.itemsize * len(part) for block in blocks for part in (block.times, block.counts, block.values))
    size += sum(16 * len(samples.times) for samples in cluster.recordings.series.values())
    yield Figure("half an hour in the store", size / 1e6, "MB", target="1.5 MB")


def _query_figures() -> Iterator[Figure]:
    from cluster_sim import FAULTS, begin, promql, seven_services, unix_ms

    calibration = calibrated()
    cluster = begin(seven_services(20), FAULTS["redis_maxmemory_orphan_keys"], 1).cluster
    cluster.run_until(30 * 60 * 1_000_000_000)
    now = unix_ms(cluster.now, cluster.epoch_s)
    store = cluster.metrics
    for name, query, instant, half_hour in QUERIES:
        best = _best(partial(promql.evaluate, store, query, now))
        yield Figure(f"instant query, {name}", best * 1e3, "ms", best / calibration, instant)
        best = _best(partial(promql.evaluate_range, store, query, now - 1_800_000, now, 15_000))
        yield Figure(f"30-minute query, {name}", best * 1e3, "ms", best / calibration, half_hour)


def _best(call: Callable[[], object]) -> float:
    call()  # the first one makes the index
    best = float("inf")
    for _ in range(10):
        began = process_time()
        call()
        best = min(best, process_time() - began)
    return best
