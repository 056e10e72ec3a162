"""A store whose volume is full does not start, is started again after longer and longer pauses, and loses nothing."""

from __future__ import annotations

from itertools import pairwise

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine import lifecycle
from cluster_sim.engine.lifecycle import ENTRYPOINT
from cluster_sim.engine.volume import Volume
from cluster_sim.specs import CacheRead, Work
from tests.support.clusters import ask, digest, only, operation, store, topology


def full(seed: int = 3) -> Cluster:
    """A store that has been killed while its volume was full."""
    spec = topology(
        store(100, operation("get", Work(mean_s=0.001), CacheRead()), ttl_s=1e6, workers=10, start_s=1.0),
        steps=(ask("store", "get"),),
        rate_hz=2.0,
    )
    cluster = Cluster(spec, seed, noise=0)
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    keyspace.write([1, 2, 3], cluster.now)
    volume(cluster).fill()
    lifecycle.restart(cluster, only(cluster, "store"), "Error")
    return cluster


def volume(cluster: Cluster) -> Volume:
    volume = cluster.service("store").volume
    assert volume is not None
    return volume


def test_the_pauses_double_up_to_five_minutes():
    cluster = full()
    cluster.run_for(1500)
    log = cluster.service("store").log
    ends = [record.at for record in log if record.event == "entrypoint_failed"]
    pauses = [(later - earlier - ENTRYPOINT) // SECOND for earlier, later in pairwise(ends)]
    assert pauses[:7] == [10, 20, 40, 80, 160, 300, 300]
    assert only(cluster, "store").restarts == len(ends)
    assert not cluster.service("store").ready


def test_a_restart_ends_the_pause_and_is_not_waited_for_in_vain():
    cluster = full()
    cluster.run_for(60)
    cluster.restart("store")
    cluster.run_for(60)
    assert cluster.operations == []
    volume(cluster).clean()
    cluster.restart("store")
    cluster.run_for(5)
    assert cluster.service("store").ready
    restarts = only(cluster, "store").restarts
    cluster.run_for(600)
    assert only(cluster, "store").restarts == restarts
    assert only(cluster, "store").failed_starts == 0


def test_the_data_set_is_there_when_it_is_up_again():
    cluster = full()
    cluster.run_for(100)
    volume(cluster).clean()
    cluster.run_for(300)
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    assert cluster.service("store").ready
    assert sorted(keyspace.entries) == [1, 2, 3]


def test_a_branch_goes_on_as_the_original():
    cluster = full()
    cluster.run_for(33)
    branch = cluster.branch()
    for other in (cluster, branch):
        other.run_for(100)
    assert digest(cluster) == digest(branch)
