"""Connections: the client's pool and the slots of the database server."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND, nanoseconds
from ..specs import BackendSpec, EagerSpec, PoolSpec
from .failures import Failure
from .handshake import EagerFiller, Handshake
from .leak import Leak
from .spans import DELAYED, LONG_WAIT
from .state import State
from .timer import Timer
from .transaction import Transactions

if TYPE_CHECKING:
    from .call import Call
    from .executor import Executor
    from .handshake import Authentication
    from .replica import Replica
    from .service import Service

_FIRST_RETRY = SECOND // 4
_LONGEST_RETRY = 10 * SECOND
"""HikariCP's pause between failed attempts to open a connection: 250 ms, growing by half, at most 10 s."""


class Backends(State):
    """The connection slots of a database server.

    Attributes:
        max_connections: slots in all; a change takes effect when the server restarts.
        used: slots taken by the clients' pools and the exporter.
        refused: attempts turned away for want of a slot, since the start.
        opened: sessions opened since the start.
        idle_in_transaction_timeout: nanoseconds after which a session is ended that is idle in a transaction; None:
            never. A change holds for transactions that begin after it.
        authentication: where clients queue to open a session, if that costs the server anything; None: it takes
            `connect` and no more.
    """

    def __init__(self, spec: BackendSpec) -> None:
        self.max_connections = spec.max_connections
        self.superuser_reserved = spec.superuser_reserved
        self.monitoring = spec.monitoring
        self.connect = nanoseconds(spec.connect_s)
        self.used = spec.monitoring
        self.refused = 0
        self.opened = 0
        self.idle_in_transaction_timeout: int | None = None
        self.authentication: Authentication | None = None

    @property
    def admitted(self) -> int:
        """Slots open to ordinary roles."""
        return self.max_connections - self.superuser_reserved

    def try_open(self) -> bool:
        """Take a slot for an ordinary role, if there is one."""
        if self.used >= self.admitted:
            self.refused += 1
            return False
        self.used += 1
        self.opened += 1
        return True


