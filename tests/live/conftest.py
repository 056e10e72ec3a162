"""A live cluster on clocks that the test moves."""

from __future__ import annotations

import pytest

from env.live.cluster import HISTORY_S, LiveCluster
from env.live.settings import LiveSettings, Plan

SECOND = 1_000_000_000
BEGAN_S = 1_900_000_000
"""Unix time at which these live clusters begin."""


class Hands:
    """The hands of both of a live cluster's clocks."""

    def __init__(self) -> None:
        self.s = 0.0

    def clock(self) -> float:
        return self.s

    def wall_ns(self) -> int:
        return BEGAN_S * SECOND + int(self.s * SECOND)


class Live:
    """A live cluster without a thread, past its history, and its clocks."""

    def __init__(self, **settings) -> None:
        self.hands = Hands()
        self.cluster = LiveCluster(
            LiveSettings(live=True, **({"schedule": Plan.OFF} | settings)),
            clock=self.hands.clock,
            wall_ns=self.hands.wall_ns,
        )
        self.cluster.advance(int(HISTORY_S * SECOND))
        self.cluster.pacer.begin(self.cluster.now)

    @property
    def passed_s(self) -> float:
        """Simulated seconds since the history."""
        return self.cluster.now / SECOND - HISTORY_S

    def wait(self, seconds: float, tick_s: float = 0.25) -> None:
        """Let the clocks go on, tick by tick."""
        until = self.hands.s + seconds
        while self.hands.s < until:
            self.hands.s = min(self.hands.s + tick_s, until)
            self.cluster.tick()


@pytest.fixture
def live():
    return Live()
