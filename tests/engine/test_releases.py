"""What a release does beside its operations: calls for every item, waits for others."""

from __future__ import annotations

import pytest

from cluster_sim import seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.engine.release import AsksEach, Behaviour
from cluster_sim.engine.replica import SUM
from tests.support.equality import differences

CHATTY = Behaviour(asks_each=AsksEach(operation="reserve", usual=20, handshake=0))


def released(service: str, behaviour: Behaviour, seed: int = 6) -> Cluster:
    """A cluster in which a release has rolled out."""
    cluster = Cluster(seven_services(), seed, noise=0.0)
    cluster.deploy(service, behaviour)
    while cluster.operations:
        cluster.run_for(5)
    return cluster


def answered(cluster: Cluster, client: str, server: str) -> int:
    """Calls of an edge that were answered well."""
    slot = cluster.edge(client, server).slot
    return sum(sum(r.served[slot]) - r.served[slot][SUM] for r in cluster.service(server).replicas)


def test_large_carts_are_rare() -> None:
    each = AsksEach(operation="reserve", usual=20, handshake=0)
    calls = [each.calls((place + 0.5) / 1000) for place in range(1000)]
    assert calls[500] == 20
    assert calls[990] == pytest.approx(200, rel=0.05)
    assert min(calls) == 1
    assert each.calls(1 - 1e-12) == each.most


def test_a_call_is_made_for_every_item_and_once_again_after_a_rollback() -> None:
    cluster = released("checkout-service", CHATTY)
    orders, calls = (
        answered(cluster, "users", "checkout-service"),
        answered(cluster, "checkout-service", "inventory-service"),
    )
    cluster.run_for(300)
    orders = answered(cluster, "users", "checkout-service") - orders
    calls = answered(cluster, "checkout-service", "inventory-service") - calls
    assert calls / orders == pytest.approx(1.55 * 20, rel=0.25)
    cluster.roll_back("checkout-service")
    while cluster.operations:
        cluster.run_for(5)
    cluster.run_for(10)
    assert cluster.plain
    calls = -answered(cluster, "checkout-service", "inventory-service")
    orders = -answered(cluster, "users", "checkout-service")
    cluster.run_for(60)
    calls += answered(cluster, "checkout-service", "inventory-service")
    orders += answered(cluster, "users", "checkout-service")
    assert abs(calls - orders) <= 3


def test_who_waits_for_others_does_not_work_meanwhile() -> None:
    usual, waiting = (
        released("inventory-service", Behaviour()),
        released("inventory-service", Behaviour(waits=("reserve", 100.0))),
    )
    spans = []
    for cluster in (usual, waiting):
        before = sum(replica.busy for replica in cluster.service("inventory-service").replicas)
        cluster.run_for(120)
        spans.append(sum(replica.busy for replica in cluster.service("inventory-service").replicas) - before)
    assert spans[1] == pytest.approx(spans[0], rel=0.05)


def test_a_branch_goes_on_as_the_original() -> None:
    cluster = released("checkout-service", CHATTY)
    branch = cluster.branch()
    for each in (cluster, branch):
        each.run_for(30)
    assert not differences(branch, cluster)
