"""Restarts, rolling deploys, scaling: what they cost and what they leave."""

from __future__ import annotations

import pytest

from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.lifecycle import Rollout
from cluster_sim.specs import CacheRead, ClusterSpec, PickItems, PoolSpec, RetrySpec, Work
from tests.support.clusters import (
    Journal,
    answered,
    ask,
    database,
    drain,
    one_service,
    only,
    operation,
    service,
    store,
    topology,
)


def web(replicas: int = 3, *, rate_hz: float = 20.0, work_s: float = 0.05) -> ClusterSpec:
    """Users ask a service that takes some five seconds to start."""
    work = Work(mean_s=work_s, sigma=0.3)
    return one_service(work, rate_hz=rate_hz, replicas=replicas, workers=100, start_s=5.0, warmup_s=4.0)


def with_database(replicas: int = 3, *, max_connections: int = 1000) -> ClusterSpec:
    """Users ask a service that keeps four connections to a database."""
    return topology(
        service(
            "client",
            operation("serve", Work(mean_s=0.01), ask("database", "query", pool="database")),
            workers=1000,
            replicas=replicas,
            start_s=5.0,
            pools={"database": PoolSpec(size=4, acquire_timeout_s=1.0)},
        ),
        database(operation("query", Work(mean_s=0.02)), max_connections=max_connections),
        steps=(ask("client"),),
        rate_hz=20.0,
    )


def used_connections(cluster: Cluster) -> tuple[int, int]:
    """Slots taken at the database, and connections that the clients' pods have."""
    backends = cluster.service("database").backends
    assert backends is not None
    pools = [replica.pools["database"] for replica in cluster.service("client").replicas]
    return backends.used - backends.monitoring, sum(pool.open for pool in pools)


# ---------------------------------------------------------------- restarts


