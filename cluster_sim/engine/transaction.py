"""Database transactions that stay open while their program waits for somebody else.

Fast-forward: events only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from .failures import Failure
from .leak import LEAK_DETECTION
from .program import WORK

if TYPE_CHECKING:
    from .call import Call
    from .pool import ConnectionPool


class Transactions:
    """The transactions that the users of one pool have open while they wait for a system outside.

    The session is idle at the server meanwhile, and no use to anybody else. The statement follows when the answer is
    there, and its deadline runs from then on. Nobody looks at the time before.

    Attributes:
        waiting: calls with a connection in such a transaction, and the instant since when.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool
        self.waiting: dict[Call, int] = {}

    def oldest(self, now: int) -> int:
        """The instant at which the oldest began, now if there is none."""
        return next(iter(self.waiting.values()), now)

    def begin(self, call: Call) -> None:
        """A call has its connection: it goes on when the system outside has answered its caller."""
        executor = self.pool.executor
        now = executor.sim.now
        answer = self._answer_after(call, now)
        self.waiting[call] = now
        if answer > LEAK_DETECTION:
            Missed(self, call, now + LEAK_DETECTION)
        backends = self.pool.server.backends
        assert backends is not None
        limit = backends.idle_in_transaction_timeout
        if limit is not None and limit < answer:
            Ending(self, call, now + limit, terminated=True)
        else:
            Ending(self, call, now + answer, terminated=False)

    def _answer_after(self, call: Call, now: int) -> int:
        """How long the system takes that the caller asked last; 0 if it asked none."""
        parent = call.parent
        if parent is None or parent.replica is None:
            return 0
        place = parent.pc - 1
        while place > 0:
            place -= 1
            op, column, external = parent.code[place]
            if op == WORK and external:
                parent.replica.busy += parent.row[column]
                return self.pool.executor.answer_after(parent, parent.row[column], external, now, None)
        return 0

    def end(self, call: Call, terminated: bool) -> None:
        """A wait is over, by the answer or by the server, which ends the session."""
        begun = self.waiting.pop(call, None)
        if begun is None:
            return
        executor = self.pool.executor
        now = executor.sim.now
        if not terminated:
            if now - begun > LEAK_DETECTION:
                executor.recorder.connection_missed(self.pool, call.flow.number, back=True)
            call.start = now
            executor.resume(call)
            return
        self.pool.lose()
        call.pool = None
        executor.recorder.session_terminated(self.pool, Failure.IDLE_IN_TRANSACTION)
        executor.fail_waiting(call, Failure.IDLE_IN_TRANSACTION)

    def report(self, call: Call) -> None:
        """A connection is out for so long that the pool takes it for leaked."""
        if call in self.waiting:
            self.pool.executor.recorder.connection_missed(self.pool, call.flow.number)

    def terminate(self) -> None:
        """An operator ends the sessions; who used them gets an error."""
        calls, self.waiting = list(self.waiting), {}
        for call in calls:
            self.pool.lose()
            call.pool = None
            self.pool.executor.recorder.session_terminated(self.pool, Failure.ADMIN_SHUTDOWN)
            self.pool.executor.fail_waiting(call, Failure.ADMIN_SHUTDOWN)

    def forget(self, calls: set[Call]) -> None:
        """Calls are lost that may be here."""
        for call in [call for call in self.waiting if call in calls]:
            del self.waiting[call]


class Ending(Event):
    """The end of one wait."""

    _ok = True
    _value = None
    _defused = True

    def __init__(self, transactions: Transactions, call: Call, at: int, *, terminated: bool) -> None:
        self.transactions = transactions
        self.call = call
        self.terminated = terminated
        self.callbacks = [self._over]
        transactions.pool.executor.sim.push(at, self)

    def _over(self, _: Event) -> None:
        self.transactions.end(self.call, self.terminated)


class Missed(Event):
    """The instant at which a pool misses a connection."""

    _ok = True
    _value = None
    _defused = True

    def __init__(self, transactions: Transactions, call: Call, at: int) -> None:
        self.transactions = transactions
        self.call = call
        self.callbacks = [self._report]
        transactions.pool.executor.sim.push(at, self)

    def _report(self, _: Event) -> None:
        self.transactions.report(self.call)
