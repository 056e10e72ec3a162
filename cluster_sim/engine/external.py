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
        hangs, hang: share of the requests that it leaves without an answer then for long, and for how many nanoseconds
            on average (half as long to half as long again).
        profile: when it ails; None: it does not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.factor = 1.0
        self.errors = 0.0
        self.hangs = 0.0
        self.hang = 0
        self.profile: Profile | None = None

    def degrade(
        self, profile: Profile, *, factor: float = 1.0, errors: float = 0.0, hangs: float = 0.0, hang_s: float = 0.0
    ) -> None:
        """It begins to ail."""
        self.profile, self.factor, self.errors = profile, factor, errors
        self.hangs, self.hang = hangs, nanoseconds(hang_s)

    def recover(self) -> None:
        """It is as ever again."""
        self.profile, self.factor, self.errors = None, 1.0, 0.0
        self.hangs, self.hang = 0.0, 0

    def answers_after(self, nominal: int, draw: float, now: int) -> int:
        """Nanoseconds that an answer takes which is asked for now and nominally takes `nominal`.

        Args:
            draw: uniform in [0, 1), the same that `fails` is asked with.
        """
        if self.profile is None:
            return nominal
        level = self.profile.level(now)
        taken = int(nominal * (1.0 + (self.factor - 1.0) * level))
        hanging = self.hangs * level
        if draw < 1.0 - hanging:
            return taken
        return taken + int(self.hang * (0.5 + (1.0 - draw) / hanging))

    def fails(self, draw: float, now: int) -> bool:
        """Whether an answer asked for now is an error; `draw` is uniform in [0, 1)."""
        return self.profile is not None and draw < self.errors * self.profile.level(now)
