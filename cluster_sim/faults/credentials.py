"""Faults of keys and credentials."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.config import SecretRevision
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick_whole


def _rotate_partly(cluster: Cluster) -> None:
    """Rotate the signing secret, at once and without overlap, while the watch of one replica is broken."""
    config = cluster.config
    config.unreachable.add(pick_whole(cluster, "replica", 0, len(config.service.replicas) - 1))
    config.revoked.add(config.current.kid)
    revision = config.current.revision + 1
    ticket = pick_whole(cluster, "ticket", 2000, 2899)
    config.publish(SecretRevision(revision=revision, kid=cluster.key_id(revision), reason=f"key exposure SEC-{ticket}"))


_INSECURE = 10.0
"""A key that must not be used, or a check that is off, weighs more than any inconsistency."""


def _inconsistency(cluster: Cluster) -> float:
    config = cluster.config
    now = cluster.now
    distance = float(config.mismatched_pairs() + config.behind())
    for replica in config.service.replicas:
        ring = replica.keys
        if replica.alive and ring is not None:
            distance += _INSECURE * (ring.signing in config.revoked)
            distance += _INSECURE * (not ring.verify_signatures)
            for kid, until in ring.verifying.items():
                lasting = until is None or until - now > cluster.executor.token_lifetime
                distance += _INSECURE * (kid in config.revoked and lasting)
    return distance


PARTIAL_ROTATION = Fault(
    name="jwt_partial_rotation",
    service="config-service",
    mechanism=Mechanism.PARTIAL_ROLLOUT,
    triggered_by=Trigger.CREDENTIAL_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="security-team",
    inject=_rotate_partly,
    distance=_inconsistency,
    # One lifetime of a token, so that tokens of every key have lapsed.
    hold_s=330.0,
    family=Family.UNAUTHORIZED,
    story=(
        "A new signing secret is pushed at once and without overlap, after the exposure of the old one, and does not "
        "reach one of the three auth replicas, whose watch is broken. Tokens minted on one side are refused on the "
        "other, so the same request is answered 401 at one moment and 200 at the next."
    ),
    evidence=(
        Evidence(
            service="config-service",
            shows="a push of the secret that was not acknowledged by all replicas",
            grep="no ack of secret",
        ),
    ),
    alerts=("HighUnauthorizedRate", "InvalidTokenSignatures"),
    repairs=(("complete_secret_rotation",), ("restart_config_agents",)),
    masks=(
        ("restart_auth_service",),
        ("rotate_signing_secret",),
        ("rollback_signing_secret",),
        ("disable_token_verification",),
    ),
)
