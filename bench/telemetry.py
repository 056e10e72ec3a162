"""What telemetry costs: scrapes, rules, queries, and the memory of what was scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import process_time

from .calibration import calibrated
from .figures import Figure

QUERIES = {
    "instant query": ('sum by (service) (rate(http_server_request_duration_seconds_count[1m]))', "3 ms"),
    "instant quantile over all services": (
        "histogram_quantile(0.99, sum by (service, le) (rate(http_server_request_duration_seconds_bucket[1m])))",
        "150 ms",
    ),
}


def telemetry_figures() -> Iterator[Figure]:
    """Half an hour of an incident at 20 requests a second."""
    from cluster_sim import FAULTS, begin, promql, seven_services, unix_ms

    calibration = calibrated()
    incident = begin(seven_services(20), FAULTS["redis_maxmemory_orphan_keys"], 1)
    cluster = incident.cluster
    cluster.run_until(30 * 60 * 1_000_000_000)
    now = unix_ms(cluster.now, cluster.epoch_s)

    def timed(name: str, target: str, call: Callable[[], object], repeats: int = 20) -> Figure:
        call()
        best = float("inf")
        for _ in range(repeats):
            began = process_time()
            call()
            best = min(best, process_time() - began)
        return Figure(name, best * 1e3, "ms", best / calibration, target)

    for name, (query, target) in QUERIES.items():
        yield timed(name, target, lambda query=query: promql.evaluate(cluster.metrics, query, now))
        yield timed(
            f"{name.replace('instant', 'range')} over 30 minutes",
            "30 ms" if name == "instant query" else "150 ms",
            lambda query=query: promql.evaluate_range(cluster.metrics, query, now - 1_800_000, now, 15_000),
            repeats=5,
        )
