"""Interfaces that lose packets, and servers that are far away."""

from __future__ import annotations

from cluster_sim import seven_services
from cluster_sim.baseline import drift, restore_declared
from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.link import RETRANSMISSION_TIMEOUT, Detour, Interface, Wire, round_trips
from cluster_sim.engine.profile import Profile
from cluster_sim.engine.replica import SUM
from cluster_sim.specs import USERS
from tests.support.equality import differences

FAR = 40 * MILLISECOND


def served(cluster: Cluster, client: str, server: str, operation: str | None = None) -> tuple[int, float]:
    """How many calls of an edge were answered well, and their mean seconds as the server measured them."""
    edge = cluster.edge(client, server, operation)
    histograms = [replica.served[edge.slot] for replica in cluster.service(server).replicas]
    count = sum(sum(h) - h[SUM] for h in histograms)
    return count, sum(h[SUM] for h in histograms) / count / SECOND


def lossy(seed: int = 3) -> Cluster:
    """A cluster in which the interface of one node loses a fifth of what it should carry."""
    cluster = Cluster(seven_services(), seed, noise=0.0)
    cluster.interfaces["node-1"].wear_out(Profile(start=0), 0.2)
    for edge in cluster.edges:
        if edge.client != USERS:
            edge.obstruct(Wire(cluster.interfaces, cluster.streams))
    return cluster


def repaired(cluster: Cluster) -> None:
    """Give every edge its free way back."""
    for edge in cluster.edges:
        for obstacle in list(edge.gate.obstacles) if edge.gate is not None else ():
            edge.clear(obstacle)


def test_the_unluckiest_segment_decides_how_long_a_call_is_held() -> None:
    interface = Interface("node-1")
    assert interface.losses(0.0, 0) == 0
    interface.wear_out(Profile(start=10), 0.2)
    assert interface.losses(0.5, 0) == 0
    assert interface.losses(0.999999, 10) == 0
    several = [interface.losses(draw / 1000, 10) for draw in range(1000)]
    assert several == sorted(several, reverse=True)
    assert 0.80 < sum(times >= 1 for times in several) / 1000 < 0.85  # 1 - 0.8 ** 8


def test_only_calls_from_the_node_are_lost_and_its_servers_measure_nothing() -> None:
    usual, cluster = Cluster(seven_services(), 3, noise=0.0), lossy()
    for each in (usual, cluster):
        each.run_for(120)
    worn, *sound = cluster.interfaces.values()
    assert worn.retransmitted > 100
    assert not any(interface.retransmitted or interface.receive_errors for interface in sound)
    assert (
        abs(served(cluster, "payment-service", "postgres-db")[1] - served(usual, "payment-service", "postgres-db")[1])
        < 0.005
    )
    assert served(cluster, "users", "checkout-service")[1] > 2 * served(usual, "users", "checkout-service")[1]


def test_a_client_gives_up_as_long_after_asking_as_ever() -> None:
    cluster = lossy()
    edge = cluster.edge("payment-service", "auth-service")
    given_up: list[int] = []
    abandon = cluster.executor.abandon

    def note(call, failure):
        if call.edge is edge:
            given_up.append(edge.deadlines.asked.get(call, call.start))
            assert cluster.now - given_up[-1] == edge.timeout
        abandon(call, failure)

    cluster.executor.abandon = note  # type: ignore[method-assign]
    cluster.fast_forward = False
    cluster.run_for(120)
    assert len(given_up) > 5
    assert edge.timeout < 3 * RETRANSMISSION_TIMEOUT


def test_nothing_stays_of_a_loss_that_is_over() -> None:
    cluster = lossy()
    cluster.run_for(60)
    cluster.interfaces["node-1"].replace()
    repaired(cluster)
    cluster.run_for(30)
    assert all(edge.gate is None and not edge.deadlines.asked for edge in cluster.edges)
    assert all(edge.settled_at <= cluster.now for edge in cluster.edges)
    assert cluster.plain


def test_a_way_is_as_long_as_an_operation_has_round_trips() -> None:
    usual, cluster = (Cluster(seven_services(), 4, noise=0.0) for _ in range(2))
    cluster.fail_over("postgres-db", zone="az-c", round_trip_s=FAR / SECOND)
    usual.fail_over("postgres-db")
    for each in (usual, cluster):
        each.run_for(300)
    payment = cluster.edge("payment-service", "postgres-db").spec.operation
    extra = round_trips(payment, 0) * FAR / SECOND
    charges = [served(each, "checkout-service", "payment-service", "charge")[1] for each in (usual, cluster)]
    assert abs(charges[1] - charges[0] - extra) < 0.05 * extra
    queries = [served(each, "payment-service", "postgres-db")[1] for each in (usual, cluster)]
    assert abs(queries[1] - queries[0]) < 0.005


def test_a_failback_clears_the_way() -> None:
    cluster = Cluster(seven_services(), 4, noise=0.0)
    cluster.fail_over("postgres-db", zone="az-c", round_trip_s=0.04)
    cluster.fail_over("postgres-db", zone="az-b", round_trip_s=0.01)
    into = [edge for edge in cluster.edges if edge.server == "postgres-db"]
    found = [obstacle for edge in into if edge.gate is not None for obstacle in edge.gate.obstacles]
    assert [obstacle.zone for obstacle in found if isinstance(obstacle, Detour)] == ["az-b"] * len(into)
    cluster.run_for(30)
    cluster.fail_over("postgres-db")
    cluster.run_for(30)
    assert cluster.plain


def test_who_follows_the_primary_is_near_it_and_far_from_the_rest() -> None:
    cluster = Cluster(seven_services(), 4, noise=0.0)
    cluster.fail_over("postgres-db", zone="az-c", round_trip_s=0.04)
    cluster.relocate("payment-service", zone="az-c")
    far = {(edge.client, edge.server) for edge in cluster.edges if edge.gate is not None}
    assert ("payment-service", "postgres-db") not in far
    assert {("inventory-service", "postgres-db"), ("checkout-service", "payment-service")} < far
    assert drift(cluster) == ["zones", *drift(cluster)[1:]]
    restore_declared(cluster)
    cluster.run_for(30)
    assert cluster.plain


def test_a_branch_loses_what_the_original_loses() -> None:
    cluster = lossy()
    cluster.fail_over("postgres-db", zone="az-c", round_trip_s=0.04)
    cluster.run_for(45)
    branch = cluster.branch()
    for each in (cluster, branch):
        each.run_for(45)
    assert not differences(branch, cluster)
