"""Saves of a store: they need room on its volume, and without one that succeeds writes are refused."""

from __future__ import annotations

from cluster_sim import drift, restore_declared, seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.engine.profile import Profile
from cluster_sim.engine.saves import VOLUME_BYTES
from cluster_sim.engine.saving import fill_volume
from cluster_sim.telemetry.logs import recent


def crowded(first_save_s: int = 10) -> tuple[Cluster, Keyspace]:
    """A cluster whose redis has no block left on its volume."""
    cluster = Cluster(seven_services(), 3, noise=0.0)
    cluster.run_for(60)
    store = cluster.service("redis-cache")
    assert store.keyspace is not None
    fill_volume(cluster, store, VOLUME_BYTES, Profile(start=cluster.now), first_save_s * SECOND)
    return cluster, store.keyspace


def test_writes_are_refused_from_the_first_save_that_fails_until_one_succeeds() -> None:
    cluster, keyspace = crowded()
    cluster.run_for(10)
    assert keyspace.unsaved == 0
    cluster.run_for(20)
    assert keyspace.unsaved > 0
    assert keyspace.refusal is Failure.STORE_MISCONFIGURED
    assert keyspace.refused == 0
    keyspace.saves.growth = None
    cluster.run_for(10)
    refused = keyspace.unsaved
    cluster.run_for(60)
    assert keyspace.unsaved == refused
    assert cluster.plain


def test_a_full_memory_is_answered_before_a_failed_save() -> None:
    cluster, keyspace = crowded()
    cluster.run_for(20)
    keyspace.maxmemory_bytes = keyspace.spec.base_bytes
    assert not keyspace.write([1], cluster.now)
    assert keyspace.refusal is Failure.CACHE_FULL


def test_told_not_to_stop_it_takes_writes_and_goes_on_failing_to_save() -> None:
    cluster, keyspace = crowded()
    cluster.run_for(20)
    keyspace.saves.stop_writes = False
    assert keyspace.write([1], cluster.now)
    cluster.run_for(10)
    assert keyspace.saves.failed


def test_what_was_written_since_the_last_save_is_gone_after_a_restart() -> None:
    cluster, keyspace = crowded(first_save_s=1000)
    saved_at = cluster.now
    cluster.run_for(30)
    until = saved_at + keyspace.ttl
    kept = {key for key, expires in keyspace.entries.items() if cluster.now < expires <= until}
    assert any(expires > until for expires in keyspace.entries.values())
    cluster.restart("redis-cache")
    assert set(keyspace.entries) == kept
    grep = "can't exit"
    assert recent(cluster, "redis-cache", since_ns=0, limit=10, grep=grep)


def test_a_restarted_server_takes_writes_until_it_has_tried_to_save() -> None:
    cluster, keyspace = crowded()
    cluster.run_for(30)
    cluster.restart("redis-cache")
    cluster.run_for(100)
    assert keyspace.unsaved == 0
    cluster.run_for(60)
    assert keyspace.unsaved > 0


def test_a_pipeline_brings_everything_back() -> None:
    cluster, keyspace = crowded()
    keyspace.saves.volume_bytes *= 2
    keyspace.saves.stop_writes = False
    while restore_declared(cluster):
        cluster.run_for(10)
    assert drift(cluster) == []
    cluster.run_for(10)
    assert cluster.plain


def test_a_branch_goes_on_alike() -> None:
    cluster, keyspace = crowded()
    cluster.run_for(11)
    branch = cluster.branch()
    for world in (cluster, branch):
        world.run_for(60)
    copy = branch.service("redis-cache").keyspace
    assert copy is not None
    assert (copy.unsaved, copy.entries) == (keyspace.unsaved, keyspace.entries)
