"""How strong a disturbance is as time goes by: at once, growing, or coming and going."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..clock import SECOND


class Shape(StrEnum):
    """The shapes of an onset."""

    STEP = "step"
    RAMP = "ramp"
    INTERMITTENT = "intermittent"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The level of a disturbance, 0 to 1, as a function of time alone.

    Attributes:
        start: nanoseconds, when it begins; before that the level is 0.
        rise: nanoseconds until a ramp has reached 1.
        period, on: nanoseconds between two spells of an intermittent one, and how long each lasts.
    """

    start: int
    shape: Shape = Shape.STEP
    rise: int = 120 * SECOND
    period: int = 60 * SECOND
    on: int = 40 * SECOND

    def level(self, now: int) -> float:
        """The level at an instant."""
        since = now - self.start
        if since < 0:
            return 0.0
        if self.shape is Shape.RAMP:
            return min(since / self.rise, 1.0)
        if self.shape is Shape.INTERMITTENT:
            return 1.0 if since % self.period < self.on else 0.0
        return 1.0
