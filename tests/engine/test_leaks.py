"""Connections that are not given back: who counts them, and when their sessions end."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.leak import LEAK_DETECTION, Leak
from cluster_sim.engine.pool import Backends, ConnectionPool
from cluster_sim.engine.release import Behaviour
from cluster_sim.specs import ClusterSpec, PoolSpec, Work
from tests.support.clusters import ask, database, operation, service, topology
from tests.support.equality import continued

RATE_HZ = 20.0
SHARE = 0.01


def client(max_connections: int = 1000) -> ClusterSpec:
    """Users ask a service that queries a database."""
    return topology(
        service(
            "client",
            operation("serve", ask("database", "query", pool="database")),
            workers=1000,
            pools={"database": PoolSpec(size=10, acquire_timeout_s=1.0)},
        ),
        database(operation("query", Work(mean_s=0.01, sigma=0.1)), max_connections=max_connections, start_s=3.0),
        steps=(ask("client"),),
        rate_hz=RATE_HZ,
    )


def leaking(max_connections: int = 1000) -> Cluster:
    """The client's new release has taken over."""
    cluster = Cluster(client(max_connections), 1, noise=0)
    cluster.run_for(5)
    cluster.deploy("client", Behaviour(leaked_connections=SHARE))
    cluster.run_for(15)
    return cluster


def slots(cluster: Cluster) -> Backends:
    """The server's slots."""
    backends = cluster.service("database").backends
    assert backends is not None
    return backends


def parts(cluster: Cluster) -> tuple[ConnectionPool, Leak, Backends]:
    """The client's pool, what it leaks, and the server's slots."""
    pool = cluster.service("client").replicas[0].pools["database"]
    assert pool.leak is not None
    return pool, pool.leak, slots(cluster)


def check_books(cluster: Cluster) -> None:
    """Every slot taken at the server is a connection of the pool, one that it has lost, or the exporter's."""
    pool, leak, backends = parts(cluster)
    assert backends.used == backends.monitoring + pool.open + leak.lost
    assert 0 <= pool.idle <= pool.open - len(leak.missing)


def test_sessions_pile_up_at_the_rate_of_the_leak_while_the_pool_stays_full() -> None:
    cluster = leaking()
    before = parts(cluster)[1].sessions
    cluster.run_for(600)
    pool, leak, _ = parts(cluster)
    assert leak.sessions - before == pytest.approx(600 * RATE_HZ * SHARE, rel=0.2)
    assert pool.open == pool.size
    check_books(cluster)


def test_the_pool_misses_a_connection_when_the_threshold_is_over() -> None:
    cluster = leaking()
    first = parts(cluster)[1].missing[0]
    said = [record.at for record in cluster.service("client").log if record.event == "connection_missed"]
    assert not said
    cluster.run_until(first + 1)
    said = [record.at for record in cluster.service("client").log if record.event == "connection_missed"]
    assert said == [first]
    assert LEAK_DETECTION == 20 * SECOND


def test_when_the_server_is_full_the_pool_runs_dry_and_its_users_wait_in_vain() -> None:
    cluster = leaking(max_connections=30)
    cluster.run_for(300)
    pool, _, backends = parts(cluster)
    assert pool.open == 0
    assert backends.used == backends.admitted
    assert pool.timeouts > 100
    check_books(cluster)


def test_idle_sessions_that_are_terminated_are_gone_at_both_ends() -> None:
    cluster = leaking()
    cluster.run_for(60)
    cluster.drop_idle_connections("database")
    _, leak, _ = parts(cluster)
    assert leak.sessions == 0
    check_books(cluster)
    cluster.run_for(60)
    check_books(cluster)


def test_a_restart_of_either_side_ends_the_sessions() -> None:
    cluster = leaking()
    cluster.run_for(60)
    cluster.restart("database")
    assert parts(cluster)[1].sessions == 0
    cluster.run_for(60)
    check_books(cluster)
    cluster.roll_back("client")
    cluster.run_for(60)
    pool = cluster.service("client").replicas[0].pools["database"]
    backends = slots(cluster)
    assert pool.leak is None
    assert backends.used == backends.monitoring + pool.open == backends.monitoring + pool.size
    assert cluster.plain


def test_a_leaking_cluster_goes_on_from_a_copy_as_it_would_have() -> None:
    cluster = leaking()
    cluster.run_for(30)
    assert not continued(cluster.branch(), Cluster.restore(cluster.snapshot()), 40)
