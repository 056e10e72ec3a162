"""The parameters of a fault, drawn per seed, each from a stream of its own, and kept with the cluster as its truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from ..clock import SECOND
from ..engine.profile import Profile, Shape

if TYPE_CHECKING:
    from ..cluster import Cluster

Option = TypeVar("Option")


def pick(cluster: Cluster, name: str, low: float, high: float) -> float:
    """A number between two bounds."""
    value = low + (high - low) * cluster.streams.uniform(f"fault/{name}")
    cluster.chosen[name] = round(value, 6)
    return value


def pick_whole(cluster: Cluster, name: str, low: int, high: int) -> int:
    """A whole number between two bounds, both of which may come."""
    value = low + cluster.streams.bits(f"fault/{name}") % (high - low + 1)
    cluster.chosen[name] = value
    return value


def pick_one(cluster: Cluster, name: str, options: Sequence[Option]) -> Option:
    """One of several."""
    value = options[cluster.streams.bits(f"fault/{name}") % len(options)]
    cluster.chosen[name] = value if isinstance(value, int | float) else str(value)
    return value


def pick_profile(cluster: Cluster, shapes: Sequence[Shape] = tuple(Shape), *, longest_on_s: float = 60.0) -> Profile:
    """The shape of an onset that begins now.

    Args:
        longest_on_s: of the spells of an intermittent one. They take two thirds of its period and more, so that the
            rules, which look at a minute, see it.
    """
    shape = pick_one(cluster, "onset_shape", shapes)
    if shape is Shape.STEP:
        return Profile(start=cluster.now)
    if shape is Shape.RAMP:
        return Profile(start=cluster.now, shape=shape, rise=int(pick(cluster, "rise_s", 60, 180) * SECOND))
    on = int(pick(cluster, "on_s", 0.6 * longest_on_s, longest_on_s) * SECOND)
    off = int(pick(cluster, "off_s", 0.2 * longest_on_s, 0.4 * longest_on_s) * SECOND)
    return Profile(start=cluster.now, shape=shape, period=on + off, on=on)
