"""Client connection pools and the slots of the database behind them."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.pool import ConnectionPool
from cluster_sim.engine.replica import SUM
from cluster_sim.specs import ClusterSpec, PoolSpec, Work
from tests.support.clusters import Journal, answered, ask, database, drain, only, operation, service, topology


def client(
    rate_hz: float = 20.0,
    *,
    query_s: float = 0.05,
    size: int = 3,
    acquire_timeout_s: float = 1.0,
    replicas: int = 1,
    max_connections: int = 1000,
) -> ClusterSpec:
    """Users ask a service that queries a database over its pools."""
    return topology(
        service(
            "client",
            operation("serve", ask("database", "query", pool="database")),
            workers=1000,
            replicas=replicas,
            pools={"database": PoolSpec(size=size, acquire_timeout_s=acquire_timeout_s)},
        ),
        database(operation("query", Work(mean_s=query_s, sigma=0.1)), max_connections=max_connections, start_s=3.0),
        steps=(ask("client"),),
        rate_hz=rate_hz,
    )


def pools(cluster: Cluster) -> list[ConnectionPool]:
    """The pool of every replica of the client."""
    return [replica.pools["database"] for replica in cluster.service("client").replicas]


def test_pools_are_filled_before_the_first_request() -> None:
    cluster = Cluster(client(replicas=2), 1, noise=0)
    assert [(pool.open, pool.idle) for pool in pools(cluster)] == [(3, 3), (3, 3)]
    backends = cluster.service("database").backends
    assert backends is not None
    assert backends.used == 6 + backends.monitoring


def test_never_more_queries_run_than_there_are_connections() -> None:
    cluster = Cluster(client(rate_hz=100.0), 1, noise=0)
    for _ in range(500):
        cluster.run_for(0.02)
        assert only(cluster, "database").in_flight == pools(cluster)[0].active <= 3


def test_who_gets_no_connection_in_time_fails_to_the_nanosecond_with_an_error_of_his_server() -> None:
    cluster = Cluster(client(query_s=2.0, acquire_timeout_s=0.5), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(30)
    failures = [visit for visit in journal.visits if visit.status == 500]
    assert {visit.end - visit.start for visit in failures} == {SECOND // 2}
    # Three connections finish one and a half queries a second of the twenty that come.
    assert len(failures) / len(journal.visits) == pytest.approx(0.925, abs=0.04)
    edge = cluster.edge("client", "database")
    assert edge.failures == {Failure.POOL_TIMEOUT: len(failures)} == {Failure.POOL_TIMEOUT: pools(cluster)[0].timeouts}


def test_connections_go_to_those_who_wait_in_the_order_in_which_they_came() -> None:
    cluster = Cluster(client(rate_hz=100.0, size=1, acquire_timeout_s=1000.0), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(20)
    numbers = [visit.number for visit in journal.visits]
    assert len(numbers) > 300
    assert numbers == sorted(numbers)


def test_the_wait_for_a_connection_is_no_time_of_the_database() -> None:
    cluster = Cluster(client(query_s=0.2, rate_hz=14.0, acquire_timeout_s=100.0), 1, noise=0)
    cluster.run_for(30)
    drain(cluster)
    (at_database,) = only(cluster, "database").served
    (at_client,) = only(cluster, "client").served
    count = answered(only(cluster, "database"))
    assert at_database[SUM] / count / SECOND == pytest.approx(0.2, rel=0.02)
    assert at_client[SUM] == at_database[SUM] + pools(cluster)[0].waited
    assert pools(cluster)[0].waited / count / SECOND > 0.2


def test_the_database_keeps_its_reserved_slots_and_refuses_the_rest() -> None:
    cluster = Cluster(client(size=4, replicas=3, max_connections=10), 1, noise=0)
    backends = cluster.service("database").backends
    assert backends is not None
    # Ten slots, three of them reserved and one held by the exporter.
    assert sum(pool.open for pool in pools(cluster)) == 6
    assert backends.used == 7
    cluster.run_for(30)
    assert backends.refused > 3
    assert sum(pool.open for pool in pools(cluster)) == 6


def test_a_pool_without_connections_fails_its_users_though_its_pod_is_ready() -> None:
    cluster = Cluster(client(size=4, replicas=3, max_connections=12), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(60)
    assert [pool.open for pool in pools(cluster)] == [4, 4, 0]
    assert len(cluster.service("client").ready) == 3
    assert journal.good_share(10, 50) == pytest.approx(2 / 3, abs=0.01)


def test_connections_closed_at_the_server_are_opened_again() -> None:
    cluster = Cluster(client(size=10), 1, noise=0)
    cluster.run_for(10)
    cluster.drop_idle_connections("database")
    (pool,) = pools(cluster)
    assert pool.idle == 0
    assert pool.open == pool.active
    cluster.run_for(5)
    assert pool.open == 10
    backends = cluster.service("database").backends
    assert backends is not None
    assert backends.used == 10 + backends.monitoring


def test_a_restart_of_the_database_cuts_every_session_and_the_pools_come_back() -> None:
    cluster = Cluster(client(rate_hz=50.0, query_s=0.2, size=20, replicas=2, acquire_timeout_s=10.0), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(20)
    at_work = only(cluster, "database").in_flight
    assert at_work >= 5
    cluster.restart("database")
    assert [(pool.open, pool.idle) for pool in pools(cluster)] == [(0, 0), (0, 0)]
    cluster.run_for(30)
    assert cluster.edge("client", "database").failures[Failure.ADMIN_SHUTDOWN] == at_work
    assert all(pool.open == 20 for pool in pools(cluster))
    assert journal.good_share(30, 48) == 1.0
    drain(cluster)
    assert all(pool.idle == 20 for pool in pools(cluster))


def test_queries_that_have_run_too_long_can_be_cancelled() -> None:
    cluster = Cluster(client(query_s=0.5, size=5, acquire_timeout_s=60.0), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(10)
    running = only(cluster, "database").in_flight
    cluster.cancel_calls("database", longer_than_s=0.0)
    cluster.run_for(1)
    assert cluster.edge("client", "database").failures == {Failure.SERVER_ERROR: running}
    assert [visit.status for visit in journal.visits].count(502) == running == 5
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    assert pools(cluster)[0].idle == 5
    assert only(cluster, "database").free == 1000
