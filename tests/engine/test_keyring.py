"""Keys that sign and verify, and the store that hands them out."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.config import SecretRevision
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.keyring import KeyRing
from cluster_sim.specs import Balance, EnsureToken, KeyRingSpec, MintToken, RetrySpec, VerifyToken, Work
from tests.support.clusters import Journal, ask, operation, service, topology


def test_a_ring_accepts_its_own_key_for_ever_and_a_former_one_until_its_end() -> None:
    ring = KeyRing("new")
    ring.verifying["old"] = 5 * SECOND
    assert ring.accepts("new", 1000 * SECOND)
    assert ring.accepts("old", 5 * SECOND - 1)
    assert not ring.accepts("old", 5 * SECOND)
    assert not ring.accepts("other", 0)


def test_a_ring_that_does_not_verify_accepts_everything() -> None:
    ring = KeyRing("new")
    ring.verify_signatures = False
    assert ring.accepts("forged", 0)


@pytest.fixture
def cluster() -> Cluster:
    """Users with a token verify it at one of three replicas; without one they log in first."""
    authority = service(
        "authority",
        operation("login", Work(mean_s=0.005), MintToken()),
        operation("verify", Work(mean_s=0.001), VerifyToken()),
        replicas=3,
        workers=50,
        balance=Balance.RANDOM,
        keys=KeyRingSpec(token_lifetime_s=30.0),
        start_s=4.0,
    )
    login = EnsureToken(login=ask("authority", "login"))
    spec = topology(authority, steps=(login, ask("authority", "verify")), rate_hz=50.0, users=100)
    return Cluster(spec, 1, noise=0)


def rotate(cluster: Cluster, accepts: dict[str, int | None] | None = None) -> int:
    """Publish a new signing key; returns how many replicas took it."""
    return cluster.config.publish(SecretRevision(revision=7, kid="new", accepts=accepts or {}))


def test_users_log_in_again_when_their_token_has_expired(cluster: Cluster) -> None:
    journal = Journal(cluster)
    cluster.run_for(120)
    # A token may expire on its way from the client to the verifier.
    assert journal.good_share() > 0.999
    assert cluster.edge("users", "authority", "verify").failures.keys() <= {Failure.EXPIRED}
    logins = sum(sum(replica.served[0][:-1]) for replica in cluster.service("authority").replicas)
    # A hundred users, each with a token of thirty seconds and a pause of two seconds until he needs the next.
    assert logins == pytest.approx(120 * 100 / 32, rel=0.1)


def test_a_rotation_that_keeps_the_old_key_for_a_lifetime_refuses_nobody(cluster: Cluster) -> None:
    journal = Journal(cluster)
    cluster.run_for(30)
    old = cluster.config.current.kid
    assert rotate(cluster, {old: cluster.now + 31 * SECOND}) == 3
    cluster.run_for(90)
    assert journal.good_share() > 0.999
    assert cluster.edge("users", "authority", "verify").failures.keys() <= {Failure.EXPIRED}
    assert {kid for kid, _ in cluster.executor.tokens.values()} == {"new"}


def test_a_rotation_that_drops_the_old_key_logs_everybody_in_again_once(cluster: Cluster) -> None:
    journal = Journal(cluster)
    cluster.run_for(30)
    rotate(cluster)
    cluster.run_for(60)
    refused = [visit for visit in journal.visits if visit.status == 401]
    assert 80 <= len(refused) <= 110
    assert journal.good_share(60, 90) == 1.0


def test_a_replica_out_of_reach_keeps_the_old_key_even_when_it_restarts(cluster: Cluster) -> None:
    journal = Journal(cluster)
    cluster.run_for(10)
    cluster.config.push()
    cluster.config.unreachable = {2}
    assert rotate(cluster) == 2
    replicas = cluster.service("authority").replicas
    assert [replica.keys.signing == "new" for replica in replicas if replica.keys] == [True, True, False]
    cluster.restart("authority")
    cluster.run_for(60)
    assert [replica.keys.signing == "new" for replica in replicas if replica.keys] == [True, True, False]
    assert cluster.config.mismatched_pairs() == 4
    assert 0.1 < 1 - journal.good_share(40, 70) < 0.6
    rejections = {record.data[0] for record in cluster.service("authority").log if record.event == "token_rejected"}
    assert rejections == {Failure.INVALID_SIGNATURE}
    cluster.config.reconnect()
    assert cluster.config.mismatched_pairs() == 0
    cluster.run_for(90)
    assert journal.good_share(110, 160) == 1.0


def test_a_refused_token_is_never_retried() -> None:
    authority = service(
        "authority", operation("verify", VerifyToken()), workers=50, keys=KeyRingSpec(token_lifetime_s=1e6)
    )
    call = ask("authority", "verify", retry=RetrySpec(attempts=3, budget=None))
    cluster = Cluster(topology(authority, steps=(call,), rate_hz=50.0), 1, noise=0)
    journal = Journal(cluster)
    rotate(cluster)
    cluster.run_for(30)
    assert journal.good_share() == 0.0
    assert cluster.edges[0].retried == 0
    assert cluster.edges[0].failures.keys() == {Failure.INVALID_SIGNATURE, Failure.UNAUTHORIZED}
