"""How far simulated time should have come, by the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from cluster_sim import nanoseconds

TICK_S = 0.25
"""Seconds from one advance to the next (chosen: what a dashboard never notices)."""
CATCH_UP = 2.0
"""Factor on the speed while simulated time is behind (chosen: a stall is made up for, but not in one burst)."""
LONGEST_TICK_S = 1.0
"""Seconds that count of a tick that came late: it does not go twice as far as all of its delay (chosen)."""
LONGEST_LAG_S = 30.0
"""Seconds of lag that are made up for; more is lost (chosen: a machine that slept does not run all day)."""


class Pacer:
    """A clock that runs at a multiple of the wall's, can be paused, and never asks for much at once.

    Attributes:
        speed: simulated seconds per second.
        lost_s: seconds that were not made up for.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self.lost_s = 0.0
        self._clock = clock
        self._since_s: float | None = clock()
        self._at = 0
        self._asked_s = clock()

    @property
    def paused(self) -> bool:
        """Whether time stands still."""
        return self._since_s is None

    @property
    def ideal(self) -> int:
        """The simulated instant, in nanoseconds, that the wall clock stands for."""
        if self._since_s is None:
            return self._at
        return self._at + nanoseconds((self._clock() - self._since_s) * self.speed)

    def begin(self, at: int) -> None:
        """Count from a simulated instant, now; a pause goes on."""
        self._at = at
        if self._since_s is not None:
            self._since_s = self._clock()

    def set_paused(self, paused: bool, at: int) -> None:
        """Stand still at a simulated instant, or go on from it."""
        self._at, self._since_s = at, None if paused else self._clock()

    def set_speed(self, speed: float, at: int) -> None:
        """Go on at another speed from a simulated instant."""
        self.speed = speed
        self.begin(at)

    def lag_s(self, now: int) -> float:
        """Seconds by which a cluster at a simulated instant is behind."""
        return max(self.ideal - now, 0) / 1e9 / self.speed

    def target(self, now: int) -> int:
        """How far to go in this tick, from the simulated instant reached; never beyond the wall clock's."""
        asked_s, self._asked_s = self._asked_s, self._clock()
        tick_s = min(max(self._asked_s - asked_s, TICK_S), LONGEST_TICK_S)
        lag_s = self.lag_s(now)
        if lag_s > LONGEST_LAG_S:
            self.lost_s += lag_s - TICK_S
            self.begin(now + nanoseconds(TICK_S * self.speed))
        return max(now, min(self.ideal, now + nanoseconds(CATCH_UP * tick_s * self.speed)))
