"""A cluster can be saved at any moment and goes on as if nothing had been; a branch is a world of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, begin, seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.engine.background import pause
from tests.support.clusters import digest
from tests.support.storms import shop


def healthy(cluster: Cluster) -> None:
    """Nothing happens."""


def slow_database(cluster: Cluster) -> None:
    """The database takes ten times as long: pools and queues are full."""
    cluster.service("database").replicas[0].set_slow(10.0)
    cluster.run_for(5.1)


def restarting_database(cluster: Cluster) -> None:
    """The database is down, its clients try to connect."""
    cluster.restart("database")
    cluster.run_for(0.3)


def pending_rollout(cluster: Cluster) -> None:
    """A deploy is between two pods, another operation adds pods."""
    cluster.roll("web")
    cluster.scale("stock", 5, pace_s=2.0)
    cluster.run_for(3.7)


def paused(cluster: Cluster) -> None:
    """A world is stopped in the middle of a slow spell."""
    replica = cluster.service("web").replicas[0]
    cluster.slow_down(replica, 3.0, until=cluster.now + 8_000_000_000)
    pause(cluster, replica, 3_000_000_000)
    cluster.run_for(1.1)


def full_store(cluster: Cluster) -> None:
    """Somebody else's keys fill the memory, and a fill is coalesced."""
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    keyspace.clear()
    while keyspace.write_foreign(cluster.now):
        pass
    cluster.run_for(0.2)


def changed_timeouts(cluster: Cluster) -> None:
    """Calls with the old deadline are still under way."""
    for edge in cluster.edges:
        edge.timeout = 50_000_000
    cluster.run_for(0.01)


SITUATIONS = (
    healthy,
    slow_database,
    restarting_database,
    pending_rollout,
    paused,
    full_store,
    changed_timeouts,
)


def in_situation(situation: Callable[[Cluster], None], after_s: float = 40.3) -> Cluster:
    """A cluster to which something is happening, in the middle of a window."""
    cluster = Cluster(shop(), 11, noise=1.0)
    cluster.run_for(after_s)
    situation(cluster)
    return cluster


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_restored_cluster_goes_on_exactly_as_the_original(situation: Callable[[Cluster], None]) -> None:
    untouched = in_situation(situation)
    saved = in_situation(situation)
    restored = Cluster.restore(saved.snapshot())
    assert digest(restored) == digest(saved)
    for cluster in (untouched, saved, restored):
        cluster.run_for(75.5)
    assert digest(saved) == digest(untouched)
    assert digest(restored) == digest(untouched)
    assert restored.recorder.finished > 2500


@pytest.mark.parametrize("after_s", [15.0, 29.999999999, 30.0, 30.000000001])
def test_a_cluster_can_be_saved_at_the_edge_of_a_window(after_s: float) -> None:
    cluster = in_situation(healthy, after_s)
    restored = cluster.branch()
    cluster.run_for(40)
    restored.run_for(40)
    assert digest(restored) == digest(cluster)


def test_a_cluster_can_be_saved_before_its_first_request() -> None:
    cluster = Cluster(shop(), 11, noise=1.0)
    restored = cluster.branch()
    cluster.run_for(40)
    restored.run_for(40)
    assert digest(restored) == digest(cluster)


def test_a_cluster_saved_again_and_again_is_the_same() -> None:
    straight = in_situation(slow_database)
    hopping = in_situation(slow_database)
    straight.run_for(30)
    for _ in range(30):
        hopping = hopping.branch()
        hopping.run_for(1)
    assert digest(hopping) == digest(straight)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_snapshot_of_a_restored_cluster_restores_to_the_same(situation: Callable[[Cluster], None]) -> None:
    restored = in_situation(situation).branch()
    again = restored.branch()
    # From the first copy on even the bytes are equal; the original shares some equal objects that a copy does not.
    assert again.snapshot() == again.branch().snapshot()
    restored.run_for(20)
    again.run_for(20)
    assert digest(again) == digest(restored)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_happens_in_a_branch_does_not_happen_to_the_original(situation: Callable[[Cluster], None]) -> None:
    untouched = in_situation(situation)
    original = in_situation(situation)
    branch = original.branch()
    branch.restart("database")
    branch.scale("web", 5)
    branch.service("authority").set_error_probability(0.9)
    branch.workload.rate_factor = 3.0
    branch.run_for(60)
    assert digest(original) == digest(untouched)
    original.run_for(60)
    untouched.run_for(60)
    assert digest(original) == digest(untouched)
    assert digest(branch) != digest(original)


def test_a_branch_sees_the_same_users_whatever_is_done_to_it() -> None:
    """Common random numbers: a change does not shift anybody's draws."""
    cluster = in_situation(healthy)
    branch = cluster.branch()
    branch.restart("web")
    branch.roll("stock")
    cluster.run_for(33.3)
    branch.run_for(33.3)
    assert branch.workload.arrived == cluster.workload.arrived
    assert branch.workload.times == cluster.workload.times
    assert branch.workload.rows == cluster.workload.rows
    assert branch.recorder.failures != cluster.recorder.failures


def test_a_change_of_the_rate_waits_for_the_next_window_in_a_copy_too() -> None:
    cluster = in_situation(healthy)
    cluster.workload.rate_factor = 4.0
    restored = cluster.branch()
    cluster.run_for(30)
    restored.run_for(30)
    assert digest(restored) == digest(cluster)


def test_a_snapshot_holds_no_draws_because_they_can_be_made_again() -> None:
    cluster = in_situation(healthy)
    cluster.workload.rate_factor = 4.0
    restored = cluster.branch()
    assert len(cluster.workload.rows) > 200
    assert restored.workload.rows == []
    cluster.run_for(1)
    restored.run_for(1)
    assert restored.workload.rows == cluster.workload.rows


def test_the_rules_of_a_restored_cluster_record_the_same_bytes_after_pods_have_come_and_gone() -> None:
    """What a rule adds up is added in the same order, whether its plan grew with the cluster or is made again."""
    cluster = begin(seven_services(), FAULTS["jwt_partial_rotation"], 1).cluster
    cluster.run_for(45)
    for fix in ("restart_redis", "complete_secret_rotation"):
        REMEDIATIONS[fix].carry_out(cluster)
    cluster.run_for(30)
    restored = cluster.branch()
    for one in (cluster, restored):
        one.run_for(120)
    for key, (times, values) in cluster.recordings.series.items():
        again = restored.recordings.series[key]
        assert (again.times.tobytes(), again.values.tobytes()) == (times.tobytes(), values.tobytes()), key
