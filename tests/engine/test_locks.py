"""Locks on tables: who waits behind a migration, what it costs them, and that nothing is left of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cluster_sim.baseline import drift, restore_declared
from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.locks import Migration, Report, TableLock
from cluster_sim.services import seven_services
from cluster_sim.specs import ClusterSpec, PoolSpec, Work
from cluster_sim.telemetry.logs import recent
from tests.engine.test_conservation import assert_whole
from tests.support.clusters import Journal, ask, database, digest, drain, only, operation, service, topology


def shop(size: int = 8, replicas: int = 2, max_connections: int = 40, rate_hz: float = 20.0) -> ClusterSpec:
    """Users ask a service that queries a table over its pools, and gives up after two seconds."""
    return topology(
        service(
            "client",
            operation("serve", ask("database", "query", pool="database", timeout_s=2.0)),
            workers=1000,
            replicas=replicas,
            pools={"database": PoolSpec(size=size, acquire_timeout_s=1.0)},
        ),
        database(operation("query", Work(mean_s=0.05)), max_connections=max_connections, start_s=3.0),
        steps=(ask("client", timeout_s=8.0),),
        rate_hz=rate_hz,
    )


def with_report(spec: ClusterSpec, seed: int = 1) -> tuple[Cluster, TableLock]:
    """A cluster in which somebody reads the table for an hour."""
    cluster = Cluster(spec, seed, noise=0)
    cluster.run_for(20)
    lock = cluster.lock("database", "/query")
    Report(lock, 3600 * SECOND)
    return cluster, lock


def migrate(lock: TableLock, *, patience_s: int = 0, pause_s: int = 10) -> Migration:
    """Begin to alter the table."""
    migration = Migration(lock, needs=SECOND // 5, patience=patience_s * SECOND, pause=pause_s * SECOND)
    migration.begin()
    return migration


def used(cluster: Cluster) -> int:
    """Slots of the database that are taken beside the exporter's."""
    backends = cluster.service("database").backends
    assert backends is not None
    return backends.used - backends.monitoring


def test_a_report_is_in_nobodys_way() -> None:
    cluster, lock = with_report(shop())
    journal = Journal(cluster)
    cluster.run_for(60)
    assert journal.good_share() == 1.0
    assert used(cluster) == 16 + lock.sessions == 17


def test_everybody_waits_behind_who_waits_for_the_table() -> None:
    """With their connections, without a worker, until the pools are empty."""
    cluster, lock = with_report(shop())
    migration = migrate(lock)
    cluster.run_for(30)
    replica = only(cluster, "database")
    assert not migration.granted
    assert lock.waiting() == 16
    assert replica.in_flight == 0
    assert all(client.pools["database"].idle == 0 for client in cluster.service("client").replicas)
    failures = cluster.edge("client", "database").failures
    assert set(failures) == {Failure.TIMEOUT, Failure.POOL_TIMEOUT}
    assert failures[Failure.TIMEOUT] == 16
    assert used(cluster) == 18


