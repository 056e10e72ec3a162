"""A connection pool is a queue of its own: stable below its capacity, Erlang's below that."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.specs import ClusterSpec, PoolSpec, Work
from tests.support.clusters import FOREVER_S, ask, database, only, operation, service, topology
from tests.theory.formulas import erlang_c_wait, gate

CONNECTIONS = 5


def client(rate_hz: float, hold_s: float) -> ClusterSpec:
    """A service that has any number of workers and five connections, each held for one query."""
    query = Work(mean_s=hold_s, law="exponential")
    return topology(
        service(
            "client",
            operation("serve", ask("database", "query", pool="database")),
            workers=100_000,
            pools={"database": PoolSpec(size=CONNECTIONS, acquire_timeout_s=FOREVER_S)},
        ),
        database(operation("query", query)),
        steps=(ask("client"),),
        rate_hz=rate_hz,
    )


@pytest.mark.parametrize("load", [0.8, 0.9])
def test_a_pool_below_its_capacity_keeps_up(load: float) -> None:
    cluster = Cluster(client(200.0, load * CONNECTIONS / 200.0), 1, noise=0)
    waiting = []
    for _ in range(10):
        cluster.run_for(30)
        waiting.append(len(only(cluster, "client").pools["database"].waiting))
    assert max(waiting) < 120
    assert sum(waiting[5:]) / 5 < 60


@pytest.mark.parametrize("load", [1.1, 1.5])
def test_a_pool_above_its_capacity_falls_behind_by_what_exceeds_it(load: float) -> None:
    rate = 200.0
    cluster = Cluster(client(rate, load * CONNECTIONS / rate), 1, noise=0)
    cluster.run_for(30)
    before = len(only(cluster, "client").pools["database"].waiting)
    cluster.run_for(300)
    growth = (len(only(cluster, "client").pools["database"].waiting) - before) / 300
    # Standard deviation of arrivals less departures in 300 s, as a rate: sqrt(2 * 200 * 300) / 300.
    assert growth == pytest.approx(rate * (1 - 1 / load), abs=4 * 1.2)


def test_the_wait_for_a_connection_is_that_of_erlang_c() -> None:
    rate, hold = 2000.0, 0.7 * CONNECTIONS / 2000.0
    cluster = Cluster(client(rate, hold), 2, noise=0)
    cluster.run_for(15)
    pool = only(cluster, "client").pools["database"]
    waited, arrived = pool.waited, cluster.workload.arrived
    cluster.run_for(60)
    count = cluster.workload.arrived - arrived
    wait = (pool.waited - waited) / SECOND / count
    assert wait == pytest.approx(erlang_c_wait(CONNECTIONS, rate, hold), rel=gate(0.06, count))
