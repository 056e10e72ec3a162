"""How clients get in where a handshake costs the server: alone, in a queue, and all at once."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.handshake import Authentication
from cluster_sim.engine.pool import Backends
from cluster_sim.specs import ClusterSpec, EagerSpec, PoolSpec, Work
from tests.support.clusters import ask, database, operation, service, topology
from tests.support.equality import continued, differences

EAGER = EagerSpec(timeout_s=1.0, pause_s=0.5)
COST_S = 0.2
CORES = 4


def clients(eager: EagerSpec | None, *, size: int = 20, replicas: int = 3, max_connections: int = 100) -> ClusterSpec:
    """Some pods that keep connections to a database."""
    return topology(
        service(
            "client",
            operation("serve", ask("database", "query", pool="database")),
            workers=1000,
            replicas=replicas,
            pools={"database": PoolSpec(size=size, acquire_timeout_s=1.0, eager=eager)},
        ),
        database(
            operation("query", Work(mean_s=0.01, sigma=0.1)),
            max_connections=max_connections,
            start_s=3.0,
            workers=CORES,
        ),
        steps=(ask("client"),),
        rate_hz=5.0,
    )


def restarted(spec: ClusterSpec, limit: int | None = None) -> Cluster:
    """The database, for which a handshake is dear, has just restarted."""
    cluster = Cluster(spec, 1, noise=0)
    authentication = Authentication(cluster.service("database"), COST_S)
    authentication.limit = limit
    slots(cluster).authentication = authentication
    cluster.run_for(5)
    cluster.restart("database")
    while not cluster.service("database").ready:
        cluster.run_for(0.01)
    return cluster


def slots(cluster: Cluster) -> Backends:
    """The server's slots."""
    backends = cluster.service("database").backends
    assert backends is not None
    return backends


def opened(cluster: Cluster) -> int:
    """Connections that the clients have."""
    return sum(replica.pools["database"].open for replica in cluster.service("client").replicas)


def test_clients_that_come_one_after_another_pay_the_price_and_get_in() -> None:
    cluster = restarted(clients(None))
    while not opened(cluster):
        cluster.run_for(0.1)
    cluster.run_for(3)
    # Pods with one attempt each at a time, on four cores: none waits for another.
    fastest = max(replica.pools["database"].open for replica in cluster.service("client").replicas)
    assert fastest == pytest.approx(3 / (COST_S + slots(cluster).connect / SECOND), abs=2)
    cluster.run_for(30)
    assert opened(cluster) == 60
    assert slots(cluster).used == 60 + slots(cluster).monitoring


def test_clients_that_all_come_at_once_and_give_up_too_early_never_get_in() -> None:
    cluster = restarted(clients(EAGER))
    cluster.run_for(120)
    assert opened(cluster) == 0
    authentication = slots(cluster).authentication
    assert authentication is not None
    # The server works all the time, for nobody.
    busy = cluster.service("database").replicas[0].busy / SECOND
    assert busy == pytest.approx(120 * CORES, rel=0.06)
    assert len(authentication.under_way) <= authentication.room


def test_few_enough_at_once_get_in() -> None:
    cluster = restarted(clients(EAGER, size=5))
    cluster.run_for(5)
    # Fifteen handshakes share four cores: three quarters of a second, less than anybody waits.
    assert opened(cluster) == 15


def test_admitted_in_waves_all_get_in_as_fast_as_the_server_can() -> None:
    cluster = restarted(clients(EAGER), limit=8)
    cluster.run_for(20)
    assert opened(cluster) == 60
    assert slots(cluster).used == 60 + slots(cluster).monitoring


def test_a_storm_ends_when_a_limit_is_set() -> None:
    cluster = restarted(clients(EAGER))
    cluster.run_for(60)
    authentication = slots(cluster).authentication
    assert authentication is not None
    authentication.limit = 8
    cluster.run_for(40)
    assert opened(cluster) == 60
    assert not authentication.under_way


def test_whoever_finds_more_handshakes_than_twice_the_connections_is_turned_away() -> None:
    cluster = restarted(clients(EAGER, replicas=5, max_connections=20))
    cluster.run_for(10)
    records = {record.event for record in cluster.service("database").log}
    assert {"clients_too_many", "handshake_aborted"} <= records
    assert slots(cluster).refused > 0


def test_what_is_open_costs_nothing_any_more() -> None:
    """With all connections open, a cluster in which handshakes are dear is like any other."""
    cluster = restarted(clients(EAGER), limit=8)
    cluster.run_for(60)
    assert cluster.plain
    slow = cluster.branch()
    slow.fast_forward = False
    for each in (cluster, slow):
        each.run_for(400)
    assert cluster.fast.computed > slow.fast.computed
    assert cluster.recorder.outcomes == slow.recorder.outcomes


def test_a_copy_made_in_a_storm_goes_on_in_the_same_way() -> None:
    cluster = restarted(clients(EAGER))
    cluster.run_for(20)
    copy = cluster.branch()
    assert not differences(cluster, copy)
    assert not continued(copy, Cluster.restore(cluster.snapshot()), 30)
