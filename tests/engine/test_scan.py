"""A job that has a store go over all of its data: nobody is served meanwhile."""

from __future__ import annotations

from cluster_sim import drift, restore_declared, seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.engine.scan import PERIOD, Scan
from cluster_sim.telemetry.logs import recent

MIB = 1 << 20


def scanned(mib_per_s: float) -> tuple[Cluster, Keyspace]:
    """A cluster whose redis has such a job, ten seconds before its first command."""
    cluster = Cluster(seven_services(), 3)
    cluster.run_for(60)
    store = cluster.service("redis-cache")
    assert store.keyspace is not None
    Scan(cluster, store, mib_per_s * MIB, 10 * SECOND)
    return cluster, store.keyspace


def test_it_takes_as_long_as_there_is_data_and_look_ups_time_out_meanwhile() -> None:
    cluster, keyspace = scanned(10)
    edge = cluster.edge("inventory-service", "redis-cache", "mget")
    cluster.run_for(9)
    timed_out = edge.failures.get(Failure.TIMEOUT, 0)
    cluster.run_for(6)
    assert keyspace.scans == 1
    assert 2.0 * SECOND < keyspace.last_scan < 3.2 * SECOND
    assert edge.failures.get(Failure.TIMEOUT, 0) > timed_out + 10


def test_it_comes_again_every_period_and_the_log_tells_of_a_long_one() -> None:
    cluster, keyspace = scanned(4)
    cluster.run_for(30 + 2 * PERIOD / SECOND)
    assert keyspace.scans == 3
    assert len(recent(cluster, "redis-cache", since_ns=0, limit=10, grep="Slow script detected")) == 3


def test_a_pipeline_ends_it() -> None:
    cluster, keyspace = scanned(10)
    while restore_declared(cluster):
        cluster.run_for(1)
    assert drift(cluster) == []
    cluster.run_for(60)
    assert keyspace.scans == 0


def test_computed_at_once_or_by_events_it_is_the_same() -> None:
    outcomes = []
    for fast_forward in (True, False):
        cluster = Cluster(seven_services(), 3, fast_forward=fast_forward)
        cluster.run_for(60)
        Scan(cluster, cluster.service("redis-cache"), 10 * MIB, 200 * SECOND)
        cluster.run_for(400)
        assert (cluster.fast.computed > 0) == fast_forward
        outcomes.append(cluster.recorder.outcomes)
    assert outcomes[0] == outcomes[1]
