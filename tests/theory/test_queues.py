"""Waits and refusals of the engine's queues against closed formulas."""

from __future__ import annotations

import itertools

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.replica import SUM
from cluster_sim.specs import ClusterSpec, Work
from tests.support.clusters import (
    Journal,
    Visit,
    answered,
    ask,
    drain,
    drawn,
    one_service,
    only,
    operation,
    service,
    topology,
)
from tests.theory.formulas import (
    erlang_b,
    erlang_c,
    erlang_c_wait,
    full_system,
    gate,
    mm1_wait,
    mm1_wait_sd,
    pollaczek_khinchine,
)

RATE_HZ = 2000.0
WINDOWS = 5


def settled_visits(spec: ClusterSpec, windows: int = WINDOWS, seed: int = 1) -> tuple[list[Visit], list[int]]:
    """The visits in order of arrival without the first tenth, and the service times they brought."""
    cluster = Cluster(spec, seed, noise=0)
    journal = Journal(cluster)
    cluster.run_for(15.0 * windows)
    drain(cluster, 30.0)
    visits = journal.by_arrival()
    draws = drawn(spec, seed, windows)
    assert [visit.number for visit in visits[: len(draws.numbers)]] == draws.numbers
    first = len(draws.numbers) // 10
    return visits[first : len(draws.numbers)], draws.values[first:]


def waits_s(visits: list[Visit], services: list[int]) -> list[float]:
    """Seconds each visit waited for a worker."""
    return [(visit.end - visit.start - work) / SECOND for visit, work in zip(visits, services, strict=True)]


def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


@pytest.mark.parametrize(("rho", "windows"), [(0.5, 5), (0.8, 5), (0.9, 10)])
def test_waits_for_one_worker_are_those_of_an_m_m_1_queue(rho: float, windows: int) -> None:
    spec = one_service(Work(mean_s=rho / RATE_HZ, law="exponential"), rate_hz=RATE_HZ)
    waits = waits_s(*settled_visits(spec, windows))
    theory = mm1_wait(RATE_HZ, rho / RATE_HZ)
    assert mean(waits) == pytest.approx(theory, rel=4 * mm1_wait_sd(rho, len(waits)))


@pytest.mark.parametrize(("workers", "rho", "share_sd", "wait_sd"), [(4, 0.7, 0.0175, 0.058), (16, 0.8, 0.04, 0.113)])
def test_waits_for_several_workers_are_those_of_erlang_c(
    workers: int, rho: float, share_sd: float, wait_sd: float
) -> None:
    service_s = rho * workers / RATE_HZ
    spec = one_service(Work(mean_s=service_s, law="exponential"), rate_hz=RATE_HZ, workers=workers)
    waits = waits_s(*settled_visits(spec))
    share = sum(wait > 0 for wait in waits) / len(waits)
    assert share == pytest.approx(erlang_c(workers, rho * workers), rel=gate(share_sd, len(waits)))
    assert mean(waits) == pytest.approx(erlang_c_wait(workers, RATE_HZ, service_s), rel=gate(wait_sd, len(waits)))


def test_waits_for_lognormal_work_follow_pollaczek_and_khinchine() -> None:
    spec = one_service(Work(mean_s=0.7 / RATE_HZ, sigma=0.7), rate_hz=RATE_HZ)
    waits = waits_s(*settled_visits(spec))
    theory = pollaczek_khinchine(RATE_HZ, 0.7 / RATE_HZ, 0.7)
    assert mean(waits) == pytest.approx(theory, rel=gate(0.026, len(waits)))


@pytest.mark.parametrize(
    "work",
    [
        Work(mean_s=18 / RATE_HZ, law="exponential"),
        Work(mean_s=18 / RATE_HZ, sigma=0.5),
        Work(mean_s=18 / RATE_HZ, sigma=1.2),
    ],
    ids=["exponential", "lognormal", "wide lognormal"],
)
def test_where_nobody_may_wait_erlang_b_is_refused_whatever_the_law_of_service(work: Work) -> None:
    spec = one_service(work, rate_hz=RATE_HZ, workers=20, queue_limit=0)
    visits, _ = settled_visits(spec)
    refused = sum(visit.status == 503 for visit in visits) / len(visits)
    assert refused == pytest.approx(erlang_b(20, 18), rel=gate(0.029, len(visits)))
    assert {visit.status for visit in visits} == {200, 503}


def test_a_queue_with_a_limit_refuses_the_share_of_an_m_m_c_k_queue() -> None:
    work = Work(mean_s=7 / RATE_HZ, law="exponential")
    visits, _ = settled_visits(one_service(work, rate_hz=RATE_HZ, workers=8, queue_limit=8))
    refused = sum(visit.status == 503 for visit in visits) / len(visits)
    assert refused == pytest.approx(full_system(8, 16, 7), rel=gate(0.051, len(visits)))


def test_the_time_through_two_services_one_after_another_is_that_of_a_jackson_network() -> None:
    rate, first, second = 1400.0, 1 / 2000, 1 / 2500
    spec = topology(
        service("first", operation("serve", Work(mean_s=first, law="exponential"))),
        service("second", operation("serve", Work(mean_s=second, law="exponential"))),
        steps=(ask("first"), ask("second")),
        rate_hz=rate,
    )
    visits, _ = settled_visits(spec)
    theory = 1 / (1 / first - rate) + 1 / (1 / second - rate)
    measured = mean([(visit.end - visit.start) / SECOND for visit in visits])
    assert measured == pytest.approx(theory, rel=gate(0.0185, len(visits)))


def test_littles_law_holds_to_the_nanosecond() -> None:
    """The area under the number present is the sum of the times present, as the replica adds them up."""
    cluster = Cluster(one_service(Work(mean_s=0.0072, sigma=0.8), rate_hz=500.0, workers=4), 3, noise=0)
    journal = Journal(cluster)
    cluster.run_for(30)
    drain(cluster, 30)
    changes = sorted([(visit.start, 1) for visit in journal.visits] + [(visit.end, -1) for visit in journal.visits])
    present = area = 0
    for (at, change), (until, _) in itertools.pairwise(changes):
        present += change
        area += present * (until - at)
    assert area == sum(histogram[SUM] for histogram in only(cluster).served)
    assert answered(only(cluster)) == cluster.workload.arrived > 10_000


def test_the_number_present_at_random_instants_is_the_arrival_rate_times_the_mean_stay() -> None:
    spec = one_service(Work(mean_s=0.6 / RATE_HZ, law="exponential"), rate_hz=RATE_HZ)
    cluster = Cluster(spec, 5, noise=0)
    journal = Journal(cluster)
    seen: list[int] = []
    while len(seen) < 4000:
        cluster.run_for(0.01 * cluster.streams.uniform("looks", len(seen)) * 2)
        seen.append(only(cluster).in_flight)
    stay = mean([(visit.end - visit.start) / SECOND for visit in journal.visits])
    assert mean([float(count) for count in seen]) == pytest.approx(RATE_HZ * stay, rel=0.1)
    assert RATE_HZ * stay == pytest.approx(0.6 / 0.4, rel=gate(0.035, len(journal.visits)))


def test_workers_are_busy_for_the_work_that_arrived_and_no_longer() -> None:
    spec = one_service(Work(mean_s=0.005, sigma=0.8), rate_hz=500.0, workers=4)
    cluster = Cluster(spec, 3, noise=0)
    cluster.run_for(30)
    drain(cluster, 30)
    assert only(cluster).busy == sum(drawn(spec, 3, 2).values)