class ConnectionPool(State):
    """The connections one replica keeps to one server, and the FIFO queue for them.

    Attributes:
        size: connections it wants.
        open: connections it has; `idle` of them are free.
        waiting: (deadline, call) of those who wait.
        timeouts: acquisitions that timed out, since the replica started.
        waited: nanoseconds waited by those who got one, since the replica started.
        closed: its replica is gone.
        leak: what its users do not give back; None: they give back everything.
        transactions: those its users leave open while they wait for others; None: they do not.
    """

    def __init__(self, name: str, spec: PoolSpec, replica: Replica, server: Service, executor: Executor) -> None:
        self.name = name
        self.size = spec.size
        self.acquire_timeout = nanoseconds(spec.acquire_timeout_s)
        self.replica = replica
        self.server = server
        self.executor = executor
        self.open = 0
        self.idle = 0
        self.waiting: deque[tuple[int, Call]] = deque()
        self.timeouts = 0
        self.waited = 0
        self.acquired = 0
        self.closed = False
        self.armed = False
        self._timer = Timer(executor.sim, self, self._fall_due)
        behaviour = replica.behaviour
        self.leak = Leak(self, behaviour.leaked_connections) if behaviour.leaked_connections else None
        self.transactions = Transactions(self) if behaviour.waits_in_transactions else None
        self.filler: PoolFiller | EagerFiller
        self.open_eagerly(spec.eager)

    @property
    def active(self) -> int:
        """Connections in use."""
        return self.open - self.idle

    def open_eagerly(self, eager: EagerSpec | None) -> None:
        """Open missing connections in that way from the next time on."""
        if eager is None:
            self.filler = PoolFiller(self)
        else:
            self.filler = EagerFiller(self, nanoseconds(eager.timeout_s), nanoseconds(eager.pause_s))

    def wait(self, call: Call) -> None:
        """Queue for a connection."""
        deadline = self.executor.sim.now + self.acquire_timeout
        self.waiting.append((deadline, call))
        if not self.armed:
            self._arm(deadline)

    def give_back(self) -> None:
        """Who used a connection is done with it."""
        if self.leak is not None and self.leak.keeps():
            return
        if self.waiting:
            self._hand_over()
        else:
            self.idle += 1

    def add(self) -> None:
        """A connection was opened."""
        self.open += 1
        if self.waiting:
            self._hand_over()
        else:
            self.idle += 1

    def lose(self) -> None:
        """The server has ended a session that was in use; its user must not give it back."""
        backends = self.server.backends
        assert backends is not None
        self.open -= 1
        backends.used -= 1
        self.filler.start()

    def drop_all(self) -> int:
        """Every session is lost; returns how many there were. Users of a connection must not give it back."""
        lost = self.open
        if self.leak is not None:
            lost += self.leak.end_sessions()
        self.open = self.idle = 0
        return lost

    def drop_idle(self) -> int:
        """The sessions that nobody uses are lost; returns how many there were."""
        lost = self.idle
        self.open -= lost
        self.idle = 0
        if self.leak is not None:
            lost += self.leak.end_idle()
        return lost

    def _hand_over(self) -> None:
        deadline, call = self.waiting.popleft()
        self.acquired += 1
        call.start = now = self.executor.sim.now
        asked = deadline - self.acquire_timeout
        self.waited += now - asked
        spans = self.executor.spans
        if not call.flow.sampled and now - asked >= LONG_WAIT:
            spans.keep(call, now, DELAYED)
        if call.flow.sampled:
            spans.connected(call, asked, now)
        if self.transactions is None:
            self.executor.resume(call)
        else:
            self.transactions.begin(call)

    def _arm(self, at: int) -> None:
        self.armed = True
        self._timer.set(at)

    def _fall_due(self, _: Event) -> None:
        now = self.executor.sim.now
        self.armed = False
        while self.waiting and self.waiting[0][0] <= now:
            call = self.waiting.popleft()[1]
            call.pool = None
            self.timeouts += 1
            self.executor.fail_waiting(call, Failure.POOL_TIMEOUT)
        if self.waiting and not self.armed:
            self._arm(self.waiting[0][0])


class PoolFiller(State):
    """Opens a pool's missing connections one after another, pausing longer after each refusal."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool
        self.pause = _FIRST_RETRY
        self.attempts = 0
        self.armed = False
        self._timer = Timer(pool.executor.sim, self, self._attempt)

    def start(self, delay: int = 0) -> None:
        """Begin to fill, unless at it already."""
        if not self.armed:
            self._arm(delay + self._connect_time())

    def _arm(self, delay: int) -> None:
        self.armed = True
        self._timer.set(self.pool.executor.sim.now + delay)

    def _connect_time(self) -> int:
        """Between half and one and a half of the server's mean, its own draw for every attempt."""
        self.attempts += 1
        backends = self.pool.server.backends
        assert backends is not None
        share = self.pool.executor.streams.uniform("connect", self.pool.replica.uid, self.attempts)
        return int(backends.connect * (0.5 + share))

    def _attempt(self, _: Event) -> None:
        self.armed = False
        pool = self.pool
        if pool.closed or pool.open >= pool.size:
            return
        backends = pool.server.backends
        assert backends is not None
        if not pool.server.ready:
            self._conclude(Failure.REFUSED)
        elif backends.authentication is not None:
            self.armed = True
            backends.authentication.enter(Handshake(pool, self._conclude))
        else:
            self._conclude(None if backends.try_open() else Failure.UNAVAILABLE)

    def _conclude(self, refusal: Failure | None) -> None:
        self.armed = False
        pool = self.pool
        pool.executor.recorder.connection_attempt(pool, refusal)
        if refusal is None:
            self.pause = _FIRST_RETRY
            pool.add()
            if pool.open < pool.size:
                self._arm(self._connect_time())
        else:
            jitter = 0.5 + pool.executor.streams.uniform("connect-pause", pool.replica.uid, self.attempts)
            self._arm(int(self.pause * jitter) + self._connect_time())
            self.pause = min(self.pause * 3 // 2, _LONGEST_RETRY)
