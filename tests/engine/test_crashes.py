"""Processes that die, the kubelet's patience with them, and the memory they may take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.crashes import BackOff
from cluster_sim.engine.cron import LimitJob
from cluster_sim.engine.release import Behaviour
from cluster_sim.engine.service import Service
from cluster_sim.specs import ClusterSpec, MemorySpec, ProbeSpec, Work
from tests.support.clusters import Journal, ask, digest, drain, one_service, operation, service, topology

MIB = 1 << 20
MEMORY = MemorySpec(start_bytes=100 * MIB, full_bytes=200 * MIB, half_work_s=2.0, limit_bytes=300 * MIB)


def web(*, rate_hz: float = 20.0, replicas: int = 1, **fields: Any) -> ClusterSpec:
    """Users ask a service that takes some two seconds to start."""
    work = Work(mean_s=0.02, sigma=0.3)
    return one_service(work, rate_hz=rate_hz, replicas=replicas, workers=100, start_s=2.0, warmup_s=1.0, **fields)


def server(cluster: Cluster) -> Service:
    """The one service."""
    (found,) = cluster.services.values()
    return found


def keeps_waiting(cluster: Cluster) -> bool:
    """Whether the kubelet keeps its container waiting."""
    return bool(server(cluster).replicas[0].waiting)


def crash(cluster: Cluster) -> None:
    """What the first pod is doing ends its process."""
    cluster.crash(server(cluster).replicas[0])
    cluster.run_for(0.001)


def test_a_container_waits_longer_after_every_crash_and_is_forgiven_after_ten_quiet_minutes():
    """At once, then 10 s, 20 s, … 300 s."""
    back_off = BackOff()
    now = 1000 * SECOND
    pauses = []
    for _ in range(8):
        pauses.append(back_off.crashed(now) // SECOND)
        now += (pauses[-1] + 30) * SECOND
    assert pauses == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off.crashed(now + 601 * SECOND) == 0


def test_a_pod_that_crashes_again_is_kept_waiting_and_a_rollout_replaces_it():
    """The first restart is at once; a new pod has no history."""
    cluster = Cluster(web(), seed=1, noise=0)
    replica = server(cluster).replicas[0]
    cluster.run_for(5)
    crash(cluster)
    assert replica.alive
    cluster.run_for(5)
    crash(cluster)
    assert (replica.alive, replica.waiting, replica.exit_code) == (False, "CrashLoopBackOff", 2)
    cluster.run_for(9.9)
    assert keeps_waiting(cluster)
    cluster.run_for(0.2)
    assert not keeps_waiting(cluster)
    cluster.run_for(5)
    crash(cluster)
    assert keeps_waiting(cluster)
    cluster.roll(server(cluster).name)
    cluster.run_for(8)
    assert (replica.ready, replica.waiting) == (True, "")
    crash(cluster)
    assert replica.alive


def test_who_waits_for_a_container_that_is_taken_away_waits_for_nothing():
    """A pod that was scaled away while it waited does not come back."""
    cluster = Cluster(web(replicas=3), seed=1, noise=0)
    last = server(cluster).replicas[2]
    for _ in range(2):
        cluster.crash(last)
        cluster.run_for(4)
    assert last.waiting
    cluster.scale(server(cluster).name, 2)
    cluster.run_for(30)
    assert not last.alive
    assert last not in server(cluster).replicas


def test_a_release_that_dies_of_requests_loses_what_was_in_hand_and_every_user_has_an_answer():
    """The share of requests that end a process is that of the release; rolled back, nothing dies."""
    cluster = Cluster(web(replicas=3, rate_hz=50.0), seed=3, noise=0)
    name = server(cluster).name
    journal = Journal(cluster)
    cluster.deploy(name, Behaviour(crash_share=0.005))
    cluster.run_for(120)
    crashes = sum(replica.restarts for replica in server(cluster).replicas)
    assert crashes > 6
    assert {replica.exit_code for replica in server(cluster).replicas} == {2}
    cluster.roll_back(name)
    cluster.run_for(60)
    settled = sum(replica.restarts for replica in server(cluster).replicas)
    cluster.run_for(60)
    assert sum(replica.restarts for replica in server(cluster).replicas) == settled
    assert cluster.plain
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert any(visit.status != 200 for visit in journal.visits)


def test_memory_grows_with_work_up_to_what_a_process_needs():
    """Half of the way after so much work, and never beyond it: nothing is killed."""
    cluster = Cluster(web(memory=MEMORY), seed=1, noise=0)
    replica = server(cluster).replicas[0]
    assert replica.resident_bytes == MEMORY.start_bytes
    while replica.busy < 2 * SECOND:
        cluster.run_for(0.05)
    assert abs(replica.resident_bytes - 150 * MIB) < 3 * MIB
    cluster.run_for(120)
    assert 199 * MIB < replica.resident_bytes <= MEMORY.full_bytes
    assert replica.restarts == 0


def test_a_leak_is_killed_at_the_limit_without_a_word():
    """It begins again at its start and climbs again."""
    cluster = Cluster(web(memory=MEMORY), seed=1, noise=0)
    cluster.deploy(server(cluster).name, Behaviour(leak_bytes=MIB))
    cluster.run_for(20)
    replica = server(cluster).replicas[0]
    assert replica.resident_bytes <= MEMORY.limit_bytes + 40 * MIB
    assert (replica.last_exit, replica.exit_code) == ("OOMKilled", 137)


def test_whoever_has_too_little_memory_is_killed_whatever_the_stepping():
    """Computed at once or event by event, in one go or in two, from a copy or not: the same world."""
    spec = web(memory=MEMORY, rate_hz=60.0, replicas=2)
    worlds = []
    for fast in (True, False):
        cluster = Cluster(spec, seed=5, fast_forward=fast)
        cluster.run_for(60)
        server(cluster).memory_limit_bytes = 180 * MIB
        cluster.roll(server(cluster).name)
        cluster.run_for(30)
        cluster = cluster.branch() if fast else cluster
        cluster.run_for(90)
        worlds.append(digest(cluster))
        assert sum(replica.restarts for replica in server(cluster).replicas) > 4
    assert worlds[0] == worlds[1]


def test_a_job_patches_the_limit_at_every_run_until_it_is_suspended():
    """What was put right is wrong again after the next run."""
    cluster = Cluster(web(memory=MEMORY), seed=1, noise=0)
    running = server(cluster)
    job = LimitJob(cluster, running, "job", 250 * MIB, 100 * SECOND)
    generation = running.generation
    cluster.run_for(50)
    assert running.replicas[0].memory_limit_bytes == 250 * MIB
    running.memory_limit_bytes = MEMORY.limit_bytes
    cluster.run_for(60)
    assert (running.memory_limit_bytes, running.generation) == (250 * MIB, generation + 1)
    job.suspended = True
    running.memory_limit_bytes = MEMORY.limit_bytes
    cluster.run_for(250)
    assert running.memory_limit_bytes == MEMORY.limit_bytes


def test_a_process_that_starts_without_a_network_ends_until_there_is_one():
    """It is started again after ever longer pauses, and then runs."""
    cluster = Cluster(web(replicas=3), seed=1, noise=0)
    replica = server(cluster).replicas[0]
    cluster.without_network[cluster.next_node(replica)] = 30 * SECOND
    cluster.evict(replica)
    cluster.run_for(30)
    assert not replica.ready
    assert replica.exit_code == 1
    assert len(server(cluster).ready) == 2
    cluster.run_for(60)
    assert replica.ready


def test_a_deep_check_with_no_patience_kills_what_works_and_a_shallow_one_does_not():
    """The same service under the same load; switched off, the probe asks nothing."""
    hasty = ProbeSpec(period_s=2.0, timeout_s=1.0, failure_threshold=1, check_s=0.35)
    killed = []
    for probe in (hasty, ProbeSpec(period_s=2.0, timeout_s=1.0, failure_threshold=1), None):
        cluster = Cluster(web(replicas=3, liveness=hasty), seed=2, noise=0)
        server(cluster).liveness = probe
        cluster.run_for(200)
        killed.append(sum(replica.restarts for replica in server(cluster).replicas))
    assert killed[0] > 3
    assert killed[1:] == [0, 0]


def test_a_probe_that_needs_a_worker_fails_behind_a_queue():
    """One worker, and work that takes longer than the probe waits."""
    probe = ProbeSpec(period_s=1.0, timeout_s=0.5, failure_threshold=1, needs_worker=True)
    busy = service("busy", operation("serve", Work(mean_s=1.0, sigma=0.1)), workers=1, start_s=2.0, liveness=probe)
    cluster = Cluster(topology(busy, steps=(ask("busy"),), rate_hz=2.0), seed=1, noise=0)
    cluster.run_for(30)
    assert server(cluster).replicas[0].restarts > 0
    relaxed = replace(probe, needs_worker=False)
    calm = Cluster(topology(replace(busy, liveness=relaxed), steps=(ask("busy"),), rate_hz=2.0), seed=1, noise=0)
    calm.run_for(30)
    assert server(calm).replicas[0].restarts == 0
