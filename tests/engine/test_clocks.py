"""Clocks of nodes that are off, and what pods there make of tokens."""

from __future__ import annotations

import pytest

from cluster_sim import seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.profile import Profile, Shape
from cluster_sim.specs import Balance, EnsureToken, KeyRingSpec, MintToken, VerifyToken, Work
from cluster_sim.telemetry.logs import recent
from tests.support.clusters import ask, operation, service, topology
from tests.support.equality import continued


@pytest.fixture
def cluster() -> Cluster:
    """Users with a token of thirty seconds verify it at one of three replicas, each on a node of its own."""
    authority = service(
        "authority",
        operation("login", Work(mean_s=0.005), MintToken()),
        operation("verify", Work(mean_s=0.001), VerifyToken()),
        replicas=3,
        workers=50,
        balance=Balance.RANDOM,
        keys=KeyRingSpec(token_lifetime_s=30.0),
    )
    login = EnsureToken(login=ask("authority", "login"))
    spec = topology(authority, steps=(login, ask("authority", "verify")), rate_hz=50.0, users=100)
    return Cluster(spec, 1, noise=0)


def refusals(cluster: Cluster) -> dict[str, set[Failure]]:
    """Node → how tokens were refused there."""
    replicas = cluster.service("authority").replicas
    return {replica.node: {failure for _, failure in replica.failed} for replica in replicas}


def drift(cluster: Cluster, node: str, ahead_s: int) -> None:
    cluster.clocks.drift(node, ahead_s * SECOND, Profile(start=cluster.now))


def test_a_clock_that_is_behind_refuses_what_others_have_just_issued(cluster: Cluster) -> None:
    drift(cluster, "node-2", -12)
    cluster.run_for(60)
    found = refusals(cluster)
    assert Failure.NOT_YET_VALID in found["node-2"]
    assert Failure.NOT_YET_VALID not in found["node-1"] | found["node-3"]


def test_a_clock_that_is_ahead_issues_tokens_that_others_refuse_and_finds_theirs_expired(cluster: Cluster) -> None:
    drift(cluster, "node-2", 12)
    cluster.run_for(60)
    found = refusals(cluster)
    assert found["node-2"] == {Failure.EXPIRED}
    assert Failure.NOT_YET_VALID in found["node-1"] & found["node-3"]


@pytest.mark.parametrize("ahead_s", [-12, 12])
def test_once_it_is_set_right_only_tokens_that_were_dated_ahead_are_refused_and_soon_none(
    cluster: Cluster, ahead_s: int
) -> None:
    drift(cluster, "node-2", ahead_s)
    cluster.run_for(60)
    cluster.clocks.step(cluster.now)
    cluster.run_for(12)
    edge = cluster.edge("users", "authority", "verify")
    before = edge.failures.get(Failure.NOT_YET_VALID, 0)
    cluster.run_for(60)
    assert edge.failures.get(Failure.NOT_YET_VALID, 0) == before
    assert cluster.plain


def test_a_leeway_larger_than_the_skew_hides_it(cluster: Cluster) -> None:
    cluster.config.set_leeway(15 * SECOND)
    drift(cluster, "node-2", -12)
    cluster.run_for(60)
    assert not set().union(*refusals(cluster).values())


def test_the_lines_of_a_pod_bear_the_time_of_its_node_as_it_was_then() -> None:
    cluster = Cluster(seven_services(), 3)
    cluster.run_for(60)
    replica = cluster.service("config-service").replicas[0]
    drifted = cluster.now
    cluster.clocks.drift(replica.node, 3600 * SECOND, Profile(start=cluster.now))
    cluster.run_for(30)
    cluster.evict(replica)
    cluster.run_for(30)
    cluster.clocks.step(cluster.now)
    lines = [line for line in recent(cluster, "config-service", limit=10_000) if line.startswith("time=")]
    of_pod = [line[5:18] for line in lines if replica.name in line]
    assert [line for line in of_pod if line.startswith("2025-03-14T10")]
    assert of_pod[0].startswith("2025-03-14T09")
    assert of_pod[-1].startswith("2025-03-14T09")
    since = recent(cluster, "config-service", since_ns=drifted, limit=10_000)
    assert all("T09:" in line[:24] for line in since if replica.name not in line)


def test_a_copy_goes_on_alike(cluster: Cluster) -> None:
    cluster.clocks.drift("node-1", 9 * SECOND, Profile(start=cluster.now, shape=Shape.RAMP, rise=30 * SECOND))
    cluster.run_for(20)
    assert continued(cluster, cluster.branch(), 20) == []
