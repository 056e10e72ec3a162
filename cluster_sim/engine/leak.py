"""Connections that a program does not give back, or keeps for long: what its pool does about them.

Fast-forward: events only.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND

if TYPE_CHECKING:
    from .pool import ConnectionPool

LEAK_DETECTION = 20 * SECOND
"""HikariCP's leakDetectionThreshold: connections out for longer are reported (chosen; it is off by default)."""


class Leak(Event):
    """The connections of one pool that were not given back. The event is the next one's detection.

    A connection that is missed for too long is reported and given up for lost: the pool opens another one in its
    place. The session at the server stays open and idle until the client's process or the server ends, or until
    somebody terminates it.

    Attributes:
        share: how many of the connections are not given back, 0 to 1.
        missing: the instants at which the pool will report those that it has not missed yet; it counts them as used.
        lost: those that it does not know of any more.
        returns: connections that should have been given back, since the replica started.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, pool: ConnectionPool, share: float) -> None:
        self.pool = pool
        self.share = share
        self.missing: deque[int] = deque()
        self.lost = 0
        self.returns = 0
        self.armed = False

    @property
    def sessions(self) -> int:
        """Open sessions at the server that nobody will use again."""
        return len(self.missing) + self.lost

    def keeps(self) -> bool:
        """Whether a connection that should be given back now is not."""
        pool = self.pool
        self.returns += 1
        if pool.closed:
            return False
        draw = pool.executor.streams.uniform("leak", pool.replica.uid, pool.replica.restarts, self.returns)
        if draw >= self.share:
            return False
        self.missing.append(pool.executor.sim.now + LEAK_DETECTION)
        if not self.armed:
            self._arm()
        return True

    def end_sessions(self) -> int:
        """The server has ended all sessions of the client; returns how many its pool did not know of."""
        unknown, self.lost = self.lost, 0
        self.missing.clear()
        return unknown

    def end_idle(self) -> int:
        """The server has ended its idle sessions; returns how many of these were leaked ones."""
        self.pool.open -= len(self.missing)
        return len(self.missing) + self.end_sessions()

    def _arm(self) -> None:
        self.armed = True
        self.callbacks = [self._detect]
        self.pool.executor.sim.push(self.missing[0], self)

    def _detect(self, _: Event) -> None:
        pool = self.pool
        self.armed = False
        while self.missing and self.missing[0] <= pool.executor.sim.now:
            self.missing.popleft()
            self.lost += 1
            pool.open -= 1
            pool.executor.recorder.connection_missed(pool, self.returns)
            pool.filler.start()
        if self.missing:
            self._arm()
