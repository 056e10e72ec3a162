"""The heap of a runtime: more in flight means more time in collections, and a fresh process begins anew."""

from __future__ import annotations

from cluster_sim import Cluster, seven_services
from cluster_sim.engine.heap import MIB, needed
from cluster_sim.engine.release import Behaviour

CHECKOUT = "checkout-service"


def heated(max_heap: int, factor: float) -> Cluster:
    cluster = Cluster(seven_services(), 4, 0.0)
    cluster.deploy(CHECKOUT, Behaviour(max_heap=max_heap))
    cluster.run_for(120)
    cluster.surge(factor, 60.0)
    cluster.run_for(120)
    return cluster


def paused(cluster: Cluster) -> int:
    return sum(replica.paused for replica in cluster.service(CHECKOUT).replicas)


def test_a_full_heap_costs_more_time_than_an_ample_one():
    ample, tight = heated(needed(32), 4.0), heated(needed(3), 4.0)
    assert paused(tight) > 2 * paused(ample)


def test_what_is_used_stays_between_what_is_in_use_and_the_limit():
    cluster = heated(needed(6), 4.0)
    for _ in range(50):
        cluster.run_for(0.37)
        for replica in cluster.service(CHECKOUT).replicas:
            assert replica.heap is not None
            assert replica.heap.live <= replica.heap.used(cluster.now) <= replica.heap.limit


def test_it_goes_with_its_process_and_its_release():
    cluster = heated(200 * MIB, 2.0)
    old = [replica.heap for replica in cluster.service(CHECKOUT).replicas]
    cluster.roll(CHECKOUT)
    cluster.run_for(120)
    assert all(r.heap is not before for r, before in zip(cluster.service(CHECKOUT).replicas, old, strict=True))
    cluster.roll_back(CHECKOUT)
    cluster.run_for(120)
    assert all(replica.heap is None for replica in cluster.service(CHECKOUT).replicas)
    before = paused(cluster)
    cluster.run_for(60)
    assert paused(cluster) == before


def test_a_copy_collects_at_the_same_instants():
    cluster = heated(needed(5), 4.0)
    copy, restored = cluster.branch(), Cluster.restore(cluster.snapshot())
    for each in (cluster, copy, restored):
        each.run_for(60)
    assert paused(cluster) == paused(copy) == paused(restored)
    assert cluster.recorder.outcomes == copy.recorder.outcomes == restored.recorder.outcomes