def test_without_a_report_a_migration_waits_only_for_the_statements_before_it() -> None:
    cluster = Cluster(shop(), 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(20)
    migration = migrate(cluster.lock("database", "/query"))
    cluster.run_for(10)
    assert migration.over
    assert cluster.plain
    assert journal.good_share() == 1.0
    longest = max(visit.end - visit.start for visit in journal.visits)
    assert SECOND // 5 < longest < SECOND


@pytest.mark.parametrize("repair", ["cancel", "suspend", "report ends"])
def test_nothing_is_left_once_the_queue_is_gone(repair: str) -> None:
    cluster, lock = with_report(shop())
    migration = migrate(lock)
    cluster.run_for(30)
    assert lock.waiting() > 0
    if repair == "cancel":
        cluster.cancel_calls("database", longer_than_s=1.0)
        assert lock.waiting() == 0
    elif repair == "suspend":
        migration.suspend()
    else:
        assert lock.report is not None
        lock.report.cancel()
    journal = Journal(cluster)
    cluster.run_for(60)
    assert not lock.doomed
    assert migration.over
    assert journal.good_share(55) == 1.0
    if lock.report is not None and not lock.report.over:
        lock.report.cancel()
    drain(cluster)
    assert_whole(cluster)
    assert cluster.plain


def test_a_restart_of_the_server_only_shuffles_the_queue() -> None:
    cluster, lock = with_report(shop())
    migration = migrate(lock)
    cluster.run_for(30)
    cluster.restart("database")
    assert (lock.waiting(), lock.sessions, used(cluster)) == (0, 0, 0)
    cluster.run_for(60)
    assert lock.doomed
    assert migration.since is not None
    assert lock.waiting() == 16


def test_a_migration_with_a_timeout_lets_go_now_and_then() -> None:
    cluster, lock = with_report(shop())
    migration = migrate(lock, patience_s=20, pause_s=10)
    held = []
    for _ in range(120):
        cluster.run_for(1)
        held.append(migration.since is not None)
    assert 0.6 < sum(held) / len(held) < 0.75
    assert sum(now and not before for before, now in pairwise(held)) == 3


def test_a_session_that_waits_outlives_its_client() -> None:
    """The server does not notice until it has the lock, so a restart of the clients takes slots twice."""
    cluster, lock = with_report(shop(max_connections=30))
    migration = migrate(lock)
    cluster.run_for(30)
    cluster.restart("client")
    cluster.run_for(60)
    backends = cluster.service("database").backends
    assert backends is not None
    assert lock.orphans == 16
    assert backends.used == backends.admitted
    assert backends.refused > 0
    migration.suspend()
    assert lock.orphans == 0
    assert lock.report is not None
    lock.report.cancel()
    cluster.run_for(30)
    drain(cluster)
    assert_whole(cluster)


def test_the_log_tells_who_waits_for_which_lock() -> None:
    cluster = Cluster(seven_services(), 3)
    cluster.run_for(30)
    lock = cluster.lock("postgres-db", "payments")
    Report(lock, 3600 * SECOND)
    migration = Migration(lock, needs=200 * MILLISECOND, patience=0, pause=10 * SECOND)
    migration.begin()
    cluster.run_for(4)
    cluster.cancel_calls("postgres-db", longer_than_s=1.0)
    cluster.run_for(20)
    text = "\n".join(recent(cluster, "postgres-db", since_ns=29 * SECOND, limit=1000))
    assert "LOG:  statement: ALTER TABLE payments" in text
    assert "still waiting for AccessExclusiveLock on relation 16402 of database 16384 after 1000.000 ms" in text
    assert "still waiting for RowExclusiveLock on relation 16402" in text
    assert "ERROR:  canceling statement due to user request" in text
    assert migration.over
    assert "canceling statement due to user request" in "\n".join(recent(cluster, "payment-service", limit=1000))


@pytest.mark.parametrize("after_s", [0.5, 30.0, 45.0])
def test_a_copy_of_a_cluster_with_a_queue_goes_on_like_the_original(after_s: float) -> None:
    cluster, lock = with_report(shop())
    migrate(lock, patience_s=20)
    cluster.run_for(after_s)
    copy = Cluster.restore(cluster.snapshot())
    assert digest(copy) == digest(cluster)
    for each in (cluster, copy):
        each.run_for(20)
        each.cancel_calls("database", longer_than_s=1.0)
        each.run_for(40)
    assert digest(copy) == digest(cluster)


def test_an_operator_can_bring_the_tables_back_to_rest() -> None:
    cluster, lock = with_report(shop())
    migrate(lock)
    cluster.run_for(10)
    assert drift(cluster) == ["database: migration of /query", "database: report on /query"]
    restore_declared(cluster)
    assert drift(cluster) == []
    cluster.run_for(1)
    assert cluster.plain
