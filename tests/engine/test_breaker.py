"""Circuit breakers: closed, open, half-open."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.edge import Breaker
from cluster_sim.engine.failures import Failure
from cluster_sim.specs import BreakerSpec, Work
from tests.support.clusters import Journal, answered, ask, failed, only, operation, service, topology

RARELY = 1e-9
"""Only an operation that may fail can be made to fail more often."""

SPEC = BreakerSpec(window=10, failure_ratio=0.5, open_s=5.0, trials=3)


def opened() -> Breaker:
    """A breaker that opened at zero."""
    breaker = Breaker(SPEC)
    for _ in range(10):
        assert breaker.permits(0)
        breaker.record(False, 0)
    return breaker


def test_a_breaker_stays_closed_until_its_window_is_full() -> None:
    breaker = Breaker(SPEC)
    for _ in range(9):
        breaker.record(False, 0)
        assert breaker.state == "closed"
        assert breaker.failure_ratio() == -1.0
    breaker.record(True, 0)
    assert breaker.state == "open"


def test_a_breaker_counts_only_the_last_calls_of_its_window() -> None:
    breaker = Breaker(SPEC)
    outcomes = [False] * 4 + [True] * 6 + [False] * 4
    for outcome in outcomes:
        breaker.record(outcome, 0)
    assert breaker.state == "closed"
    assert breaker.failure_ratio() == 0.4
    breaker.record(False, 0)
    assert breaker.state == "open"


def test_an_open_breaker_refuses_until_its_time_is_over() -> None:
    breaker = opened()
    assert not breaker.permits(5 * SECOND - 1)
    assert breaker.refused == 1
    assert breaker.permits(5 * SECOND)
    assert breaker.state == "half_open"


def test_a_half_open_breaker_lets_its_trials_through_and_closes_if_all_pass() -> None:
    breaker = opened()
    assert [breaker.permits(5 * SECOND) for _ in range(5)] == [True, True, True, False, False]
    for passed in range(3):
        assert breaker.state == "half_open", passed
        breaker.record(True, 6 * SECOND)
    assert breaker.state == "closed"
    assert breaker.failure_ratio() == -1.0


def test_one_failed_trial_opens_it_again_for_the_whole_time() -> None:
    breaker = opened()
    assert breaker.permits(5 * SECOND)
    breaker.record(True, 5 * SECOND)
    breaker.record(False, 6 * SECOND)
    assert breaker.state == "open"
    assert not breaker.permits(11 * SECOND - 1)
    assert breaker.permits(11 * SECOND)


@pytest.fixture
def cluster() -> Cluster:
    """Users ask a service that asks a backend through a breaker."""
    spec = topology(
        service("server", operation("serve", ask("backend", breaker=SPEC)), workers=100),
        service("backend", operation("serve", Work(mean_s=0.3), errors=RARELY), workers=100),
        steps=(ask("server"),),
        rate_hz=20.0,
    )
    return Cluster(spec, 1, noise=0)


def test_a_failing_backend_is_left_in_peace_and_taken_up_again_when_it_is_well(cluster: Cluster) -> None:
    journal = Journal(cluster)
    backend = only(cluster, "backend")
    cluster.run_for(30)
    cluster.service("backend").set_error_probability(1.0)
    cluster.run_for(60)
    edge = cluster.edge("server", "backend")
    breaker = only(cluster, "server").breaker(edge)
    assert breaker.state != "closed"
    # Five failures in the last ten calls open it; after every five seconds it lets in a trial, which fails.
    assert 5 + 10 <= failed(backend) <= 5 + 12 * 3
    assert edge.failures[Failure.BREAKER_OPEN] == breaker.refused > 1000
    assert journal.good_share(31, 90) == 0.0
    well = answered(backend)
    cluster.service("backend").set_error_probability(0.0)
    cluster.run_for(30)
    assert breaker.state == "closed"
    assert journal.good_share(97, 120) == 1.0
    assert answered(backend) > well + 400


def test_a_short_circuit_is_no_failure_of_the_backend(cluster: Cluster) -> None:
    cluster.service("backend").set_error_probability(1.0)
    cluster.run_for(20)
    breaker = only(cluster, "server").breaker(cluster.edge("server", "backend"))
    assert breaker.refused > 100
    assert breaker.failure_ratio() == -1.0
    edge = cluster.edge("server", "backend")
    assert edge.failures[Failure.SERVER_ERROR] == failed(only(cluster, "backend"))


def test_every_replica_of_the_caller_has_its_own_breaker() -> None:
    spec = topology(
        service("server", operation("serve", ask("backend", breaker=SPEC)), workers=100, replicas=3),
        service("backend", operation("serve", Work(mean_s=0.005), errors=RARELY), workers=100),
        steps=(ask("server"),),
        rate_hz=20.0,
    )
    cluster = Cluster(spec, 1, noise=0)
    cluster.run_for(10)
    edge = cluster.edge("server", "backend")
    first, *others = cluster.service("server").replicas
    for _ in range(10):
        first.breaker(edge).record(False, cluster.now)
    cluster.run_for(1)
    assert first.breaker(edge).state == "open"
    assert {replica.breaker(edge).state for replica in others} == {"closed"}
