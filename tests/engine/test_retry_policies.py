"""Releases whose clients retry as they like."""

from __future__ import annotations

from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.release import HEALTHY, Behaviour, RetryPolicy
from cluster_sim.specs import BreakerSpec, ClusterSpec, RetrySpec, Work
from tests.support.clusters import ask, drain, only, operation, service, topology

STUBBORN = Behaviour(retries=(RetryPolicy(server="server", operation="serve", attempts=3),))


def shop(*, errors: float = 1.0, breaker: BreakerSpec | None = None) -> ClusterSpec:
    """Users ask a client that asks a server, which fails; two retries would be allowed in all."""
    retry = RetrySpec(attempts=1, backoff_s=0.01, budget=2.0)
    return topology(
        service("client", operation("relay", ask("server", retry=retry, breaker=breaker)), workers=1000),
        service("server", operation("serve", Work(mean_s=0.001), errors=errors), workers=1000),
        steps=(ask("client", "relay"),),
        rate_hz=20.0,
    )


def attempts(cluster: Cluster) -> float:
    """Calls of the server for each request of a user."""
    return sum(cluster.edge("client", "server").failures.values()) / cluster.workload.arrived


def running(behaviour: Behaviour, spec: ClusterSpec) -> Cluster:
    """A cluster whose client is of a release, a minute later."""
    cluster = Cluster(spec, 1, noise=0)
    cluster.service("client").behaviour = behaviour
    only(cluster, "client").begin(0)
    cluster.run_for(60)
    return cluster


def test_a_policy_of_a_release_knows_no_budget() -> None:
    spec = shop()
    budgeted, stubborn = running(HEALTHY, spec), running(STUBBORN, spec)
    drain(budgeted, 10)
    drain(stubborn, 10)
    assert budgeted.edge("client", "server").retried == 2
    assert attempts(stubborn) == 4.0
    assert not stubborn.plain
    assert stubborn.recorder.finished == stubborn.workload.arrived


def test_a_policy_holds_for_the_pods_that_run_the_release() -> None:
    cluster = Cluster(shop(), 1, noise=0)
    cluster.run_for(20)
    cluster.deploy("client", STUBBORN)
    before = cluster.edge("client", "server").retried
    cluster.run_for(2)
    assert cluster.edge("client", "server").retried == before
    cluster.run_for(40)
    assert cluster.edge("client", "server").retried > before + 300
    cluster.roll_back("client")
    cluster.run_for(40)
    assert cluster.plain


def test_a_release_can_do_without_circuit_breakers() -> None:
    spec = shop(breaker=BreakerSpec())
    guarded, open_ended = running(HEALTHY, spec), running(Behaviour(breakers=False), spec)
    assert guarded.edge("client", "server").failures[Failure.BREAKER_OPEN] > 100
    assert Failure.BREAKER_OPEN not in open_ended.edge("client", "server").failures
    edge = open_ended.edge("client", "server")
    assert only(open_ended, "client").breaker(edge).failure_ratio() == 1.0
