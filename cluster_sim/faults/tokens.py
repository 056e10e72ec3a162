"""Faults of keys, clocks and attackers that make users be refused, and of connections that looks like a rollout."""

from __future__ import annotations

from ..clock import SECOND, nanoseconds
from ..cluster import Cluster
from ..engine.attack import Attack
from ..engine.config import SecretRevision
from ..engine.conntrack import ENTRY_S, LIMIT, NODES, Hog
from ..engine.profile import Shape
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_profile, pick_whole

INSECURE = 10.0
"""A check that is off weighs more than any inconsistency."""


def _rotate(cluster: Cluster) -> None:
    """A rotation as it should be: the key before the new one verifies for one more lifetime of a token."""
    config = cluster.config
    revision = config.current.revision + 1
    until = cluster.now + cluster.executor.token_lifetime
    config.publish(
        SecretRevision(
            revision=revision,
            kid=cluster.key_id(revision),
            accepts={config.current.kid: until},
            reason="scheduled rotation",
        )
    )


def _rotate_at(cluster: Cluster, current: SecretRevision) -> None:
    """Rotate later, unless somebody has rotated since."""
    if cluster.config.current is current:
        _rotate(cluster)


def _unsafe_checks(cluster: Cluster) -> float:
    """Replicas that take what they should refuse."""
    rings = [replica.keys for replica in cluster.config.service.replicas if replica.keys is not None]
    return INSECURE * sum(not ring.verify_signatures or ring.leeway > 60 * SECOND for ring in rings)


# ---------------------------------------------------------------- the clock of a node


def _let_drift(cluster: Cluster) -> None:
    replicas = cluster.config.service.replicas
    replica = replicas[pick_whole(cluster, "replica", 0, len(replicas) - 1)]
    ahead = pick_one(cluster, "direction", (-1, 1))
    offset = ahead * pick_whole(cluster, "offset_s", 90, 200)
    cluster.clocks.drift(replica.node, offset * SECOND, pick_profile(cluster, (Shape.STEP, Shape.RAMP)))


def _skew(cluster: Cluster) -> float:
    return cluster.clocks.error_s(cluster.config.service.replicas, cluster.now) + _unsafe_checks(cluster)


CLOCK_SKEW = Fault(
    name="jwt_clock_skew",
    service="auth-service",
    mechanism=Mechanism.CLOCK_SKEW,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.STANDING_STATE,
    team="infra-team",
    inject=_let_drift,
    distance=_skew,
    hold_s=330.0,
    family=Family.UNAUTHORIZED,
    story=(
        "chrony has died on a node, whose clock is minutes off. The auth pod there dates tokens by it: ahead, the "
        "others refuse them as issued in the future, and it calls theirs expired too early; behind, it refuses what "
        "the others have just issued. The lines that pods of that node write bear its time."
    ),
    evidence=(
        Evidence(
            service="auth-service",
            shows="tokens refused because they were issued in the future",
            grep="not yet valid (iat)",
        ),
        Evidence(
            service="auth-service",
            shows="a node whose clock is off",
            promql="node_timex_offset_seconds > 0.05 or node_timex_offset_seconds < -0.05",
        ),
    ),
    alerts=("HighUnauthorizedRate", "NodeClockSkewDetected"),
    repairs=(("restart_chrony",),),
    masks=(
        ("complete_secret_rotation",),
        ("restart_auth_service",),
        ("increase_token_leeway",),
        ("rotate_signing_secret",),
    ),
)


# ---------------------------------------------------------------- copies of the key set

VERIFIER = "payment-service"


def _stop_following(cluster: Cluster) -> None:
    cluster.directory.following.discard(VERIFIER)
    delay = pick(cluster, "rotated_after_s", 20, 120)
    cluster.after(nanoseconds(delay), _rotate_at, cluster, cluster.config.current)


def _stale_copies(cluster: Cluster) -> float:
    return float(cluster.directory.missing() + cluster.directory.unfollowed()) + _unsafe_checks(cluster)


