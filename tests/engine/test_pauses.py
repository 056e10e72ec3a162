"""Stopped worlds and slow spells."""

from __future__ import annotations

import itertools

from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.background import pause
from cluster_sim.specs import ClusterSpec, Work
from tests.support.clusters import Journal, Visit, drain, drawn, one_service, only

PAUSE = 700 * MILLISECOND


def spec(workers: int, rate_hz: float = 50.0) -> ClusterSpec:
    """A service that collects garbage."""
    return one_service(Work(mean_s=0.05, sigma=0.5), rate_hz=rate_hz, workers=workers, gc=True)


def paused_at(at_s: float, workers: int, *lengths: int) -> list[Visit]:
    """The visits, in order of arrival, to a service whose world is stopped once or more."""
    cluster = Cluster(spec(workers), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(at_s)
    for length in lengths:
        pause(cluster, only(cluster), length)
    cluster.run_for(15 - at_s)
    drain(cluster)
    return [visit for visit in journal.by_arrival() if visit.number >> 20 == 0]


def expected_end(start: int, work: int, stopped: int, length: int) -> int:
    """When work ends that has a worker at once, if the world stands still for a while."""
    if start + work <= stopped or start >= stopped + length:
        return start + work
    return max(start, stopped) + length + work - (max(start, stopped) - start) - (max(start, stopped) - stopped)


def test_a_pause_delays_work_in_progress_and_work_that_begins_in_it_by_what_is_left_of_it() -> None:
    draws = drawn(spec(1000), 1, 1)
    visits = paused_at(5, 1000, PAUSE)
    for visit, work in zip(visits, draws.values, strict=True):
        assert visit.end == expected_end(visit.start, work, 5 * SECOND, PAUSE)
    assert sum(visit.end - visit.start != work for visit, work in zip(visits, draws.values, strict=True)) > 30


def test_two_pauses_at_once_add_up() -> None:
    twice = paused_at(5, 1000, PAUSE, PAUSE)
    once = paused_at(5, 1000, 2 * PAUSE)
    assert [visit.end for visit in twice] == [visit.end for visit in once]


def test_a_pause_keeps_the_order_of_a_queue() -> None:
    visits = paused_at(5, 1, PAUSE)
    assert all(one.end < other.end for one, other in itertools.pairwise(visits))


def test_a_pause_is_over_when_it_is_over() -> None:
    cluster = Cluster(spec(1000), 1, noise=0)
    pause(cluster, only(cluster), PAUSE)
    cluster.run_for(0.69)
    assert only(cluster).disturbed
    cluster.run_for(0.02)
    assert not only(cluster).disturbed
    for _ in range(2):
        pause(cluster, only(cluster), PAUSE)
    cluster.run_for(1.39)
    assert only(cluster).disturbed
    cluster.run_for(0.02)
    assert not only(cluster).disturbed
    assert (only(cluster).pauses, only(cluster).paused) == (3, 3 * PAUSE)


def test_a_slow_spell_stretches_the_work_that_begins_in_it() -> None:
    cluster = Cluster(spec(1000), 1, noise=0)
    journal = Journal(cluster)
    draws = drawn(spec(1000), 1, 1)
    cluster.run_for(5)
    cluster.slow_down(only(cluster), 3.0, until=10 * SECOND)
    cluster.run_for(10)
    drain(cluster)
    for visit, work in zip(journal.by_arrival(), draws.values, strict=False):
        factor = 3 if 5 * SECOND <= visit.start < 10 * SECOND else 1
        assert visit.end - visit.start == work * factor


def test_a_slow_spell_ends_with_the_process_it_is_in() -> None:
    cluster = Cluster(spec(1000), 1, noise=0)
    cluster.slow_down(only(cluster), 3.0, until=100 * SECOND)
    cluster.run_for(5)
    cluster.restart("server")
    cluster.run_for(60)
    assert only(cluster).slow == 1.0
    only(cluster).set_slow(2.0)
    cluster.run_for(60)
    assert only(cluster).slow == 2.0