def test_a_restart_loses_the_work_in_progress_and_its_callers_see_the_connection_reset() -> None:
    cluster = Cluster(web(1, work_s=1.0), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    replica = only(cluster)
    at_work = replica.in_flight
    assert at_work > 10
    before = len(journal.visits)
    cluster.restart("server")
    cluster.run_for(0.001)
    lost = journal.visits[before:]
    assert [visit.status for visit in lost] == [502] * at_work
    assert cluster.edges[0].failures == {Failure.RESET: at_work}
    assert (replica.free, len(replica.queue)) == (100, 0)


def test_a_restart_begins_every_counter_of_the_process_anew() -> None:
    cluster = Cluster(web(1), 1, noise=0)
    cluster.run_for(10)
    replica = only(cluster)
    assert answered(replica) > 100
    assert replica.busy > 0
    cluster.restart("server")
    assert (answered(replica), replica.busy, replica.failed, replica.restarts) == (0, 0, {}, 1)
    assert replica.started == cluster.now
    assert replica.last_exit == "Completed"


def test_a_restarted_store_counts_its_hits_anew_and_still_has_its_keys() -> None:
    get = operation("get", PickItems(count=1, population=50, exponent=0.9), CacheRead())
    spec = topology(store(100, get, ttl_s=1000.0), steps=(ask("store", "get"),), rate_hz=20.0)
    cluster = Cluster(spec, 1, noise=0)
    cluster.run_for(10)
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    keys = len(keyspace.entries)
    assert keyspace.hits > 100
    cluster.restart("store")
    assert (keyspace.hits, keyspace.misses) == (0, 0)
    assert len(keyspace.entries) == keys


def test_a_restarting_service_refuses_calls_until_it_is_ready_and_is_slow_until_it_is_warm() -> None:
    cluster = Cluster(web(1), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.restart("server")
    cluster.run_for(40)
    (started,) = [record for record in cluster.service("server").log if record.event == "started"]
    ready_at = started.at / SECOND
    assert 13.5 <= ready_at <= 16.5
    assert journal.good_share(10, ready_at) == 0.0
    assert journal.good_share(ready_at, 45) == 1.0
    assert Failure.REFUSED in cluster.edges[0].failures

    def mean_stay(since: float, until: float) -> float:
        stays = [v.end - v.start for v in journal.visits if since <= v.start / SECOND < until and v.status == 200]
        return sum(stays) / len(stays)

    assert mean_stay(ready_at, ready_at + 4) == pytest.approx(2 * mean_stay(ready_at + 5, 49), rel=0.15)


def test_what_a_lost_call_had_asked_for_goes_on_alone() -> None:
    spec = topology(
        service("server", operation("serve", ask("backend")), workers=100, replicas=2, start_s=2.0),
        service("backend", operation("serve", Work(mean_s=3.0, sigma=0.1)), workers=1000),
        steps=(ask("server"),),
        rate_hz=10.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    cluster.run_for(10)
    at_work = only(cluster, "backend").in_flight
    cluster.restart("server")
    assert only(cluster, "backend").in_flight == at_work > 20
    drain(cluster, 30)
    assert cluster.recorder.zombies == at_work
    assert only(cluster, "backend").free == 1000


def test_a_restart_of_one_client_gives_its_connections_back_to_the_database() -> None:
    cluster = Cluster(with_database(), 1, noise=0)
    cluster.run_for(10)
    assert used_connections(cluster) == (12, 12)
    cluster.restart("client")
    assert used_connections(cluster) == (0, 0)
    cluster.run_for(20)
    assert used_connections(cluster) == (12, 12)


# ---------------------------------------------------------------- rolling deploys


def test_a_rolling_deploy_serves_everybody_and_replaces_every_replica() -> None:
    cluster = Cluster(web(3), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.roll("server")
    least = 3
    while cluster.operations:
        cluster.run_for(0.1)
        least = min(least, len(cluster.service("server").ready))
    assert least == 2
    assert [replica.restarts for replica in cluster.service("server").replicas] == [1, 1, 1]
    assert all(replica.started > 10 * SECOND for replica in cluster.service("server").replicas)
    # Three times: three seconds to drain and three and a half to six and a half to start.
    assert 3 * 6.5 <= cluster.now / SECOND - 10 <= 3 * 11
    cluster.run_for(5)
    assert journal.good_share() == 1.0
    assert len(journal.visits) > 500


def test_a_rolling_deploy_of_a_single_replica_interrupts_its_service() -> None:
    cluster = Cluster(web(1), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.roll("server")
    cluster.run_for(30)
    assert journal.good_share(10, 12.8) == 1.0
    assert journal.good_share(13, 16) == 0.0
    assert journal.good_share(22, 38) == 1.0


def test_new_settings_of_the_pod_template_arrive_with_the_deploy() -> None:
    cluster = Cluster(with_database(), 1, noise=0)
    cluster.service("client").pools["database"] = PoolSpec(size=7, acquire_timeout_s=1.0)
    cluster.run_for(10)
    assert used_connections(cluster) == (12, 12)
    cluster.roll("client")
    cluster.run_for(60)
    assert used_connections(cluster) == (21, 21)


# ---------------------------------------------------------------- scaling


def test_scaling_out_adds_pods_that_serve_and_connect() -> None:
    cluster = Cluster(with_database(), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.scale("client", 6)
    while cluster.operations:
        cluster.run_for(1)
    cluster.run_for(30)
    assert len(cluster.service("client").ready) == 6
    assert used_connections(cluster) == (24, 24)
    assert all(answered(replica) > 50 for replica in cluster.service("client").replicas)
    assert journal.good_share() == 1.0


def test_scaling_in_drains_pods_and_frees_their_connections() -> None:
    cluster = Cluster(with_database(6), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.scale("client", 2)
    cluster.run_for(60)
    assert not cluster.operations
    assert len(cluster.service("client").replicas) == len(cluster.service("client").ready) == 2
    assert used_connections(cluster) == (8, 8)
    assert journal.good_share() == 1.0


def test_scaling_out_past_the_limit_of_the_database_leaves_ready_pods_without_connections() -> None:
    cluster = Cluster(with_database(max_connections=20), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.scale("client", 6, pace_s=1.0)
    cluster.run_for(60)
    # 20 slots less three reserved and one of the exporter.
    assert used_connections(cluster) == (16, 16)
    assert len(cluster.service("client").ready) == 6
    assert journal.good_share(30, 60) == pytest.approx(4 / 6, abs=0.01)
    assert cluster.edge("client", "database").failures.keys() == {Failure.POOL_TIMEOUT}


@pytest.mark.parametrize("pause_s", [0.5, 1.0, 2.0, 2.5])
def test_a_pod_that_a_deploy_is_replacing_can_be_scaled_away(pause_s: float) -> None:
    cluster = Cluster(with_database(2), 1, noise=0)
    cluster.run_for(10)
    cluster.roll("client")
    rollout = cluster.operations[0]
    assert isinstance(rollout, Rollout)
    while rollout.left:
        cluster.run_for(0.1)
    cluster.run_for(pause_s)
    cluster.scale("client", 1)
    cluster.run_for(120)
    assert not cluster.operations
    assert len(cluster.service("client").ready) == 1
    assert used_connections(cluster) == (4, 4)


@pytest.mark.parametrize("before_s", [0.5, 1.5, 2.5])
def test_a_pod_that_is_scaled_away_while_a_deploy_drains_it_does_not_come_back(before_s: float) -> None:
    cluster = Cluster(with_database(2), 1, noise=0)
    cluster.run_for(10)
    cluster.roll("client")
    ahead = cluster.branch()
    rollout = ahead.operations[0]
    assert isinstance(rollout, Rollout)
    while rollout.left:
        ahead.run_for(0.05)
    # The deploy turns to the last pod when the scaling has chosen, but not yet removed it.
    cluster.run_until(ahead.now - int(before_s * SECOND))
    cluster.scale("client", 1)
    cluster.run_for(120)
    assert not cluster.operations
    assert len(cluster.service("client").ready) == 1
    assert used_connections(cluster) == (4, 4)


def test_a_new_number_of_replicas_replaces_the_one_that_a_scaling_is_working_towards() -> None:
    cluster = Cluster(with_database(3), 1, noise=0)
    cluster.run_for(10)
    cluster.scale("client", 2)
    cluster.run_for(1)
    cluster.scale("client", 4, pace_s=1.0)
    cluster.run_for(120)
    assert not cluster.operations
    assert len(cluster.service("client").ready) == len(cluster.service("client").replicas) == 4
    assert used_connections(cluster) == (16, 16)


def test_a_pod_evicted_from_its_node_starts_on_another() -> None:
    cluster = Cluster(web(3), 1, noise=0)
    cluster.run_for(10)
    replica = cluster.service("server").replicas[1]
    node = replica.node
    cluster.evict(replica)
    assert replica not in cluster.service("server").ready
    cluster.run_for(20)
    assert replica in cluster.service("server").ready
    assert replica.node != node
    assert replica.last_exit == "Evicted"


def test_lost_calls_are_retried_on_another_replica() -> None:
    spec = one_service(
        Work(mean_s=0.5, sigma=0.1), rate_hz=20.0, replicas=3, workers=100, retry=RetrySpec(attempts=2, budget=None)
    )
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    first = cluster.service("server").replicas[0]
    lost = first.in_flight
    cluster.evict(first)
    drain(cluster)
    assert cluster.edges[0].retried == lost > 0
    assert journal.good_share() == 1.0
    assert max(visit.end - visit.start for visit in journal.visits) < 1500 * MILLISECOND
