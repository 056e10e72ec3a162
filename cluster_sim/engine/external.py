"""Systems outside the cluster that its services wait for: a payment provider, say.

Fast-forward: a nominal one is time like any other; one that ails is events only.
"""

from __future__ import annotations

from ..clock import nanoseconds
from .profile import Profile


class External:
    """One system outside, as seen by those who wait for it.

    Attributes:
        factor: how many times as long its answers take while it ails.
        errors: share of its answers that are errors then.
        lost, lost_for: share of the attempts to connect that get no answer then, and the nanoseconds until the network
            reports that to who waits, on average (half as long to half as long again).
        profile: when it ails; None: it does not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.factor = 1.0
        self.errors = 0.0
        self.lost = 0.0
        self.lost_for = 0
        self.profile: Profile | None = None

    def degrade(
        self, profile: Profile, *, factor: float = 1.0, errors: float = 0.0, lost: float = 0.0, lost_for_s: float = 0.0
    ) -> None:
        """It begins to ail."""
        self.profile, self.factor, self.errors = profile, factor, errors
        self.lost, self.lost_for = lost, nanoseconds(lost_for_s)

    def recover(self) -> None:
        """It is as ever again."""
        self.profile, self.factor, self.errors = None, 1.0, 0.0
        self.lost, self.lost_for = 0.0, 0

    def answers_after(self, nominal: int, draw: float, now: int, patience: int | None) -> int:
        """Nanoseconds that an answer takes which is asked for now and nominally takes `nominal`.

        Args:
            draw: uniform in [0, 1), the same that `fails` is asked with.
            patience: nanoseconds after which who asks tries anew to connect; None: when the network tells it to.
        """
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
        return self.profile is not None and draw < self.errors * self.profile.level(now)