UNKNOWN_KID = Fault(
    name="jwks_kid_unknown",
    service=VERIFIER,
    mechanism=Mechanism.CACHE_MISCONFIGURATION,
    triggered_by=Trigger.CREDENTIAL_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="security-team",
    inject=_stop_following,
    distance=_stale_copies,
    hold_s=330.0,
    family=Family.UNAUTHORIZED,
    story=(
        "payment-service looks up the keys of tokens in its own copy of the published key set. A setting lets it no "
        "longer follow publications, so the copy lives for its 24 hours. A proper rotation with overlap then reaches "
        "every auth replica, and payment refuses each token by the new key, at all of its pods; nobody else does. "
        "A restart fetches the set once, and leaves the setting for the next rotation."
    ),
    evidence=(
        Evidence(
            service=VERIFIER,
            shows="tokens by a key that payment-service does not find",
            grep="unable to find signing key",
        ),
    ),
    alerts=("HighUnauthorizedRate",),
    repairs=(("refresh_jwks",),),
    masks=(
        ("complete_secret_rotation",),
        ("rotate_signing_secret",),
        ("restart_auth_service",),
        ("restart_payment_service",),
        ("rollback_signing_secret",),
    ),
    trigger=_rotate,
)


# ---------------------------------------------------------------- a watch that nobody knows to be dead


def _lose_watch(cluster: Cluster) -> None:
    replicas = cluster.config.service.replicas
    replica = replicas[pick_whole(cluster, "replica", 0, len(replicas) - 1)]
    cluster.config.lose_watch(replica)
    delay = pick(cluster, "rotated_after_s", 20, 240)
    cluster.after(nanoseconds(delay), _rotate_at, cluster, cluster.config.current)


def _deaf_replicas(cluster: Cluster) -> float:
    config = cluster.config
    return float(len(config.deaf) + config.behind() + config.mismatched_pairs()) + _unsafe_checks(cluster)


WATCH_STUCK = Fault(
    name="config_watch_stuck",
    service="config-service",
    mechanism=Mechanism.PARTIAL_ROLLOUT,
    triggered_by=Trigger.CREDENTIAL_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="platform-team",
    inject=_lose_watch,
    distance=_deaf_replicas,
    hold_s=330.0,
    family=Family.UNAUTHORIZED,
    story=(
        "The agent beside one auth replica loses its watch and does not open another, while the proxy between keeps "
        "the stream up and acknowledges what is sent. When the signing secret is rotated properly, with overlap, "
        "config-service counts three of three, and that replica goes on with the old key: it refuses tokens by the "
        "new one at once, and the others refuse its own when the overlap is over. Nothing is wrong with either key. "
        "A restarted process reads the old revision from the disk of its agent."
    ),
    evidence=(
        Evidence(
            service="auth-service",
            shows="a watch that ended, and no line about it since",
            grep="watch channel closed",
        ),
        Evidence(
            service="auth-service",
            shows="two revisions of the signing configuration in use",
            promql='count(count by (version) (config_version_info{service="auth-service"})) > 1',
        ),
    ),
    alerts=("HighUnauthorizedRate", "ConfigVersionMismatch"),
    repairs=(("restart_config_agents",), ("complete_secret_rotation",)),
    masks=(
        ("rotate_signing_secret",),
        ("restart_auth_service",),
        ("rollback_signing_secret",),
        ("disable_token_verification",),
    ),
    trigger=_rotate,
)


# ---------------------------------------------------------------- a full connection table

HOG_OWNER = "inventory-service"


def _start_hog(cluster: Cluster) -> None:
    node = pick_one(cluster, "node", NODES)
    times = pick(cluster, "times_the_table", 2.2, 3.2)
    letters = cluster.streams.bits("fault/hog")
    cluster.conntrack.run(
        Hog(
            pod=f"inventory-export-{letters % 0xFFFFF:05x}",
            service=HOG_OWNER,
            node=node,
            rate_hz=times * LIMIT / ENTRY_S,
            profile=pick_profile(cluster, (Shape.STEP, Shape.RAMP)),
        )
    )


def _overflow(cluster: Cluster) -> float:
    """By how much the nodes' pods want more entries than nine tenths of the table."""
    tables = cluster.conntrack
    return sum(max(tables.peak(node) / limit - 0.9, 0.0) for node, limit in tables.limits.items())


