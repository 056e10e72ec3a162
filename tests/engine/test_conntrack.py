"""Tables of connections that are full, and who waits for room in them."""

from __future__ import annotations

import pytest

from cluster_sim import seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.conntrack import ENTRY_S, LIMIT, Hog
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.profile import Profile
from tests.support.clusters import drain
from tests.support.equality import continued


def hog(cluster: Cluster, times: float) -> Hog:
    """A pod on node-2 that wants so many times the entries there are."""
    rate_hz = times * LIMIT / ENTRY_S
    profile = Profile(start=cluster.now)
    return Hog(pod="exporter", service="inventory-service", node="node-2", rate_hz=rate_hz, profile=profile)


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster(seven_services(), 4, noise=0)
    cluster.run_for(30)
    return cluster


def connect_timeouts(cluster: Cluster) -> int:
    return sum(edge.failures.get(Failure.CONNECT_TIMEOUT, 0) for edge in cluster.edges)


def test_a_table_with_room_is_in_nobodys_way(cluster: Cluster) -> None:
    cluster.conntrack.run(hog(cluster, 0.8))
    assert all(edge.gate is None for edge in cluster.edges)
    assert LIMIT * 0.8 < cluster.conntrack.entries("node-2", cluster.now) < LIMIT


def test_a_full_one_drops_what_is_more_than_its_entries(cluster: Cluster) -> None:
    cluster.conntrack.run(hog(cluster, 3.0))
    tables, now = cluster.conntrack, cluster.now
    assert tables.entries("node-2", now) == tables.limits["node-2"]
    assert tables.dropped("node-2", now) == pytest.approx(2 / 3, abs=0.02)
    assert tables.dropped("node-1", now) == 0


def test_only_pods_of_that_node_wait_and_what_is_pooled_goes_on(cluster: Cluster) -> None:
    cluster.conntrack.run(hog(cluster, 3.0))
    cluster.run_for(120)
    assert connect_timeouts(cluster) > 20
    for service in ("checkout-service", "payment-service"):
        for replica in cluster.service(service).replicas:
            assert (Failure.GATEWAY_TIMEOUT in {failure for _, failure in replica.failed}) == (
                replica.node == "node-2"
            ), replica.name
    pooled = [edge for edge in cluster.edges if edge.server in ("postgres-db", "redis-cache")]
    assert all(edge.gate is None for edge in pooled)


@pytest.mark.parametrize("repair", ["delete", "enlarge"])
def test_when_there_is_room_again_nothing_is_left_of_it(cluster: Cluster, repair: str) -> None:
    filler = hog(cluster, 3.0)
    cluster.conntrack.run(filler)
    cluster.run_for(60)
    if repair == "delete":
        cluster.conntrack.delete(filler)
    else:
        cluster.conntrack.set_limit(4 * LIMIT)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert all(edge.gate is None for edge in cluster.edges)
    assert cluster.plain


def test_a_first_packet_is_sent_again_after_one_three_and_seven_seconds(cluster: Cluster) -> None:
    cluster.conntrack.run(hog(cluster, 1e6))
    waited = set()
    for _ in range(200):
        cluster.run_for(0.1)
        for edge in cluster.user_edges():
            for call in edge.gate.under_way if edge.gate is not None else ():
                due = next(at for at, _, _, event in cluster.sim.queue if event is call)
                waited.add((due - call.start) // SECOND)
    assert waited == {1, 3, 7, 15}  # users have gone before the last of them


def test_a_copy_goes_on_alike(cluster: Cluster) -> None:
    cluster.conntrack.run(hog(cluster, 3.0))
    cluster.run_for(20)
    assert continued(cluster, cluster.branch(), 20) == []
