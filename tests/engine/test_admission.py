"""Whom a store lets in: passwords, connections, and what is left of both when nobody is turned away any more."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.admission import POOLED, Admission
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.release import HEALTHY, Behaviour
from cluster_sim.specs import CacheRead, ClusterSpec, PickItems, Work
from tests.support.clusters import Journal, ask, digest, operation, service, store, topology

RATE_HZ = 40.0
PODS = 2


def reading(seed: int = 3) -> Cluster:
    """Users ask two pods that read from a store; without it they fail."""
    return Cluster(spec(), seed, noise=0)


def spec() -> ClusterSpec:
    return topology(
        service(
            "client",
            operation("serve", PickItems(count=1, population=10, exponent=0.0), ask("store", "get")),
            workers=100,
            replicas=PODS,
            start_s=2.0,
        ),
        store(100, operation("get", Work(mean_s=0.001), CacheRead()), ttl_s=60.0, workers=10, start_s=1.0),
        steps=(ask("client"),),
        rate_hz=RATE_HZ,
    )


def door(cluster: Cluster) -> Admission:
    admission = cluster.service("store").admission
    assert admission is not None
    return admission


def refusals(cluster: Cluster) -> dict[Failure, int]:
    return cluster.edge("client", "store").failures


def test_a_rotation_is_felt_by_nobody_who_keeps_their_connection():
    cluster = reading()
    journal = Journal(cluster)
    door(cluster).rotate(lapse=1000 * SECOND)
    cluster.run_for(5)
    assert journal.good_share() == 1.0
    assert door(cluster).refusal() is Failure.STORE_WRONG_PASSWORD  # of the exporter, which connects anew


def test_who_connects_with_the_old_password_is_refused_until_it_is_told_the_new_one():
    cluster = reading()
    journal = Journal(cluster)
    cluster.run_for(2)
    door(cluster).rotate()
    cluster.run_for(3)
    cluster.roll("client")  # the pods read the same secret again
    cluster.run_for(20)
    assert journal.good_share(2, 25) == 0.0
    assert refusals(cluster)[Failure.STORE_WRONG_PASSWORD] == door(cluster).strangers
    door(cluster).secret = door(cluster).password
    cluster.roll("client")
    cluster.run_for(20)
    assert cluster.plain
    assert journal.good_share(40) == 1.0


def test_without_a_password_everybody_is_let_in():
    cluster = reading()
    door(cluster).rotate()
    cluster.run_for(2)
    door(cluster).require(False)
    cluster.run_for(2)
    assert [client.pooled for client in door(cluster).clients.values()] == [POOLED] * PODS
    assert cluster.plain


def test_connections_that_are_left_open_add_up_to_the_limit_and_not_beyond():
    cluster = reading()
    door(cluster).maxclients = 100
    cluster.deploy("client", Behaviour(store_connections_left=3))
    cluster.run_for(20)
    assert door(cluster).connections == 100
    assert door(cluster).received >= 100
    assert refusals(cluster)[Failure.STORE_MAX_CLIENTS] == door(cluster).rejected > 0


@pytest.mark.parametrize("remedy", ["store", "client"])
def test_a_restart_on_either_side_closes_them(remedy):
    cluster = reading()
    door(cluster).maxclients = 1000
    cluster.deploy("client", Behaviour(store_connections_left=1))
    cluster.run_for(15)
    before = door(cluster).connections
    cluster.workload.rate_factor = 0.0
    cluster.run_for(20)
    cluster.restart(remedy)
    assert before > 2 * POOLED * PODS
    assert door(cluster).connections == 0


def test_a_release_without_leak_leaves_nothing_behind():
    cluster = reading()
    door(cluster).maxclients = 200
    cluster.deploy("client", Behaviour(store_connections_left=1))
    cluster.run_for(20)
    cluster.roll_back("client")
    cluster.run_for(20)
    assert cluster.service("client").behaviour == HEALTHY
    assert door(cluster).connections == POOLED * PODS
    assert cluster.plain


def test_a_branch_of_a_store_that_turns_clients_away_goes_on_as_the_original():
    cluster = reading()
    door(cluster).maxclients = 120
    cluster.deploy("client", Behaviour(store_connections_left=1))
    door(cluster).rotate(lapse=20 * SECOND)
    cluster.run_for(8)
    branch = cluster.branch()
    for other in (cluster, branch):
        other.run_for(15)
    assert digest(cluster) == digest(branch)
