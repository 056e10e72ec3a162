"""Systems outside the cluster that its services wait for: a payment provider, say.

Fast-forward: a nominal one is time like any other; one that ails is events only.
"""

from __future__ import annotations

from .profile import Profile


class External:
    """One system outside, as seen by those who wait for it.

    Attributes:
        factor: how many times as long its answers take while it ails.
        errors: share of its answers that are errors then.
        profile: when it ails; None: it does not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.factor = 1.0
        self.errors = 0.0
        self.profile: Profile | None = None

    def degrade(self, profile: Profile, *, factor: float, errors: float) -> None:
        """It begins to ail."""
        self.profile, self.factor, self.errors = profile, factor, errors

    def recover(self) -> None:
        """It is as ever again."""
        self.profile, self.factor, self.errors = None, 1.0, 0.0

    def answers_after(self, nominal: int, now: int) -> int:
        """Nanoseconds that an answer takes which is asked for now and nominally takes `nominal`."""
        if self.profile is None:
            return nominal
        return int(nominal * (1.0 + (self.factor - 1.0) * self.profile.level(now)))

    def fails(self, draw: float, now: int) -> bool:
        """Whether an answer asked for now is an error; `draw` is uniform in [0, 1)."""
        return self.profile is not None and draw < self.errors * self.profile.level(now)
