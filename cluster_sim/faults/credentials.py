"""Faults of keys and credentials."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.config import SecretRevision
from .fault import Fault, Mechanism


def _rotate_partly(cluster: Cluster) -> None:
    """Rotate the signing secret, at once and without overlap, while the watch of one replica is broken."""
    config = cluster.config
    config.unreachable.add(cluster.streams.bits("fault/replica") % len(config.service.replicas))
    config.revoked.add(config.current.kid)
    revision = config.current.revision + 1
    ticket = 2000 + cluster.streams.bits("fault/ticket") % 900
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
    team="security-team",
    inject=_rotate_partly,
    distance=_inconsistency,
    # One lifetime of a token, so that tokens of every key have lapsed.
    hold_s=330.0,
)
