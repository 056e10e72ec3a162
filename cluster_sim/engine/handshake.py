"""How sessions are established where that costs the server: handshakes that share its cores, and eager clients.

Fast-forward: events only while a handshake is under way; nothing happens here when all connections are open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import MILLISECOND, nanoseconds
from .failures import Failure

if TYPE_CHECKING:
    from .pool import Backends, ConnectionPool
    from .service import Service

_APART = MILLISECOND // 4
"""Nanoseconds between the first attempts of one pool (chosen: a program's threads start one after another)."""

Concluded = Callable[[Failure | None], None]


class Handshake(Event):
    """One attempt to open a session. The event is the instant at which its client gives up.

    Attributes:
        mark: the level of the server's progress at which it is through.
        live: its client still waits for it; the server notices only when it is through.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, pool: ConnectionPool, concluded: Concluded, timeout: int | None = None) -> None:
        self.pool = pool
        self.concluded = concluded
        self.mark = 0.0
        self.live = True
        if timeout is not None:
            self.callbacks = [self._give_up]
            pool.executor.sim.push(pool.executor.sim.now + timeout, self)

    def _give_up(self, _: Event) -> None:
        if self.live:
            self.conclude(Failure.TIMEOUT)

    def conclude(self, refusal: Failure | None) -> None:
        """The client, if it is still there, knows how it ended."""
        self.live = False
        if not self.pool.closed:
            self.concluded(refusal)


class Authentication(Event):
    """The server's side of opening sessions: every handshake takes time of a core, and all under way share the cores.

    The event is the next handshake's end.

    Attributes:
        work: nanoseconds of a core that a handshake takes.
        limit: handshakes let in at a time, the others being turned away at once; None: as many as there are.
        under_way: those that are not through, in the order in which they will be.
        progress: nanoseconds of work that one which had been there from the beginning would have got.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, server: Service, cost_s: float) -> None:
        self.server = server
        self.work = nanoseconds(cost_s)
        self.limit: int | None = None
        self.under_way: deque[Handshake] = deque()
        self.progress = 0.0
        self.at = 0
        self.armed = False

    @property
    def backends(self) -> Backends:
        """The slots that sessions take."""
        assert self.server.backends is not None
        return self.server.backends

    @property
    def room(self) -> int:
        """Processes the server forks for clients at most, twice as many as connections (source: PostgreSQL's
        postmaster.c, canAcceptConnections)."""
        return 2 * self.backends.max_connections

    def enter(self, handshake: Handshake) -> None:
        """A client begins a handshake."""
        if self.limit is not None and len(self.under_way) >= self.limit:
            handshake.conclude(Failure.REFUSED)
            return
        if len(self.under_way) + self.backends.used >= self.room:
            self.backends.refused += 1
            handshake.conclude(Failure.STORE_MAX_CLIENTS)
            return
        now = handshake.pool.executor.sim.now
        self._catch_up(now)
        handshake.mark = self.progress + self.work
        self.under_way.append(handshake)
        if not self.armed:
            self._arm(handshake.pool, now)

    def stop(self) -> None:
        """The server's process ends, and all handshakes with it."""
        cut = list(self.under_way)
        self.under_way.clear()
        for handshake in cut:
            if handshake.live:
                handshake.conclude(Failure.REFUSED)

    def _share(self) -> float:
        """Of a core, that each handshake gets."""
        return min(1.0, self.server.workers / max(len(self.under_way), 1))

    def _catch_up(self, now: int) -> None:
        if self.under_way:
            self.progress += (now - self.at) * self._share()
        self.at = now

    def _arm(self, pool: ConnectionPool, now: int) -> None:
        self.armed = True
        self.callbacks = [self._through]
        left = max(self.under_way[0].mark - self.progress, 0.0)
        pool.executor.sim.push(now + int(left / self._share()) + 1, self)

    def _through(self, _: Event) -> None:
        self.armed = False
        if not self.under_way:
            return
        pool = self.under_way[0].pool
        now = pool.executor.sim.now
        self._catch_up(now)
        while self.under_way and self.under_way[0].mark <= self.progress:
            self._finish(self.under_way.popleft())
        if self.under_way and not self.armed:
            self._arm(pool, now)

    def _finish(self, handshake: Handshake) -> None:
        pool = handshake.pool
        self.server.replicas[0].busy += self.work
        if not handshake.live or pool.closed:
            pool.executor.recorder.handshake_aborted(pool)
        elif self.backends.try_open():
            handshake.conclude(None)
        else:
            handshake.conclude(Failure.UNAVAILABLE)


class EagerFiller:
    """Opens all of a pool's missing connections at once, each attempt again after the same pause.

    Attributes:
        trying: connections it is opening.
    """

    def __init__(self, pool: ConnectionPool, timeout: int, pause: int) -> None:
        self.pool = pool
        self.timeout = timeout
        self.pause = pause
        self.trying = 0

    def start(self, delay: int = 0) -> None:
        """Begin to open what is missing and not being opened yet."""
        for number in range(self.pool.size - self.pool.open - self.trying):
            self.trying += 1
            Try(self, delay + number * _APART)


class Try(Event):
    """One connection that is to be opened; the event is its next attempt."""

    _ok = True
    _value = None
    _defused = True

    def __init__(self, filler: EagerFiller, delay: int) -> None:
        self.filler = filler
        self._arm(delay)

    def _arm(self, delay: int) -> None:
        self.callbacks = [self._attempt]
        sim = self.filler.pool.executor.sim
        sim.push(sim.now + delay, self)

    def _attempt(self, _: Event) -> None:
        pool = self.filler.pool
        if pool.closed or pool.open >= pool.size:
            self.filler.trying -= 1
            return
        backends = pool.server.backends
        assert backends is not None
        if not pool.server.ready:
            self._concluded(Failure.REFUSED)
        elif backends.authentication is not None:
            backends.authentication.enter(Handshake(pool, self._concluded, self.filler.timeout))
        else:
            self._concluded(None if backends.try_open() else Failure.UNAVAILABLE)

    def _concluded(self, refusal: Failure | None) -> None:
        filler = self.filler
        filler.pool.executor.recorder.connection_attempt(filler.pool, refusal)
        if refusal is None:
            filler.trying -= 1
            filler.pool.add()
        else:
            self._arm(filler.pause)
