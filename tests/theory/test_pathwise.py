"""The engine against recursions on the very same draws: equal in every nanosecond."""

from __future__ import annotations

from heapq import heapreplace

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.specs import Balance, ClusterSpec, Work
from tests.support.clusters import Journal, ask, drain, drawn, one_service, operation, service, topology

RATE_HZ = 400.0
WINDOWS = 4


def ends(spec: ClusterSpec, seed: int) -> list[int]:
    """When each request was answered, in the order of their arrival."""
    cluster = Cluster(spec, seed, noise=0)
    journal = Journal(cluster)
    cluster.run_for(15.0 * WINDOWS)
    drain(cluster)
    visits = [visit for visit in journal.by_arrival() if visit.number >> 20 < WINDOWS]
    assert all(visit.status == 200 for visit in visits)
    return [visit.end for visit in visits]


def lindley(arrivals: list[int], services: list[int]) -> list[int]:
    """Departures from one worker: nobody begins before the one in front of him has gone."""
    departures = []
    free_at = 0
    for arrival, work in zip(arrivals, services, strict=True):
        free_at = max(arrival, free_at) + work
        departures.append(free_at)
    return departures


def kiefer_wolfowitz(arrivals: list[int], services: list[int], workers: int) -> list[int]:
    """Departures from several workers with one queue: everybody begins at the one that is free first."""
    departures = []
    free_at = [0] * workers
    for arrival, work in zip(arrivals, services, strict=True):
        departure = max(arrival, free_at[0]) + work
        heapreplace(free_at, departure)
        departures.append(departure)
    return departures


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "work",
    [Work(mean_s=0.9 / RATE_HZ, law="exponential"), Work(mean_s=1.1 / RATE_HZ, sigma=0.8)],
    ids=["exponential", "lognormal, overloaded"],
)
def test_one_worker_is_lindleys_recursion(work: Work, seed: int) -> None:
    spec = one_service(work, rate_hz=RATE_HZ)
    draws = drawn(spec, seed, WINDOWS)
    assert ends(spec, seed) == lindley(draws.times, draws.values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("workers", "rho"), [(2, 0.9), (5, 1.05), (16, 0.95)])
def test_several_workers_are_the_recursion_of_kiefer_and_wolfowitz(workers: int, rho: float, seed: int) -> None:
    spec = one_service(Work(mean_s=rho * workers / RATE_HZ, sigma=0.6), rate_hz=RATE_HZ, workers=workers)
    draws = drawn(spec, seed, WINDOWS)
    assert ends(spec, seed) == kiefer_wolfowitz(draws.times, draws.values, workers)


def test_two_services_one_after_another_are_two_recursions_one_after_another() -> None:
    """The second service sees the departures of the first, in their order."""
    spec = topology(
        service("first", operation("serve", Work(mean_s=0.002))),
        service("second", operation("serve", Work(mean_s=0.0022))),
        steps=(ask("first"), ask("second")),
        rate_hz=RATE_HZ,
    )
    arrivals = drawn(spec, 1, WINDOWS, column=1)
    between = lindley(arrivals.times, arrivals.values)
    assert ends(spec, 1) == lindley(between, drawn(spec, 1, WINDOWS, column=2).values)


def test_round_robin_gives_each_of_three_replicas_every_third_request_of_a_recursion_of_its_own() -> None:
    spec = one_service(Work(mean_s=2.7 / RATE_HZ), rate_hz=RATE_HZ, replicas=3, balance=Balance.ROUND_ROBIN)
    draws = drawn(spec, 2, WINDOWS)
    expected = [0] * len(draws.times)
    for place in range(3):
        expected[place::3] = lindley(draws.times[place::3], draws.values[place::3])
    assert ends(spec, 2) == expected


def test_the_law_of_service_times_does_not_shift_the_arrivals() -> None:
    """Arrivals and users are drawn before service times."""
    one = drawn(one_service(Work(mean_s=0.01, sigma=0.3), rate_hz=50.0), 7, 1)
    other = drawn(one_service(Work(mean_s=0.02, law="exponential"), rate_hz=50.0), 7, 1)
    assert one.times == other.times
    assert one.values != other.values
