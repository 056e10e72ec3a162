"""Changes of keys, clocks and limits on logins."""

from __future__ import annotations

from collections.abc import Callable

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.firewall import Blocked, PerAddress
from ..engine.gate import Obstacle
from .remediation import Remediation

AUTH = "auth-service"

LEEWAY_S = 300
SUSPECT = 20
"""Failed logins from one address that make it one to be blocked (chosen)."""
LOGINS_PER_MINUTE = 5
"""Logins that one address may make a minute, where that is limited (chosen; a user makes one in two minutes)."""
LARGER_TABLE = 262_144
CHATTY = 0.5
"""Share of a node's connection table that makes a pod one to be evicted (chosen)."""


def _restart_chrony(cluster: Cluster) -> None:
    cluster.clocks.step(cluster.now)


def _increase_leeway(cluster: Cluster) -> None:
    cluster.config.set_leeway(LEEWAY_S * SECOND)


def _refresh_key_sets(cluster: Cluster) -> None:
    cluster.directory.follow()


def _raise_conntrack(cluster: Cluster) -> None:
    cluster.conntrack.set_limit(LARGER_TABLE)


def _evict_chatty(cluster: Cluster) -> None:
    tables = cluster.conntrack
    for hog in list(tables.hogs):
        if tables.peak(hog.node) > CHATTY * tables.limits[hog.node]:
            tables.delete(hog)


def _filter_logins(cluster: Cluster, obstacle: Obstacle) -> None:
    """Put a filter before the login, in place of one of its kind."""
    edge = cluster.edge("users", AUTH, "login")
    for other in list(edge.gate.obstacles) if edge.gate is not None else ():
        if type(other) is type(obstacle):
            edge.clear(other)
    edge.obstruct(obstacle)


def _block_attackers(cluster: Cluster) -> None:
    accounts = cluster.executor.accounts
    by_address = {} if accounts is None else accounts.by_address
    addresses = frozenset(address for address, failed in by_address.items() if failed >= SUSPECT)
    if addresses:
        _filter_logins(cluster, Blocked(addresses))


def _limit_per_address(cluster: Cluster) -> None:
    _filter_logins(cluster, PerAddress(LOGINS_PER_MINUTE))


def _drain(node: str) -> Callable[[Cluster], None]:
    def apply(cluster: Cluster) -> None:
        for hog in [hog for hog in cluster.conntrack.hogs if hog.node == node]:
            cluster.conntrack.delete(hog)
        for service in cluster.services.values():
            for replica in list(service.replicas):
                if replica.node == node and replica.alive:
                    cluster.evict(replica)

    return apply


def _drain_node(number: int) -> Remediation:
    return Remediation(
        name=f"drain_node_{number}",
        team="network-team",
        target="payment-service",
        duration_s=15,
        runbook=(
            f"Cordons node-{number} and evicts its pods, which start again elsewhere; pods that no workload owns are "
            "deleted."
        ),
        apply=_drain(f"node-{number}"),
    )


RESTART_CHRONY = Remediation(
    name="restart_chrony",
    team="infra-team",
    target=AUTH,
    duration_s=20,
    runbook="Restarts chrony on every node with makestep: clocks that are off jump to the right time.",
    apply=_restart_chrony,
)
INCREASE_LEEWAY = Remediation(
    name="increase_token_leeway",
    team="security-team",
    target=AUTH,
    duration_s=20,
    runbook=(
        f"Lets the instants in a token be off by {LEEWAY_S} s, in either direction. Stolen and revoked sessions live "
        "that much longer."
    ),
    apply=_increase_leeway,
)
REFRESH_JWKS = Remediation(
    name="refresh_jwks",
    team="security-team",
    target="payment-service",
    duration_s=15,
    runbook=(
        "Has every service that keeps a copy of the key set fetch it now, and follow publications from then on. "
        "No restart."
    ),
    apply=_refresh_key_sets,
)
RAISE_CONNTRACK = Remediation(
    name="raise_conntrack_max",
    team="infra-team",
    target="inventory-service",
    duration_s=15,
    runbook=f"sysctl net.netfilter.nf_conntrack_max={LARGER_TABLE} on every node. Costs some 80 MB of kernel memory.",
    apply=_raise_conntrack,
)
EVICT_CHATTY = Remediation(
    name="evict_chatty_pod",
    team="infra-team",
    target="inventory-service",
    duration_s=15,
    runbook=(
        "Deletes pods that no workload owns from nodes whose connection table is more than half full; what they were "
        "doing is left undone."
    ),
    apply=_evict_chatty,
)
BLOCK_ATTACKERS = Remediation(
    name="block_login_attackers",
    team="security-team",
    target=AUTH,
    duration_s=20,
    runbook=f"A firewall rule before the login refuses every address from which {SUSPECT} logins or more have failed.",
    apply=_block_attackers,
)
LIMIT_PER_ADDRESS = Remediation(
    name="rate_limit_logins_per_ip",
    team="security-team",
    target=AUTH,
    duration_s=20,
    runbook=f"The gateway answers 429 to more than {LOGINS_PER_MINUTE} logins a minute from one address.",
    apply=_limit_per_address,
)
DRAIN_NODE_1 = _drain_node(1)
DRAIN_NODE_3 = _drain_node(3)
