"""Nothing is lost and nothing is left: after any storm, a drained cluster is whole again."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_sim.cluster import Cluster
from cluster_sim.engine.call import Call
from cluster_sim.services import seven_services
from tests.support.clusters import digest, drain
from tests.support.storms import KINDS, SERVICES, Blow, shop, strike


def assert_whole(cluster: Cluster) -> None:
    """Every request has been answered once; every worker, connection, slot, fill and timer is free."""
    assert cluster.recorder.finished == cluster.workload.arrived
    assert sum(answered for window in cluster.recorder.outcomes.values() for answered, _ in window) == (
        cluster.recorder.finished
    )
    assert [event for *_, event in cluster.sim.queue if isinstance(event, Call)] == []
    assert [edge.index for edge in cluster.edges if edge.deadlines.calls] == []
    assert cluster.operations == []
    used = {name: s.backends.monitoring for name, s in cluster.services.items() if s.backends is not None}
    for running in cluster.services.values():
        for replica in running.replicas:
            assert replica.alive, replica.name
            assert replica.ready, replica.name
            assert (replica.free, len(replica.queue)) == (replica.workers, 0), replica.name
            assert not replica.disturbed, replica.name
            if replica.flights is not None:
                flights = replica.flights
                assert (flights.filling, flights.leading, flights.following) == ({}, {}, {}), replica.name
            for pool in replica.pools.values():
                assert len(pool.waiting) == 0, replica.name
                assert pool.idle == pool.open, replica.name
                backends = pool.server.backends
                assert backends is not None
                assert pool.open == pool.size or backends.used == backends.admitted, replica.name
                used[pool.server.name] += pool.open
    assert used == {name: s.backends.used for name, s in cluster.services.items() if s.backends is not None}


# ---------------------------------------------------------------- storms


blows = st.builds(
    Blow,
    kind=st.sampled_from(KINDS),
    service=st.sampled_from(SERVICES),
    amount=st.floats(0, 1),
    wait_s=st.floats(0, 6),
)


def after_storm(seed: int, storm: list[Blow]) -> Cluster:
    """The drained cluster after a storm."""
    cluster = Cluster(shop(), seed, noise=0)
    cluster.run_for(3)
    for blow in storm:
        strike(cluster, blow)
    drain(cluster, 15)
    for _ in range(40):
        if not cluster.operations:
            break
        cluster.run_for(15)
    cluster.run_for(60)
    return cluster


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), storm=st.lists(blows, min_size=1, max_size=10))
def test_after_any_storm_every_request_is_answered_and_every_resource_is_free(seed: int, storm: list[Blow]) -> None:
    assert_whole(after_storm(seed, storm))


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), storm=st.lists(blows, min_size=2, max_size=6))
def test_any_storm_is_the_same_storm_again_when_the_cluster_was_saved_in_it(seed: int, storm: list[Blow]) -> None:
    straight = Cluster(shop(), seed, noise=0)
    saved = Cluster(shop(), seed, noise=0)
    for blow in storm:
        strike(straight, blow)
        strike(saved, blow)
        saved = saved.branch()
    straight.run_for(20)
    saved.run_for(20)
    assert digest(saved) == digest(straight)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_kind_of_trouble_again_and_again_leaves_a_whole_cluster(kind: str) -> None:
    storm = [Blow(kind, name, amount, 1.3) for amount in (0.1, 0.5, 0.95) for name in SERVICES]
    assert_whole(after_storm(5, storm))


def test_a_restart_of_the_database_under_load_leaves_a_whole_cluster() -> None:
    storm = [
        Blow("slow", "database", 0.8, 2.0),
        Blow("restart", "database", 0, 1.0),
        Blow("restart", "database", 0, 8.0),
    ]
    cluster = after_storm(1, storm)
    assert_whole(cluster)
    assert cluster.recorder.zombies > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_the_seven_services_are_whole_after_noise_and_trouble(seed: int) -> None:
    cluster = Cluster(seven_services(), seed, noise=3.0)
    pending = [
        lambda: cluster.restart("postgres-db"),
        lambda: cluster.scale("payment-service", 7),
        lambda: cluster.roll("checkout-service"),
        lambda: cluster.restart("redis-cache"),
        lambda: cluster.service("postgres-db").replicas[0].set_slow(8.0),
        lambda: cluster.cancel_calls("postgres-db", longer_than_s=1.0),
        lambda: cluster.service("postgres-db").replicas[0].set_slow(1.0),
        lambda: cluster.restart("inventory-service"),
        lambda: cluster.scale("payment-service", 3),
        lambda: cluster.restart("auth-service"),
    ]
    for trouble in pending:
        cluster.run_for(40)
        trouble()
    cluster.run_for(120)
    drain(cluster, 240)
    assert_whole(cluster)
    assert cluster.recorder.finished > 8000
