"""What each split may hold. Whoever trains on `train` has met neither the faults nor the topologies held out of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ..faults import FAULTS, Family, Fault
from .address import Split
from .variants import VARIANTS

HELD_OUT_FAMILIES: dict[Split, frozenset[Family]] = {
    Split.VALIDATION: frozenset(),
    Split.TEST: frozenset({Family.EXPORTER_DOWN}),
}
"""Confusable sets that only this split holds."""

HELD_OUT_FAULTS: dict[Split, frozenset[str]] = {
    Split.VALIDATION: frozenset({"jwks_kid_unknown", "n_plus_one", "pg_idle_in_transaction"}),
    Split.TEST: frozenset({"pg_lock_queue_migration", "packet_loss_link", "redis_output_buffer_bloat"}),
}
"""Further faults that only this split holds."""

HELD_OUT_VARIANTS: dict[Split, frozenset[str]] = {
    Split.VALIDATION: frozenset({"short_tokens"}),
    Split.TEST: frozenset({"lean", "short_lived_cache"}),
}
"""Topologies that only this split holds."""


@cache
def faults_of(split: Split, *, harmless: bool) -> tuple[Fault, ...]:
    """The faults that a split draws from, in the order of the catalogue."""
    return tuple(f for f in FAULTS.values() if f.harmless is harmless and _may_hold(split, f))


@cache
def variants_of(split: Split) -> Sequence[str]:
    """The topologies that a split draws from."""
    elsewhere = {name for other, names in HELD_OUT_VARIANTS.items() if other is not split for name in names}
    return tuple(name for name in VARIANTS if name not in elsewhere)


def _may_hold(split: Split, fault: Fault) -> bool:
    return not any(
        fault.family in HELD_OUT_FAMILIES[other] or fault.name in HELD_OUT_FAULTS[other]
        for other in HELD_OUT_FAULTS
        if other is not split
    )
