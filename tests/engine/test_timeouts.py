"""Callers that give up, callees that go on, and full queues."""

from __future__ import annotations

import pytest

from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.specs import CacheRead, CacheWrite, ClusterSpec, IfItems, PickItems, PoolSpec, RetrySpec, Step, Work
from tests.support.clusters import (
    Journal,
    answered,
    ask,
    database,
    drain,
    drawn,
    failed,
    one_service,
    only,
    operation,
    service,
    store,
    topology,
)


def test_a_full_queue_answers_503_at_once() -> None:
    spec = one_service(Work(mean_s=0.5, sigma=0.1), rate_hz=20.0, workers=2, queue_limit=3)
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(30)
    assert only(cluster).in_flight <= 2 + 3
    refused = [visit for visit in journal.visits if visit.status == 503]
    assert all(visit.end == visit.start for visit in refused)
    # Two workers finish four requests a second of the twenty that come.
    assert len(refused) / len(journal.visits) == pytest.approx(0.8, abs=0.06)
    drain(cluster)
    assert failed(only(cluster)) == len(refused)
    assert answered(only(cluster)) == cluster.workload.arrived - len(refused)


def test_a_caller_gives_up_to_the_nanosecond_and_the_callee_works_on() -> None:
    spec = topology(
        service("server", operation("serve", Work(mean_s=0.1, sigma=0.8)), workers=100),
        steps=(ask("server", timeout_s=0.1),),
        rate_hz=20.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(60)
    drain(cluster)
    work = drawn(spec, 1, 4).values
    for visit, time in zip(journal.by_arrival(), work, strict=False):
        assert visit.status == (504 if time >= 100 * MILLISECOND else 200)
        assert visit.end - visit.start == min(time, 100 * MILLISECOND)
    late = sum(visit.status == 504 for visit in journal.visits)
    assert late > 100
    assert cluster.recorder.zombies == late
    assert cluster.edges[0].timed_out == late
    assert answered(only(cluster)) == cluster.workload.arrived
    assert only(cluster).busy == sum(work)


def test_a_request_that_waits_in_a_queue_is_still_worked_on_after_its_caller_has_left() -> None:
    """That is why a timeout alone does not relieve an overloaded service."""
    spec = topology(
        service("server", operation("serve", Work(mean_s=0.2, sigma=0.1))),
        steps=(ask("server", timeout_s=1.0),),
        rate_hz=10.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(60)
    assert journal.good_share(30, 60) < 0.05
    assert answered(only(cluster)) > 250
    assert cluster.recorder.zombies > 200


def fills(timeout_s: float) -> ClusterSpec:
    """Users look up one of three keys; the client fills the cache from a slow database, and they wait so long."""
    look_up: tuple[Step, ...] = (
        PickItems(count=1, population=3, exponent=0.0),
        ask("store", "get", answers_items=True),
        IfItems(steps=(ask("database", "select", pool="database"), ask("store", "set"))),
    )
    return topology(
        service(
            "client",
            operation("look_up", *look_up),
            workers=500,
            pools={"database": PoolSpec(size=50, acquire_timeout_s=30.0)},
        ),
        store(100, operation("get", CacheRead()), operation("set", CacheWrite()), ttl_s=1000.0),
        database(operation("select", Work(mean_s=2.0, sigma=0.1))),
        steps=(ask("client", "look_up", timeout_s=timeout_s),),
        rate_hz=5.0,
    )


def test_a_fill_whose_user_has_left_still_writes_the_cache() -> None:
    cluster = Cluster(fills(timeout_s=0.5), 1, noise=0)
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    keyspace.clear()
    journal = Journal(cluster)
    cluster.run_for(30)
    assert {visit.status for visit in journal.visits if visit.end < 2 * SECOND} == {504}
    assert len(keyspace.entries) == 3
    assert journal.good_share(10, 30) == 1.0


def test_an_optional_call_that_fails_does_not_fail_its_caller() -> None:
    spec = topology(
        service(
            "server", operation("serve", ask("settings", optional=True, timeout_s=0.05), Work(mean_s=0.01)), workers=50
        ),
        service("settings", operation("serve", Work(mean_s=10.0, sigma=0.1)), workers=2000),
        steps=(ask("server"),),
        rate_hz=20.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(30)
    assert journal.good_share() == 1.0
    assert min(visit.end - visit.start for visit in journal.visits) > 50 * MILLISECOND
    assert cluster.edge("server", "settings").failures == {
        Failure.TIMEOUT: cluster.edge("server", "settings").timed_out
    }


@pytest.mark.parametrize(("reason", "status"), [("timeout", 504), ("error", 502), ("nobody", 502), ("queue", 503)])
def test_a_caller_answers_its_own_caller_according_to_what_went_wrong(reason: str, status: int) -> None:
    errors = 1.0 if reason == "error" else 0.0
    limit = 0 if reason == "queue" else 1000
    backend = service("backend", operation("serve", Work(mean_s=60.0, sigma=0.1), errors=errors), queue_limit=limit)
    spec = topology(
        service("server", operation("serve", ask("backend", timeout_s=0.5)), workers=1000),
        backend,
        steps=(ask("server"),),
        rate_hz=10.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    if reason == "nobody":
        only(cluster, "backend").ready = False
        cluster.service("backend").refresh_ready()
    cluster.run_for(20)
    statuses = [visit.status for visit in journal.visits]
    assert statuses.count(status) / len(statuses) > 0.99


def test_a_changed_timeout_holds_for_calls_made_from_then_on() -> None:
    spec = one_service(Work(mean_s=3.0, sigma=0.05), rate_hz=5.0, workers=100)
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.edges[0].timeout = SECOND
    cluster.run_for(20)
    assert journal.good_share(0, 10) == 1.0
    assert journal.good_share(10, 25) == 0.0


# ---------------------------------------------------------------- budget of retries


def failing(retry: RetrySpec, errors: float) -> Cluster:
    """Users retry a service that fails with a probability."""
    spec = one_service(Work(mean_s=0.001), rate_hz=50.0, retry=retry, errors=errors, workers=100)
    return Cluster(spec, 1, noise=0)


def test_without_successes_a_budget_pays_for_as_many_retries_as_it_has_tokens() -> None:
    cluster = failing(RetrySpec(attempts=3, backoff_s=0.01, budget=10.0), errors=1.0)
    cluster.run_for(30)
    drain(cluster)
    assert cluster.edges[0].retried == 10
    assert failed(only(cluster)) == cluster.workload.arrived + 10


def test_every_success_gives_back_a_part_of_a_token() -> None:
    cluster = failing(RetrySpec(attempts=3, backoff_s=0.01, budget=10.0, refill=0.1), errors=0.6)
    cluster.run_for(60)
    drain(cluster)
    edge = cluster.edges[0]
    assert edge.retried == pytest.approx(10 + 0.1 * answered(only(cluster)), abs=1.01)


def test_the_bucket_never_holds_more_than_its_size() -> None:
    cluster = failing(RetrySpec(attempts=1, budget=10.0, refill=0.3), errors=1e-9)
    cluster.run_for(30)
    assert cluster.edges[0].tokens == 10.0
    cluster.service("server").set_error_probability(1.0)
    cluster.run_for(30)
    assert cluster.edges[0].retried == 10


def test_retries_back_off_twice_as_long_each_time() -> None:
    retry = RetrySpec(attempts=3, backoff_s=1.0, budget=None)
    cluster = failing(retry, errors=1.0)
    journal = Journal(cluster)
    cluster.run_for(120)
    drain(cluster)
    waits = [(visit.end - visit.start) / SECOND for visit in journal.visits]
    # 1 + 2 + 4 seconds, each with a jitter between a half and one and a half.
    assert min(waits) >= 3.5
    assert max(waits) <= 10.5
    assert sum(waits) / len(waits) == pytest.approx(7.0, abs=0.1)
