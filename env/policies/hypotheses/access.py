"""Causes for which users, or connections, are refused."""

from __future__ import annotations

from ..evidence import DisagreementClue, LogClue, SignClue
from .hypothesis import Hypothesis, Topic, left_in
from .ways import ACROSS_NODES, THROUGH_AUTH, THROUGH_KEYS

BAD_SIGNATURE = r"(?i)signature verification failed|the signature is invalid"
PARTLY_ACKED = r"\b(?P<acked>\d+)/(?!(?P=acked)\b)\d+ acked"

VERSIONS_DIFFER = SignClue(
    sign="versions_differ",
    says="replicas of auth-service run different versions of their configuration",
    expr='count(count by (version) (config_version_info{service="auth-service"})) > 1',
    weight=5,
    decisive=False,
)

PARTIAL_ROTATION = Hypothesis(
    root_cause="config-service",
    mechanism="partial_rollout",
    trigger="credential_change",
    sustained_by="standing_state",
    spread=THROUGH_KEYS,
    team="security-team",
    plan=("complete_secret_rotation",),
    topic=Topic.ACCESS,
    look_at=("auth-service",),
    clues=(
        LogClue(
            says="config-service finished a rollout that only some replicas acknowledged",
            pattern=PARTLY_ACKED,
            services=("config-service",),
            at_least=1,
            weight=11,
            decisive=True,
        ),
        DisagreementClue(
            says="replicas of auth-service run different versions of their configuration",
            service="auth-service",
            metric=r"config_version_info",
            label="checksum",
            weight=4,
        ),
        DisagreementClue(
            says="replicas of auth-service sign with different keys",
            service="auth-service",
            metric=r"auth_token_validation_total\{[^}]*invalid_signature",
            label="kid",
            weight=2,
        ),
        LogClue(
            says="auth-service refuses tokens whose signature it cannot verify",
            pattern=BAD_SIGNATURE,
            services=("auth-service",),
            weight=2,
        ),
    ),
    explanation=(
        "config-service left the rotation of the JWT signing secret half done. The partial rollout"
        " brought the new secret to only some of the auth-service replicas, so they hold different keys."
    ),
    cascade=(
        "A token that one auth-service replica signed failed signature verification on a replica with the"
        " other key, so users received intermittent 401 errors."
    ),
    prevention=(
        "A secret rotation must not count as finished until every replica has acknowledged the new key,"
        " the old key must stay valid for verification until then, and replicas that disagree about the"
        " key must open a ticket."
    ),
)

WATCH_STUCK = Hypothesis(
    root_cause="config-service",
    mechanism="partial_rollout",
    trigger="credential_change",
    sustained_by="standing_state",
    spread=THROUGH_KEYS,
    felt_after_s=None,
    team="platform-team",
    plan=("restart_config_agents",),
    topic=Topic.ACCESS,
    look_at=("auth-service",),
    clues=(
        VERSIONS_DIFFER,
        LogClue(
            says="a replica of auth-service has lost its watch and opened no other",
            pattern=r"watch channel closed",
            services=("auth-service",),
            at_least=1,
            grep="watch channel closed",
            weight=10,
            decisive=True,
        ),
    ),
    explanation="A replica of auth-service has lost its watch, and never got the secret that was acknowledged for it.",
    prevention="A watch that is silent for long must be opened anew.",
)

CLOCK_SKEW = Hypothesis(
    root_cause="auth-service",
    mechanism="clock_skew",
    trigger="infrastructure",
    sustained_by="standing_state",
    spread=THROUGH_AUTH,
    team="infra-team",
    plan=("restart_chrony",),
    topic=Topic.ACCESS,
    clues=(
        SignClue(
            sign="clock_off",
            says="the clock of a node is off",
            expr="max(abs(node_timex_offset_seconds)) > 0.05",
            weight=12,
        ),
    ),
    leaves=(left_in("auth-service", "not yet valid", "tokens come from the future"),),
    explanation="The clock of a node with a replica of auth-service is off, so tokens are refused for their time.",
    prevention="Nodes whose clocks are off must open a ticket.",
)

UNKNOWN_KEY = Hypothesis(
    root_cause="payment-service",
    mechanism="cache_misconfiguration",
    trigger="credential_change",
    sustained_by="standing_state",
    team="security-team",
    plan=("refresh_jwks",),
    topic=Topic.ACCESS,
    look_at=("auth-service",),
    clues=(
        LogClue(
            says="payment-service does not find the keys that tokens are signed with",
            pattern=r"unable to find signing key",
            services=("payment-service",),
            grep="unable to find signing key",
            weight=12,
            decisive=True,
        ),
        SignClue(
            sign="only_payment_refuses",
            says="payment-service refuses tokens that auth-service takes",
            expr='sum(service:http_unauthorized:ratio_rate1m{service="payment-service"}) > 0.1'
            ' unless sum(service:http_unauthorized:ratio_rate1m{service="auth-service"}) > 0.05',
            weight=9,
            decisive=False,
        ),
    ),
    explanation="payment-service no longer follows the published key set and does not know the key after a rotation.",
    prevention="An unknown key must make a verifier fetch the key set anew.",
)

CONNECTION_TABLE = Hypothesis(
    root_cause="inventory-service",
    mechanism="network_fault",
    trigger="scheduled_job",
    sustained_by="ongoing_event",
    spread=ACROSS_NODES,
    team="infra-team",
    plan=("raise_conntrack_max",),
    topic=Topic.ACCESS,
    clues=(
        SignClue(
            sign="connection_table_full",
            says="the connection table of a node is full",
            expr="max(node_nf_conntrack_entries / node_nf_conntrack_entries_limit) > 0.95",
            weight=12,
        ),
    ),
    leaves=(left_in("checkout-service", "connect timed out", "connections do not come about"),),
    explanation="A pod of inventory-service fills the connection table of its node, and new connections lose packets.",
    prevention="A table that is three quarters full must open a ticket.",
)

STUFFING = Hypothesis(
    root_cause="auth-service",
    mechanism="credential_attack",
    trigger="attack",
    sustained_by="ongoing_event",
    team="security-team",
    plan=("block_login_attackers",),
    topic=Topic.ACCESS,
    clues=(
        SignClue(
            sign="logins_fail",
            says="far more logins fail than usual",
            expr='sum(rate(auth_login_attempts_total{result="failure"}[1m])) > 1',
            weight=11,
        ),
    ),
    leaves=(left_in("auth-service", "login failed", "logins fail for many accounts"),),
    explanation="Somebody tries stolen passwords on auth-service from a few addresses.",
    prevention="Logins must be limited by address.",
)

HYPOTHESES = (PARTIAL_ROTATION, WATCH_STUCK, CLOCK_SKEW, UNKNOWN_KEY, CONNECTION_TABLE, STUFFING)
