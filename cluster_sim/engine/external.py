"""Systems outside the cluster that its services wait for: a payment provider, say.

Fast-forward: a nominal one is time like any other; one that ails, or is not asked as usual, is events only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import nanoseconds
from .profile import Profile

if TYPE_CHECKING:
    from .replica import Replica
    from .simulation import Simulation

STAND_IN_FACTOR = 1.4
"""How many times as long as the usual provider's nominal answers those of the second one take (chosen)."""
DEFERRED_SHARE = 0.25
"""Share of a nominal answer's time that is left when nobody is asked: our own part of the work (chosen)."""


class External:
    """One system outside, as seen by those who wait for it.

    Attributes:
        factor: how many times as long its answers take while it ails.
        errors: share of its answers that are errors then.
        lost, lost_for: share of the attempts to connect that get no answer then, and the nanoseconds until the network
            reports that to who waits, on average (half as long to half as long again).
        profile: when it ails; None: it does not.
        diverted: a second provider is asked in its place.
        deferring: what it would be asked is accepted at once and kept in a queue for later.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.factor = 1.0
        self.errors = 0.0
        self.lost = 0.0
        self.lost_for = 0
        self.profile: Profile | None = None
        self.diverted = False
        self.deferring = False

    @property
    def usual(self) -> bool:
        """Whether it is asked as ever, and well."""
        return self.profile is None and not self.diverted and not self.deferring

    @property
    def felt(self) -> bool:
        """Whether those who ask feel that it ails."""
        return self.profile is not None and not self.diverted and not self.deferring

    def degrade(
        self, profile: Profile, *, factor: float = 1.0, errors: float = 0.0, lost: float = 0.0, lost_for_s: float = 0.0
    ) -> None:
        """It begins to ail."""
        self.profile, self.factor, self.errors = profile, factor, errors
        self.lost, self.lost_for = lost, nanoseconds(lost_for_s)

    def recover(self) -> None:
        """It is as ever again, and asked as ever."""
        self.profile, self.factor, self.errors = None, 1.0, 0.0
        self.diverted = self.deferring = False
        self.lost, self.lost_for = 0.0, 0

    def answers_after(self, nominal: int, draw: float, now: int, patience: int | None) -> int:
        """Nanoseconds that an answer takes which is asked for now and nominally takes `nominal`.

        Args:
            draw: uniform in [0, 1), the same that `fails` is asked with.
            patience: nanoseconds after which who asks tries anew to connect; None: when the network tells it to.
        """
        if self.deferring:
            return int(nominal * DEFERRED_SHARE)
        if self.diverted:
            return int(nominal * STAND_IN_FACTOR)
        if self.profile is None:
            return nominal
        level = self.profile.level(now)
        taken = int(nominal * (1.0 + (self.factor - 1.0) * level))
        lost = self.lost * level
        if draw < 1.0 - lost:
            return taken
        silence = int(self.lost_for * (0.5 + (1.0 - draw) / lost))
        return taken + (silence if patience is None else min(silence, patience))

    def fails(self, draw: float, now: int) -> bool:
        """Whether an answer asked for now is an error; `draw` is uniform in [0, 1)."""
        return self.felt and self.profile is not None and draw < self.errors * self.profile.level(now)


class Exchange(Event):
    """One question to an external system that is under way; when it is answered its client has measured it.

    Attributes:
        peer: what the client calls the system.
        took: nanoseconds.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, sim: Simulation, replica: Replica, peer: str, status: int, took: int) -> None:
        self.replica = replica
        self.restarts = replica.restarts
        self.peer = peer
        self.status = status
        self.took = took
        self.callbacks = [self._answered]
        sim.push(sim.now + took, self)

    def _answered(self, _: Event) -> None:
        if self.replica.restarts == self.restarts:
            counts = self.replica.outbound.setdefault((self.peer, self.status), [0, 0])
            counts[0] += 1
            counts[1] += self.took
