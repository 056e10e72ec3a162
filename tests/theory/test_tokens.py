"""How often a token signed by one replica is refused by another, while a rotation has reached only some."""

from __future__ import annotations

from math import sqrt

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.engine.config import SecretRevision
from cluster_sim.specs import Balance, KeyRingSpec, MintToken, VerifyToken
from tests.support.clusters import ask, operation, service, topology


def half_rotated(replicas: int, rotated: int, *, login: bool, seed: int = 1) -> Cluster:
    """An authority whose new key has reached only some replicas; users verify a token, new or of before."""
    authority = service(
        "authority",
        operation("login", MintToken()),
        operation("verify", VerifyToken()),
        replicas=replicas,
        workers=1000,
        balance=Balance.RANDOM,
        keys=KeyRingSpec(token_lifetime_s=1e6),
    )
    steps = (ask("authority", "login"), ask("authority", "verify"))
    spec = topology(authority, steps=steps if login else steps[1:], rate_hz=500.0, users=200_000)
    cluster = Cluster(spec, seed, noise=0)
    cluster.config.unreachable = set(range(rotated, replicas))
    revision = SecretRevision(revision=99, kid="new-key")
    assert cluster.config.publish(revision) == rotated
    return cluster


def refused_share(cluster: Cluster, seconds: float) -> tuple[float, int]:
    """Share of the users' requests answered with 401, of how many."""
    cluster.run_for(seconds)
    refused = sum(statuses.get(401, 0) for statuses in cluster.recorder.failures.values())
    return refused / cluster.recorder.finished, cluster.recorder.finished


@pytest.mark.parametrize(("replicas", "rotated"), [(3, 1), (3, 2), (5, 2), (2, 1)])
def test_new_pairs_of_signer_and_verifier_disagree_as_two_draws_of_a_replica_do(replicas: int, rotated: int) -> None:
    cluster = half_rotated(replicas, rotated, login=True)
    share, count = refused_share(cluster, 60)
    theory = 2 * rotated / replicas * (1 - rotated / replicas)
    assert share == pytest.approx(theory, abs=4 * sqrt(theory * (1 - theory) / count))
    assert cluster.config.mismatched_pairs() == 2 * rotated * (replicas - rotated)
    assert cluster.config.behind() == replicas - rotated


@pytest.mark.parametrize("rotated", [1, 2])
def test_tokens_of_before_are_refused_by_every_rotated_replica(rotated: int) -> None:
    cluster = half_rotated(3, rotated, login=False)
    share, _ = refused_share(cluster, 15)
    # A refused user's client drops its token; with 200,000 users few come twice.
    assert share == pytest.approx(rotated / 3, abs=0.03)


def test_a_finished_rotation_refuses_no_new_token() -> None:
    cluster = half_rotated(3, 2, login=True)
    cluster.config.reconnect()
    assert refused_share(cluster, 30)[0] == 0.0
