"""How many attempts a request costs, and when they keep a cluster down."""

from __future__ import annotations

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.specs import ClusterSpec, EndpointSpec, PoolSpec, RetrySpec, Work
from tests.support.clusters import (
    FOREVER_S,
    Journal,
    answered,
    ask,
    database,
    drain,
    failed,
    one_service,
    only,
    operation,
    service,
)
from tests.theory.formulas import gate

RETRY_SD = 0.0018


@pytest.mark.parametrize(("probability", "retries"), [(0.3, 1), (0.3, 2), (0.5, 3)])
def test_failures_are_amplified_by_a_geometric_series(probability: float, retries: int) -> None:
    retry = RetrySpec(attempts=retries, backoff_s=0.01, budget=None)
    spec = one_service(Work(mean_s=0.001), rate_hz=60.0, retry=retry, errors=probability, workers=100)
    cluster = Cluster(spec, 1, noise=0)
    journal = Journal(cluster)
    cluster.run_for(600)
    drain(cluster, 30)
    requests = cluster.workload.arrived
    attempts = answered(only(cluster)) + failed(only(cluster))
    theory = (1 - probability ** (retries + 1)) / (1 - probability)
    # More retries, and likelier ones, vary more than the reference case of p = 0.3 and k = 2.
    assert attempts / requests == pytest.approx(theory, rel=gate(RETRY_SD * retries, requests))
    assert attempts == requests + cluster.edges[0].retried
    assert 1 - journal.good_share() == pytest.approx(probability ** (retries + 1), rel=0.12)


# ---------------------------------------------------------------- metastability

PAY_SHARE = 0.4
HOLD_S = 0.012
TRIGGER_END_S = 80.0


def shop(rate_hz: float, retry: RetrySpec) -> ClusterSpec:
    """Four requests in ten pay, over one connection to the database; the others browse elsewhere."""
    pay = operation("pay", Work(mean_s=0.004), ask("database", "insert", timeout_s=2.0, pool="database"))
    return ClusterSpec(
        services=(
            service(
                "payment",
                pay,
                workers=5000,
                pools={"database": PoolSpec(size=1, acquire_timeout_s=5.0)},
            ),
            database(operation("insert", Work(mean_s=HOLD_S, sigma=0.8))),
            service("catalogue", operation("browse", Work(mean_s=0.01)), workers=100),
        ),
        endpoints=(
            EndpointSpec(
                name="pay",
                share=PAY_SHARE,
                slo_latency_s=FOREVER_S,
                steps=(ask("payment", "pay", timeout_s=1.0, retry=retry),),
            ),
            EndpointSpec(
                name="browse", share=1 - PAY_SHARE, slo_latency_s=FOREVER_S, steps=(ask("catalogue", "browse"),)
            ),
        ),
        arrival_rate_hz=rate_hz,
        users=1000,
    )


def after_a_slow_spell(rate_hz: float, retry: RetrySpec) -> tuple[Cluster, Journal]:
    """The database takes six times as long from the 60th to the 80th second; then three and a half minutes pass."""
    cluster = Cluster(shop(rate_hz, retry), 3, noise=0)
    journal = Journal(cluster)
    cluster.run_for(60)
    only(cluster, "database").set_slow(6.0)
    cluster.run_for(20)
    only(cluster, "database").set_slow(1.0)
    cluster.run_for(210)
    return cluster, journal


@pytest.mark.parametrize(("rate_hz", "retries"), [(80, 0), (40, 3), (50, 3), (80, 1), (60, 3), (80, 2), (80, 3)])
def test_a_slow_spell_keeps_the_cluster_down_exactly_if_retries_overload_the_connection(
    rate_hz: float, retries: int
) -> None:
    """Stuck if and only if (1 + k) ρ > 1, long after the cause is gone."""
    cluster, journal = after_a_slow_spell(rate_hz, RetrySpec(attempts=retries, budget=None))
    assert journal.good_share(0, 50) == 1.0
    # Near the boundary the backlog of some seconds shrinks by only 1 - (1 + k) ρ = 0.04 seconds a second.
    late = journal.good_share(TRIGGER_END_S + 160, TRIGGER_END_S + 200)
    if (1 + retries) * rate_hz * PAY_SHARE * HOLD_S > 1:
        assert late == pytest.approx(1 - PAY_SHARE, abs=0.06)
    else:
        assert late == pytest.approx(1.0, abs=0.005)
    drain(cluster)
    assert cluster.recorder.finished == cluster.workload.arrived
    pool = only(cluster, "payment").pools["database"]
    assert (pool.open, pool.idle, len(pool.waiting)) == (1, 1, 0)


def test_a_budget_of_retries_lets_the_cluster_recover_where_it_would_stay_down() -> None:
    _, unbounded = after_a_slow_spell(80, RetrySpec(attempts=3, budget=None))
    cluster, bounded = after_a_slow_spell(80, RetrySpec(attempts=3, budget=10.0, refill=0.1))
    shares = [bounded.good_share(since, since + 20) for since in range(60, 200, 20)]
    assert shares[0] < 0.8
    assert min(shares[2:]) > 0.995
    assert unbounded.good_share(100, 230) < 0.7
    assert cluster.edge("users", "payment").retried < 400


def test_without_retries_the_cluster_recovers_by_itself() -> None:
    _, journal = after_a_slow_spell(80, RetrySpec())
    assert journal.good_share(60, 80) < 0.8
    assert journal.good_share(100, 220) > 0.995
