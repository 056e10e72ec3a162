"""Changes that the security team makes."""

from __future__ import annotations

from dataclasses import replace

from ..cluster import Cluster
from ..engine.config import SecretRevision
from .applications import rollback
from .remediation import Remediation

TEAM = "security-team"
AUTH = "auth-service"


def _complete_rotation(cluster: Cluster) -> None:
    """Every replica gets the published key; the one before it verifies, and no more, for one lifetime of a token."""
    config = cluster.config
    config.reconnect()
    if config.previous is not None:
        until = cluster.now + cluster.executor.token_lifetime
        config.current = replace(config.current, accepts={config.previous.kid: until})
    config.push()


def _rotate_again(cluster: Cluster) -> None:
    config = cluster.config
    revision = config.current.revision + 1
    config.publish(SecretRevision(revision=revision, kid=cluster.key_id(revision), reason="operator"))


def _roll_back(cluster: Cluster) -> None:
    config = cluster.config
    if config.previous is not None:
        config.publish(replace(config.previous, reason="rollback"))


def _stop_verifying(cluster: Cluster) -> None:
    for replica in cluster.service(AUTH).replicas:
        if replica.keys is not None:
            replica.keys.verify_signatures = False


def _revoke_tokens(cluster: Cluster) -> None:
    cluster.executor.tokens.clear()


COMPLETE_SECRET_ROTATION = Remediation(
    name="complete_secret_rotation",
    team=TEAM,
    target="config-service",
    duration_s=30,
    runbook=(
        "Reopens broken watches, pushes the published signing secret to every auth replica and accepts the one "
        "before it, for verification only, for one lifetime of a token."
    ),
    apply=_complete_rotation,
)
ROTATE_AGAIN = Remediation(
    name="rotate_signing_secret",
    team=TEAM,
    target="config-service",
    duration_s=30,
    runbook="Publishes a new signing secret and pushes it to the replicas whose watch is open.",
    apply=_rotate_again,
)
ROLLBACK_SECRET = Remediation(
    name="rollback_signing_secret",
    team=TEAM,
    target="config-service",
    duration_s=20,
    runbook="Publishes the previous signing secret again.",
    apply=_roll_back,
)
DISABLE_VERIFICATION = Remediation(
    name="disable_token_verification",
    team=TEAM,
    target=AUTH,
    duration_s=10,
    runbook="auth-service accepts any token without checking its signature.",
    apply=_stop_verifying,
)
REVOKE_TOKENS = Remediation(
    name="revoke_all_tokens",
    team=TEAM,
    target=AUTH,
    duration_s=10,
    runbook="Logs every user out.",
    apply=_revoke_tokens,
)
RESTART_AUTH = Remediation(
    name="restart_auth_service",
    team=TEAM,
    target=AUTH,
    duration_s=5,
    runbook="Rolling restart of auth-service: one pod after another.",
    apply=lambda cluster: cluster.roll(AUTH),
)
ROLLBACK_AUTH = rollback("rollback_auth_service", AUTH, TEAM)
SCALE_OUT_AUTH = Remediation(
    name="scale_out_auth_service",
    team=TEAM,
    target=AUTH,
    duration_s=5,
    runbook="Adds two pods to auth-service.",
    apply=lambda cluster: cluster.scale(AUTH, len(cluster.service(AUTH).replicas) + 2),
)
