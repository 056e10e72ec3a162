"""Services that look up the keys of tokens in a copy of the published set."""

from __future__ import annotations

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.engine.config import SecretRevision
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.jwks import LIFETIME
from cluster_sim.specs import EnsureToken, FindKey, KeyRingSpec, MintToken, VerifyToken, Work
from tests.support.clusters import ask, operation, service, topology
from tests.support.equality import continued


@pytest.fixture
def cluster() -> Cluster:
    """Users with a token ask a reader, which looks its key up and lets the authority verify it."""
    authority = service(
        "authority",
        operation("login", Work(mean_s=0.005), MintToken()),
        operation("verify", Work(mean_s=0.001), VerifyToken()),
        replicas=3,
        workers=50,
        keys=KeyRingSpec(token_lifetime_s=30.0),
    )
    reader = service("reader", operation("serve", FindKey(), ask("authority", "verify")), replicas=2, workers=50)
    login = EnsureToken(login=ask("authority", "login"))
    spec = topology(authority, reader, steps=(login, ask("reader")), rate_hz=50.0, users=100)
    return Cluster(spec, 1, noise=0)


def rotate(cluster: Cluster) -> None:
    """Publish a new key; the one before it verifies as ever."""
    cluster.config.publish(SecretRevision(revision=7, kid="new", accepts={cluster.config.current.kid: None}))


def unknown(cluster: Cluster) -> int:
    """Tokens whose key was not found so far."""
    return cluster.edge("users", "reader").failures.get(Failure.UNKNOWN_KEY, 0)


def test_whoever_follows_publications_knows_every_key(cluster: Cluster) -> None:
    rotate(cluster)
    cluster.run_for(60)
    assert unknown(cluster) == 0
    assert cluster.directory.agrees()


def test_whoever_does_not_refuses_tokens_by_the_new_key_until_it_fetches_the_set(cluster: Cluster) -> None:
    cluster.directory.following.clear()
    rotate(cluster)
    assert cluster.directory.missing() == 2
    assert not cluster.plain
    cluster.run_for(60)
    refused = unknown(cluster)
    assert refused > 100
    counted = [r.validations for r in cluster.service("reader").replicas]
    assert sum(counts[("unknown_kid", "new")] for counts in counted) == refused
    cluster.directory.follow()
    cluster.run_for(60)
    assert unknown(cluster) == refused
    assert cluster.plain


def test_a_new_process_fetches_the_set_and_follows_no_more_than_before(cluster: Cluster) -> None:
    cluster.directory.following.clear()
    rotate(cluster)
    cluster.restart("reader")
    assert cluster.directory.missing() == 0
    assert cluster.directory.unfollowed() == 1


def test_a_copy_of_the_set_is_fetched_anew_when_it_is_too_old(cluster: Cluster) -> None:
    cluster.directory.following.clear()
    rotate(cluster)
    key_set = cluster.service("reader").replicas[0].key_set
    assert key_set is not None
    assert not key_set.has("new", LIFETIME - 1)
    assert key_set.has("new", LIFETIME)


def test_a_copy_of_the_cluster_goes_on_alike(cluster: Cluster) -> None:
    cluster.directory.following.clear()
    rotate(cluster)
    cluster.run_for(20)
    assert continued(cluster, cluster.branch(), 20) == []
