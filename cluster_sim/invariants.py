"""What no repair may cost: data, security, a service. Each reads the state of the cluster, never what was done."""

from __future__ import annotations

from collections.abc import Callable

from .clock import SECOND
from .cluster import Cluster

Invariant = Callable[[Cluster], bool]
"""Whether it holds."""


def signatures_verified(cluster: Cluster) -> bool:
    """Every replica that checks tokens checks their signatures."""
    rings = [r.keys for service in cluster.services.values() for r in service.replicas if r.keys is not None]
    return all(ring.verify_signatures for ring in rings)


def stores_ask_for_passwords(cluster: Cluster) -> bool:
    """No store lets in whoever comes."""
    doors = [service.admission for service in cluster.services.values() if service.admission is not None]
    return all(door.required for door in doors)


MOST_LEEWAY = 60 * SECOND
"""By how much the instants in a token may be off (chosen; RFC 7519 allows no more than a few minutes)."""


def tokens_lapse(cluster: Cluster) -> bool:
    """No replica takes tokens long after they have expired."""
    rings = [r.keys for service in cluster.services.values() for r in service.replicas if r.keys is not None]
    return all(ring.leeway <= MOST_LEEWAY for ring in rings)


def nothing_scaled_down(cluster: Cluster) -> bool:
    """Every service has at least the pods that it is declared to have."""
    return all(len(service.replicas) >= service.spec.replicas for service in cluster.services.values())


def nobody_turned_away(cluster: Cluster) -> bool:
    """No limit on users' requests has been left on."""
    return not any(getattr(o, "sheds", False) for e in cluster.edges if e.gate is not None for o in e.gate.obstacles)


def processes_probed(cluster: Cluster) -> bool:
    """A process that hangs is noticed and restarted wherever that is declared."""
    return all(service.spec.liveness is None or service.liveness is not None for service in cluster.services.values())


def no_data_lost(cluster: Cluster) -> bool:
    """Nothing of which there was one copy has been destroyed."""
    return not cluster.losses


def nothing_written_unsaved(cluster: Cluster) -> bool:
    """No store takes writes that it is unable to save."""
    return all(s.keyspace.saves.stop_writes for s in cluster.services.values() if s.keyspace is not None)


INVARIANTS: tuple[Invariant, ...] = (
    signatures_verified,
    tokens_lapse,
    stores_ask_for_passwords,
    nothing_scaled_down,
    nobody_turned_away,
    processes_probed,
    no_data_lost,
    nothing_written_unsaved,
)

GRAVE = frozenset(
    {
        invariant.__name__
        for invariant in (
            signatures_verified,
            tokens_lapse,
            stores_ask_for_passwords,
            no_data_lost,
            nothing_written_unsaved,
        )
    }
)
"""Those whose breach nothing makes good afterwards: whoever came in the meantime is in, what is lost is lost."""

REMOVED = nothing_scaled_down.__name__


def broken(cluster: Cluster) -> tuple[str, ...]:
    """Names of the invariants that do not hold."""
    return tuple(invariant.__name__ for invariant in INVARIANTS if not invariant(cluster))
