"""Attempts on accounts, beside the users and at their cost."""

from __future__ import annotations

import pytest

from cluster_sim import seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.attack import LOCKED, Attack
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.firewall import Blocked, PerAddress
from cluster_sim.engine.profile import Profile
from tests.support.clusters import drain
from tests.support.equality import continued


def attacked(rate_hz: float = 25.0, known: float = 0.5) -> Cluster:
    """The seven services, attacked from ten addresses since their thirtieth second."""
    cluster = Cluster(seven_services(), 4, noise=0)
    cluster.run_for(30)
    login = next(endpoint for endpoint in cluster.spec.endpoints if endpoint.name == "login")
    profile = Profile(start=cluster.now)
    cluster.attack = Attack(cluster, login, rate_hz=rate_hz, known=known, addresses=10, profile=profile)
    return cluster


def attempts(cluster: Cluster) -> int:
    """How many have been judged."""
    accounts = cluster.executor.accounts
    assert accounts is not None
    return sum(accounts.by_window.values())


def refused_logins(cluster: Cluster) -> int:
    return cluster.edge("users", "auth-service", "login").failures.get(Failure.BAD_CREDENTIALS, 0)


def test_attempts_are_no_requests_of_users() -> None:
    quiet = Cluster(seven_services(), 4, noise=0)
    cluster = attacked()
    quiet.run_for(150)
    cluster.run_for(120)
    assert cluster.workload.arrived == quiet.workload.arrived
    assert attempts(cluster) > 2000
    assert cluster.attack is not None
    cluster.attack.stop()
    drain(cluster)
    assert min(cluster.executor.tokens) >= 0
    assert cluster.recorder.finished == cluster.workload.arrived
    assert cluster.plain


def test_owners_of_accounts_that_are_tried_too_often_cannot_log_in_for_a_minute() -> None:
    cluster = attacked()
    cluster.run_for(120)
    accounts = cluster.executor.accounts
    assert accounts is not None
    locked = [until for until in accounts.locked.values() if until > cluster.now]
    assert locked
    assert max(locked) <= cluster.now + LOCKED
    assert refused_logins(cluster) > attempts(cluster)


def test_attempts_on_nobodys_account_lock_none() -> None:
    cluster = attacked(known=1e-6)
    cluster.run_for(120)
    accounts = cluster.executor.accounts
    assert accounts is not None
    assert not accounts.locked
    assert refused_logins(cluster) == attempts(cluster)


@pytest.mark.parametrize("limit", [None, 6])
def test_a_filter_before_the_login_keeps_attempts_out_and_lets_users_in(limit: int | None) -> None:
    cluster = attacked()
    cluster.run_for(60)
    assert cluster.attack is not None
    filter_ = Blocked(frozenset(cluster.attack.addresses)) if limit is None else PerAddress(limit)
    cluster.edge("users", "auth-service", "login").obstruct(filter_)
    cluster.run_for(90)
    before = attempts(cluster)
    good = [endpoint[1] for endpoint in cluster.recorder.outcome(0, cluster.now)]
    cluster.run_until(cluster.now // (60 * SECOND) * 60 * SECOND + 180 * SECOND)
    passed = attempts(cluster) - before
    assert passed <= 4 * 10 * (limit or 0)
    assert bool(passed) == bool(limit)
    assert sum(endpoint[1] for endpoint in cluster.recorder.outcome(0, cluster.now)) > sum(good)


def test_a_copy_goes_on_alike() -> None:
    cluster = attacked()
    cluster.run_for(40)
    assert continued(cluster, cluster.branch(), 20) == []
