"""Clients that a store tells of every command: what waits for them is memory, and they come back."""

from __future__ import annotations

from cluster_sim import REMEDIATIONS, drift, restore_declared, seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.engine.keyspace import KEY_BYTES, Keyspace
from cluster_sim.engine.watchers import Watcher
from cluster_sim.telemetry.logs import recent

MIB = 1 << 20


def watched(number: int = 1) -> tuple[Cluster, Keyspace]:
    """A cluster whose redis has so many of them."""
    cluster = Cluster(seven_services(), 3)
    cluster.run_for(60)
    for place in range(number):
        Watcher(cluster, cluster.service("redis-cache"), place)
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    return cluster, keyspace


def test_what_waits_is_every_command_once_for_each() -> None:
    cluster, keyspace = watched(2)
    written, read = keyspace.written, keyspace.hits + keyspace.misses
    cluster.run_for(60)
    written, read = keyspace.written - written, keyspace.hits + keyspace.misses - read
    sent = written * (KEY_BYTES + keyspace.spec.entry_bytes) + read * KEY_BYTES
    assert keyspace.output_bytes == 2 * sent
    assert keyspace.used_bytes == keyspace.spec.base_bytes + keyspace.dataset_bytes + 2 * sent


def test_memory_full_of_output_refuses_writes_and_the_data_set_shrinks() -> None:
    cluster, keyspace = watched(3)
    before = len(keyspace.entries)
    cluster.run_for(400)
    assert keyspace.refused > 0
    assert len(keyspace.entries) < before / 4
    assert keyspace.output_bytes > 0.9 * keyspace.maxmemory_bytes


def test_a_restart_drops_what_waited_and_they_connect_again() -> None:
    cluster, keyspace = watched()
    cluster.run_for(60)
    cluster.restart("redis-cache")
    assert keyspace.used_bytes == keyspace.spec.base_bytes + keyspace.dataset_bytes
    cluster.run_for(30)
    assert [watcher.sessions for watcher in keyspace.watchers] == [2]


def test_a_limit_cuts_them_off_again_and_again_and_the_log_says_so() -> None:
    cluster, keyspace = watched()
    keyspace.output_limit_bytes = MIB
    cluster.run_for(60)
    assert keyspace.cut_off > 3
    assert keyspace.output_bytes <= MIB + 10 * keyspace.spec.entry_bytes
    lines = recent(cluster, "redis-cache", since_ns=0, limit=1000, grep="overcoming of output buffer limits")
    assert len(lines) == keyspace.cut_off


def test_once_they_may_not_watch_any_more_the_cluster_is_as_ever() -> None:
    cluster, keyspace = watched()
    cluster.run_for(30)
    assert keyspace.output_bytes > 0
    REMEDIATIONS["kill_redis_client"].carry_out(cluster)
    assert cluster.plain
    assert cluster.jobs == []
    assert keyspace.output_bytes == 0


def test_a_pipeline_brings_everything_back() -> None:
    cluster, keyspace = watched()
    keyspace.output_limit_bytes = MIB
    while restore_declared(cluster):
        cluster.run_for(10)
    assert drift(cluster) == []
    assert keyspace.monitoring
    assert cluster.plain


def test_a_branch_goes_on_alike() -> None:
    cluster, keyspace = watched(2)
    keyspace.output_limit_bytes = MIB
    cluster.run_for(45)
    branch = cluster.branch()
    for world in (cluster, branch):
        world.run_for(45)
    copy = branch.service("redis-cache").keyspace
    assert copy is not None
    assert (copy.cut_off, copy.output_bytes, copy.entries) == (
        keyspace.cut_off,
        keyspace.output_bytes,
        keyspace.entries,
    )