CONNTRACK = Fault(
    name="conntrack_exhaustion",
    service=HOG_OWNER,
    mechanism=Mechanism.NETWORK_FAULT,
    triggered_by=Trigger.SCHEDULED_JOB,
    sustained_by=Sustained.ONGOING_EVENT,
    team="infra-team",
    inject=_start_hog,
    distance=_overflow,
    hold_s=180.0,
    family=Family.UNAUTHORIZED,
    story=(
        "The inventory team has started a pod by hand, pinned to a node, that exports stock with a new connection for "
        "every item; nobody would start it again. Its closed connections fill the node's nf_conntrack table, and of "
        "the new connections from there most lose their first packet, while established ones go on. A third of every "
        "service's pods, and of the users' ingress, waits for retransmissions and times out: it looks like a partial "
        "rollout, with 5xx instead of 401."
    ),
    evidence=(
        Evidence(
            service=HOG_OWNER,
            shows="a node whose connection table is full",
            promql="node_nf_conntrack_entries / node_nf_conntrack_entries_limit > 0.98",
        ),
        Evidence(
            service=HOG_OWNER,
            shows="a pod beside the deployment, started on that node just before",
            grep="Scheduled   pod/inventory-export",
        ),
        Evidence(
            service="checkout-service",
            shows="connections that do not come about, from pods of one node",
            grep="connect timed out",
        ),
    ),
    alerts=("HighErrorRate", "NodeHighNumberConntrackEntriesUsed"),
    repairs=(("raise_conntrack_max",), ("evict_chatty_pod",)),
    masks=(
        ("restart_checkout_service",),
        ("restart_payment_service",),
        ("restart_auth_service",),
        ("complete_secret_rotation",),
        ("raise_checkout_timeouts",),
    ),
)


# ---------------------------------------------------------------- stolen passwords

MOST_ATTEMPTS_HZ = 1.5
"""Attempts a second that may get through: no account is tried three times in two minutes (chosen)."""


def _attack(cluster: Cluster) -> None:
    login = next(endpoint for endpoint in cluster.spec.endpoints if endpoint.name == "login")
    cluster.attack = Attack(
        cluster,
        login,
        rate_hz=pick(cluster, "attempts_hz", 16, 30),
        known=pick(cluster, "known_share", 0.35, 0.5),
        addresses=pick_whole(cluster, "addresses", 6, 14),
        profile=pick_profile(cluster, (Shape.STEP, Shape.RAMP)),
    )


def _attempts(cluster: Cluster) -> float:
    accounts = cluster.executor.accounts
    attempts_hz = 0.0 if accounts is None else accounts.attempts_hz(cluster.now)
    return max(attempts_hz - MOST_ATTEMPTS_HZ, 0.0) + _unsafe_checks(cluster)


def _wave(cluster: Cluster) -> None:
    """For a minute they try twice as hard."""
    if cluster.attack is not None:
        cluster.attack.factor = 2.0
        cluster.after(60 * SECOND, cluster.attack.calm)


STUFFING = Fault(
    name="credential_stuffing",
    service="auth-service",
    mechanism=Mechanism.CREDENTIAL_ATTACK,
    triggered_by=Trigger.ATTACK,
    sustained_by=Sustained.ONGOING_EVENT,
    team="security-team",
    inject=_attack,
    distance=_attempts,
    hold_s=330.0,
    family=Family.UNAUTHORIZED,
    story=(
        "From a handful of addresses somebody tries stolen passwords, many times the users' own logins. Every attempt "
        "costs auth-service a password hash and ends with 401. Accounts that are tried too often are locked for a "
        "minute, and their owners cannot log in. The attack does not stop by itself; more capacity serves it too, and "
        "a new key or revoked tokens send every user to the login that is under attack."
    ),
    evidence=(
        Evidence(
            service="auth-service",
            shows="failed logins for many accounts from few addresses",
            grep="login failed user=",
        ),
        Evidence(
            service="auth-service",
            shows="failed logins by far more than usual",
            promql='sum(rate(auth_login_attempts_total{result="failure"}[1m])) > 1',
        ),
    ),
    alerts=("HighUnauthorizedRate",),
    repairs=(("block_login_attackers",), ("rate_limit_logins_per_ip",)),
    masks=(
        ("scale_out_auth_service",),
        ("rotate_signing_secret",),
        ("revoke_all_tokens",),
        ("disable_token_verification",),
    ),
    trigger=_wave,
)
