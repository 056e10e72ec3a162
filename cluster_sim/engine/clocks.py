"""The clocks of the nodes: true, or off by so much.

Fast-forward: events only while a clock is off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import SECOND
from .profile import Profile

if TYPE_CHECKING:
    from .replica import Replica

TRUE_S = 0.05
"""Seconds by which a clock may be off and count as true (chosen; kube-prometheus alerts above that)."""


@dataclass(slots=True)
class Drift:
    """A clock that nothing keeps true.

    Attributes:
        offset: nanoseconds by which it is ahead in the end; negative: behind.
        profile: how it gets there.
        until: when it was set right; None: it has not been.
    """

    offset: int
    profile: Profile
    until: int | None = None

    def at(self, now: int) -> int:
        """Nanoseconds by which it is ahead at an instant."""
        over = self.until is not None and now >= self.until
        return 0 if over else int(self.offset * self.profile.level(now))


class Clocks:
    """The clocks of all nodes.

    Attributes:
        drifts: node → what is wrong with its clock; clocks that are kept true are not there.
        past: node → its drifts, also those that are over.
        moves: pod → the nodes it has left, with the instant of each.
    """

    def __init__(self) -> None:
        self.drifts: dict[str, Drift] = {}
        self.past: dict[str, list[Drift]] = {}
        self.moves: dict[str, list[tuple[int, str]]] = {}

    def drift(self, node: str, offset: int, profile: Profile) -> None:
        """Nothing keeps the clock of a node true any more."""
        self.drifts[node] = drift = Drift(offset, profile)
        self.past.setdefault(node, []).append(drift)

    def step(self, now: int) -> None:
        """Set every clock right, at once, and keep it so."""
        for drift in self.drifts.values():
            drift.until = now
        self.drifts.clear()

    def offset(self, node: str, now: int) -> int:
        """Nanoseconds by which the clock of a node is ahead."""
        drift = self.drifts.get(node)
        return 0 if drift is None else drift.at(now)

    def error_s(self, replicas: Iterable[Replica], now: int) -> float:
        """Seconds by which the clocks under some pods are off beyond what counts as true, each node's added up."""
        nodes = sorted({replica.node for replica in replicas if replica.alive})
        return sum(max(abs(self.offset(node, now)) / SECOND - TRUE_S, 0.0) for node in nodes)

    # ------------------------------------------------------------ what was

    def left(self, replica: Replica, now: int) -> None:
        """A pod leaves its node."""
        self.moves.setdefault(replica.name, []).append((now, replica.node))

    def offset_then(self, replica: Replica, at: int) -> int:
        """Nanoseconds by which the clock of a pod was ahead at an instant of the past."""
        node = next((left for until, left in self.moves.get(replica.name, ()) if at < until), replica.node)
        return sum(drift.at(at) for drift in self.past.get(node, ()))
