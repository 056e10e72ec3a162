"""Coalescing of cache fills: one caller per key and pod fetches it, the others wait for him."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.specs import CacheRead, CacheWrite, ClusterSpec, IfItems, PickItems, PoolSpec, Step, Work
from tests.support.clusters import Journal, answered, ask, database, drain, only, operation, service, store, topology


def shop(
    *, single_flight: bool, keys: int = 1, population: int = 5, errors: float = 0.0, timeout_s: float = 30.0
) -> ClusterSpec:
    """Users look keys up in a store; what it lacks comes from a database that takes two seconds."""
    select = ask("database", "select", pool="database", timeout_s=timeout_s)
    look_up: tuple[Step, ...] = (
        PickItems(count=keys, population=population, exponent=0.0),
        ask("store", "get", answers_items=True),
        IfItems(steps=(select, ask("store", "set"))),
    )
    return topology(
        service(
            "client",
            operation("look_up", *look_up),
            workers=1000,
            pools={"database": PoolSpec(size=500, acquire_timeout_s=30.0)},
            single_flight=single_flight,
        ),
        store(100, operation("get", CacheRead()), operation("set", CacheWrite()), ttl_s=15.0),
        database(operation("select", Work(mean_s=2.0, sigma=0.1), errors=errors)),
        steps=(ask("client", "look_up"),),
        rate_hz=40.0,
    )


def emptied(spec: ClusterSpec) -> Cluster:
    """The cluster with nothing in the store."""
    cluster = Cluster(spec, 1, noise=0)
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    keyspace.clear()
    return cluster


def assert_nobody_is_filling(cluster: Cluster) -> None:
    """No key is being filled, and no call is remembered for one."""
    for replica in cluster.service("client").replicas:
        assert replica.flights is not None
        assert (replica.flights.filling, replica.flights.leading, replica.flights.following) == ({}, {}, {})


def test_without_it_every_miss_goes_to_the_database() -> None:
    cluster = emptied(shop(single_flight=False))
    cluster.run_for(2)
    assert only(cluster, "database").in_flight > 50


def test_with_it_one_query_per_key_runs_at_a_time() -> None:
    cluster = emptied(shop(single_flight=True))
    journal = Journal(cluster)
    for _ in range(100):
        cluster.run_for(0.1)
        assert only(cluster, "database").in_flight <= 5
    assert answered(only(cluster, "database")) == 5
    drain(cluster)
    assert journal.good_share() == 1.0
    assert_nobody_is_filling(cluster)


def test_those_who_wait_are_answered_when_the_one_who_fills_is() -> None:
    cluster = emptied(shop(single_flight=True, population=1))
    journal = Journal(cluster)
    cluster.run_for(4)
    first = journal.visits[0]
    together = [visit for visit in journal.visits if visit.end == first.end]
    assert len(together) > 50
    assert max(visit.start for visit in together) < first.end
    assert first.end - min(visit.start for visit in together) > SECOND


@pytest.mark.parametrize("errors", [0.3, 1.0])
def test_a_fill_that_fails_lets_those_who_wait_go_and_leaves_nothing_behind(errors: float) -> None:
    cluster = emptied(shop(single_flight=True, keys=3, errors=errors))
    cluster.run_for(60)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert only(cluster, "client").free == 1000
    assert_nobody_is_filling(cluster)


def test_a_fill_that_times_out_lets_those_who_wait_go() -> None:
    cluster = emptied(shop(single_flight=True, keys=3, timeout_s=1.0))
    cluster.run_for(60)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert_nobody_is_filling(cluster)


def test_a_request_that_names_one_key_twice_does_not_wait_for_itself() -> None:
    cluster = emptied(shop(single_flight=True, keys=8, population=2))
    cluster.run_for(10)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert_nobody_is_filling(cluster)


def test_a_restart_forgets_who_was_filling() -> None:
    cluster = emptied(shop(single_flight=True, keys=3))
    cluster.run_for(1)
    cluster.restart("client")
    cluster.run_for(60)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert_nobody_is_filling(cluster)


def test_cancelled_calls_do_not_come_back_when_the_fill_they_waited_for_ends() -> None:
    cluster = emptied(shop(single_flight=True, population=1))
    cluster.run_for(1)
    cluster.cancel_calls("client", longer_than_s=0.0)
    cluster.run_for(30)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert only(cluster, "client").free == 1000
    assert_nobody_is_filling(cluster)
