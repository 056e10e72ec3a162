"""Transactions that stay open while a system outside is waited for."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.pool import ConnectionPool
from cluster_sim.engine.profile import Profile
from cluster_sim.engine.release import Behaviour
from cluster_sim.engine.replica import SUM
from cluster_sim.engine.transaction import Transactions
from cluster_sim.specs import ClusterSpec, PoolSpec, Work
from tests.support.clusters import Journal, answered, ask, database, drain, only, operation, service, topology
from tests.support.equality import continued

ASK_S = 0.2


def shop(rate_hz: float = 10.0, size: int = 20) -> ClusterSpec:
    """A service asks a system outside, and then its database."""
    return topology(
        service(
            "client",
            operation(
                "serve", Work(mean_s=ASK_S, sigma=0.01, external="bank"), ask("database", "query", pool="database")
            ),
            workers=1000,
            pools={"database": PoolSpec(size=size, acquire_timeout_s=100.0)},
        ),
        database(operation("query", Work(mean_s=0.01, sigma=0.1)), start_s=3.0),
        steps=(ask("client"),),
        rate_hz=rate_hz,
    )


def holding(rate_hz: float = 10.0, size: int = 20) -> Cluster:
    """A release that asks within the transaction has taken over."""
    cluster = Cluster(shop(rate_hz, size), 1, noise=0)
    cluster.deploy("client", Behaviour(waits_in_transactions=True))
    cluster.run_for(15)
    return cluster


def parts(cluster: Cluster) -> tuple[ConnectionPool, Transactions]:
    """The client's pool and its transactions."""
    pool = cluster.service("client").replicas[0].pools["database"]
    assert pool.transactions is not None
    return pool, pool.transactions


def test_requests_take_as_long_as_ever_and_the_connection_is_held_meanwhile() -> None:
    cluster = holding()
    journal = Journal(cluster)
    held = 0
    for _ in range(1000):
        cluster.run_for(0.05)
        pool, transactions = parts(cluster)
        assert len(transactions.waiting) <= pool.active
        held += len(transactions.waiting)
    times = [visit.end - visit.start for visit in journal.visits]
    assert sum(times) / len(times) / SECOND == pytest.approx(ASK_S + 0.01, rel=0.02)
    # Little's law.
    assert held / 1000 == pytest.approx(10.0 * ASK_S, rel=0.15)
    (query,) = only(cluster, "database").served
    assert query[SUM] / answered(only(cluster, "database")) / SECOND == pytest.approx(0.01, rel=0.1)


def test_too_few_connections_hold_up_requests_that_would_not_need_them() -> None:
    cluster = holding(size=1)
    journal = Journal(cluster)
    cluster.run_for(60)
    # One connection, a fifth of a second each: half of what is asked for.
    assert len(journal.visits) == pytest.approx(60 / (ASK_S + 0.01), rel=0.05)


def test_what_hangs_outside_holds_its_connection_so_long_and_no_other_request_does() -> None:
    cluster = holding()
    cluster.externals["bank"].degrade(Profile(start=cluster.now), lost=0.05, lost_for_s=40.0)
    cluster.run_for(30)
    _, transactions = parts(cluster)
    long = [since for since in transactions.waiting.values() if cluster.now - since > SECOND]
    # Half as long as on average is twenty seconds, so that those of the last twenty are all there.
    assert len(long) >= 20 * 10.0 * 0.05 * 0.6
    assert transactions.oldest(cluster.now) == min(transactions.waiting.values())
    cluster.externals["bank"].recover()
    cluster.run_for(60)
    assert all(cluster.now - since < SECOND for since in transactions.waiting.values())


def test_the_server_ends_sessions_that_wait_for_too_long() -> None:
    cluster = holding()
    pool, transactions = parts(cluster)
    assert pool.server.backends is not None
    pool.server.backends.idle_in_transaction_timeout = 2 * SECOND
    cluster.externals["bank"].degrade(Profile(start=cluster.now), lost=0.1, lost_for_s=40.0)
    cluster.run_for(60)
    ended = cluster.edge("client", "database").failures
    assert set(ended) == {Failure.IDLE_IN_TRANSACTION}
    assert ended[Failure.IDLE_IN_TRANSACTION] == pytest.approx(60 * 10.0 * 0.1, rel=0.35)
    assert max(cluster.now - since for since in transactions.waiting.values()) <= 2 * SECOND
    drain(cluster)
    assert pool.idle == pool.open == pool.size
    assert cluster.recorder.finished == cluster.workload.arrived


@pytest.mark.parametrize("end", ["terminated", "server", "client"])
def test_nothing_is_left_when_the_sessions_end_otherwise(end: str) -> None:
    cluster = holding()
    cluster.externals["bank"].degrade(Profile(start=cluster.now), lost=0.5, lost_for_s=1000.0)
    cluster.run_for(3)
    held = len(parts(cluster)[1].waiting)
    assert held > 3
    if end == "terminated":
        cluster.end_transactions("database")
        cluster.run_for(0.001)
        assert cluster.edge("client", "database").failures == {Failure.ADMIN_SHUTDOWN: held}
    elif end == "server":
        cluster.restart("database")
        assert cluster.edge("client", "database").failures == {Failure.ADMIN_SHUTDOWN: held}
    else:
        cluster.roll_back("client")
    cluster.externals["bank"].recover()
    cluster.run_for(30)
    drain(cluster)
    pool = cluster.service("client").replicas[0].pools["database"]
    assert pool.server.backends is not None
    assert pool.server.backends.used == pool.server.backends.monitoring + pool.size
    assert pool.idle == pool.size
    assert cluster.recorder.finished == cluster.workload.arrived


def test_a_copy_made_while_transactions_wait_goes_on_in_the_same_way() -> None:
    cluster = holding()
    cluster.externals["bank"].degrade(Profile(start=cluster.now), lost=0.2, lost_for_s=20.0)
    cluster.run_for(10)
    assert not continued(cluster.branch(), Cluster.restore(cluster.snapshot()), 40)
