"""What size costs: request-hops, scrapes and rules in generated clusters of up to 500 services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING

from .calibration import calibrated
from .figures import STEP_S, Figure

if TYPE_CHECKING:
    from cluster_sim import Cluster, ClusterSpec

SERVICES = (7, 20, 100, 500)
RATES_HZ = (5.0, 50.0, 500.0)
SEED = 1

_REQUESTS = 4000
"""Requests over which a cost per hop is measured."""
_POD_INTERVALS = 3000
"""Scrapes of pods over which their cost is measured, about."""
_REPEATS = 3
_FLAT = "1.25 times that of 7"


def scale_figures() -> Iterator[Figure]:
    """Cost per request-hop by size and traffic, then what every pod costs whether anybody asks it or not."""
    calibration = calibrated()
    for rate_hz in RATES_HZ:
        smallest = 0.0
        for services in SERVICES:
            cost = _hop_s(services, rate_hz)
            smallest = smallest or cost
            name = f"request-hop, {services} services, {rate_hz:.0f}/s"
            yield Figure(name, cost * 1e6, "µs", cost / calibration, f"{smallest * 1.25e6:.1f} µs")
    for services in SERVICES:
        began = process_time()
        _cluster(services, 50.0)
        spent = process_time() - began
        yield Figure(f"making a cluster of {services} services", spent * 1e3, "ms", spent / calibration)
        bare, scraped, watched = (_pod_s(services, scrapes=at >= 1, rules=at == 2) for at in range(3))
        for what, cost in (("control plane", bare), ("scrapes", scraped - bare), ("rules", watched - scraped)):
            name = f"{what} per pod and 15 s, {services} services"
            yield Figure(name, cost * 1e6, "µs", cost / calibration)


def _cluster(services: int, rate_hz: float, *, rules: bool = False) -> Cluster:
    from cluster_sim import Cluster, generated

    spec: ClusterSpec = generated(services, SEED, rate_hz)
    return Cluster(spec if rules else replace(spec, rules=()), SEED)


def _hop_s(services: int, rate_hz: float) -> float:
    """CPU seconds of one call that a pod serves, with everything on but telemetry."""
    cluster = _cluster(services, rate_hz)
    cluster.run_for(15.1)
    cluster.scrapes.stop()
    cluster.run_for(15.1)
    best = float("inf")
    for _ in range(_REPEATS):
        before = _served(cluster)
        began = process_time()
        cluster.run_for(_REQUESTS / rate_hz)
        spent = process_time() - began
        best = min(best, spent / _grown(before, _served(cluster)))
    return best


def _served(cluster: Cluster) -> dict[tuple[int, int], int]:
    """Calls that each process has answered, by pod and by how often it was restarted."""
    counts = {}
    for service in cluster.services.values():
        for pod in service.replicas:
            histograms = [*pod.served, *pod.failed.values()]
            counts[pod.uid, pod.restarts] = sum(sum(histogram[:-1]) for histogram in histograms)
    return counts


def _grown(before: dict[tuple[int, int], int], after: dict[tuple[int, int], int]) -> int:
    return sum(count - before.get(process, 0) for process, count in after.items())


def _pod_s(services: int, *, scrapes: bool, rules: bool) -> float:
    """CPU seconds per pod and 15 s when nobody asks it for anything, in steps as an agent takes them."""
    cluster = _cluster(services, 20.0, rules=rules)
    cluster.run_for(15.1)
    cluster.workload.rate_factor = 0.0
    if not scrapes:
        cluster.scrapes.stop()
    cluster.run_for(90)
    pods = sum(len(service.replicas) for service in cluster.services.values())
    steps = max(round(_POD_INTERVALS / pods * 15 / STEP_S), 2)
    best = float("inf")
    for _ in range(_REPEATS):
        began = process_time()
        for _step in range(steps):
            cluster.run_for(STEP_S)
        best = min(best, (process_time() - began) / (steps * STEP_S / 15 * pods))
    return best
