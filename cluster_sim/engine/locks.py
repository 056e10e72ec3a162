"""Locks on the tables of a database: a statement that wants one to itself, and everybody behind it.

A statement that reads or writes goes well with others of its kind; one that alters the table goes with none. Requests
are granted in their order: behind one that has to wait for the table, all later ones wait too, though they would go
well with those at work. Those waiting keep their sessions and use no processor.

Fast-forward: events only while somebody wants a table to himself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import MILLISECOND, SECOND
from . import lifecycle
from .failures import Failure
from .gate import Held

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .call import Call
    from .edge import Edge
    from .pool import ConnectionPool
    from .service import Service

DEADLOCK_TIMEOUT = SECOND
"""PostgreSQL's default; with log_lock_waits on, who has waited as long has a line in the log."""
RECONNECT = SECOND
"""Pause before a report opens a lost session again (chosen)."""
BACKOFF = 20 * SECOND
"""What a migration waits beside its pause when its session is lost, or it gets none: its job begins anew (chosen)."""
_LOOK = 20 * MILLISECOND


class TableLock:
    """Who has, or wants, a lock on one table. As an obstacle it is in the way of calls behind an exclusive request.

    Attributes:
        table: the route of the operations on it.
        edges: the calls that use it.
        report: a long statement that reads it; None: there was none.
        migration: the last one that wants, or wanted, the table to itself.
    """

    def __init__(self, cluster: Cluster, server: Service, table: str) -> None:
        self.cluster = cluster
        self.server = server
        self.table = table
        self.edges: list[Edge] = [e for e in cluster.edges if e.server == server.name and e.route == table]
        self.report: Report | None = None
        self.migration: Migration | None = None

    @property
    def client(self) -> str:
        """The service whose table it is."""
        return self.edges[0].client

    @property
    def sessions(self) -> int:
        """Sessions of those who are none of the services: reports and migrations."""
        return (self.report is not None and self.report.since is not None) + self.exclusive

    @property
    def orphans(self) -> int:
        """Sessions whose client is gone, which they will notice when they have their lock."""
        return sum(call.pool is not None and call.pool.closed for edge in self.edges for call in self._parked(edge))

    @property
    def exclusive(self) -> bool:
        """Whether somebody has the table to himself, or waits for that."""
        return self.migration is not None and self.migration.since is not None

    @property
    def doomed(self) -> bool:
        """Whether a migration goes on, now or at its next try, that has to wait for a report."""
        return (
            self.migration is not None and not self.migration.over and self.report is not None and not self.report.over
        )

    # ------------------------------------------------------------ the calls of services

    def meet(self, call: Call, now: int) -> Held | None:
        """Wait behind an exclusive request, however long that takes."""
        if not self.exclusive:
            return None
        self.cluster.after(DEADLOCK_TIMEOUT, self._complain, call, now)
        return Held()

    def _complain(self, call: Call, since: int) -> None:
        if call in self._parked(call.edge):
            self.log("lock_wait", call.edge.index, call.flow.number, self.cluster.now - since)

    def _parked(self, edge: Edge) -> list[Call]:
        gate = edge.gate
        if gate is None or self not in gate.obstacles:
            return []
        return [call for call in gate.parked if gate.obstacles[gate.under_way[call] - 1] is self]

    def waiting(self) -> int:
        """Calls of services that wait here."""
        return sum(len(self._parked(edge)) for edge in self.edges)

    def waiting_of(self, pool: ConnectionPool) -> int:
        """Calls that wait here over the connections of one pool."""
        return sum(call.pool is pool for edge in self.edges for call in self._parked(edge))

    def _notice(self, call: Call) -> None:
        """A session that waits no more finds out whether its client is gone."""
        if call.pool is not None and call.pool.closed:
            call.pool = None
            self.disconnect()

    def at_work(self) -> bool:
        """Whether a statement of a service is under way on the table."""
        return any(
            call.replica is not None and call.replica.service is self.server and call.edge in self.edges
            for call in lifecycle.pending_calls(self.cluster)
        )

    def close(self) -> None:
        """Calls that come from now on wait."""
        for edge in self.edges:
            edge.obstruct(self)

    def open(self) -> None:
        """Everybody who waits goes on."""
        for edge in self.edges:
            for call in self._parked(edge):
                if self.cluster.now - call.start >= DEADLOCK_TIMEOUT:
                    self.log("lock_acquired", call.edge.index, call.flow.number, self.cluster.now - call.start)
                self._notice(call)
            edge.clear(self)

    # ------------------------------------------------------------ what happens to the server

    def cancel(self, before: int) -> None:
        """Cancel every statement here that began before an instant."""
        executor = self.cluster.executor
        replica = self.server.replicas[0]
        for edge in self.edges:
            found = [call for call in self._parked(edge) if call.start < before]
            if edge.gate is not None:
                edge.gate.forget(set(found))
            for call in found:
                self._notice(call)
                data = (edge.index, Failure.SERVER_ERROR, self.cluster.now - call.start, call.flow.number)
                self.cluster.recorder.log(self.server.name, replica.name, "failure", *data)
                going_on = executor.fail(call, Failure.SERVER_ERROR)
                if going_on is not None:
                    executor.resume(going_on)
        if self.report is not None and self.report.since is not None and self.report.since < before:
            self.report.cancel()
        if self.migration is not None and self.migration.since is not None and self.migration.since < before:
            self.migration.cancel("user request")

    def cut(self) -> None:
        """The server's process has ended, and with it every session and lock."""
        if self.migration is not None:
            self.migration.cut()
        if self.report is not None:
            self.report.cut()

    def log(self, event: str, *data: object) -> None:
        """The server writes about a lock on this table."""
        self.cluster.recorder.log(self.server.name, self.server.replicas[0].name, event, self.table, *data)

    def connect(self) -> bool:
        """Open a session of somebody who is none of the services, if the server has room for it."""
        backends = self.server.backends
        assert backends is not None
        return bool(self.server.ready) and backends.try_open()

    def disconnect(self) -> None:
        """Close such a session."""
        backends = self.server.backends
        assert backends is not None
        backends.used -= 1


class Report:
    """A long statement that reads a whole table and waits for the disk, not for a processor.

    Begun again if its session is lost; given up when it is cancelled, which its tool takes for somebody's wish.

    Attributes:
        since: nanoseconds, when the statement began; None: it is not under way.
        over: it will not be again.
    """

    def __init__(self, lock: TableLock, length: int) -> None:
        self.lock = lock
        self.length = length
        self.since: int | None = None
        self.over = False
        self.turn = 0
        lock.report = self
        self._begin(0)

    def _begin(self, turn: int) -> None:
        if self.over or turn != self.turn:
            return
        if not self.lock.connect():
            self.lock.cluster.after(RECONNECT, self._begin, turn)
            return
        self.since = self.lock.cluster.now
        self.lock.cluster.after(self.length, self._end, turn)

    def _end(self, turn: int) -> None:
        if turn == self.turn and self.since is not None:
            self._leave()

    def cancel(self) -> None:
        """Somebody cancels the statement."""
        self.lock.log("report_canceled")
        self._leave()

    def _leave(self) -> None:
        self.over, self.since = True, None
        self.lock.disconnect()
        if self.lock.migration is not None:
            self.lock.migration.look()

    def cut(self) -> None:
        """Its session is lost."""
        if self.since is not None:
            self.since = None
            self.turn += 1
            self.lock.cluster.after(RECONNECT, self._begin, self.turn)


class Migration:
    """A tool that alters a table: it tries until it has succeeded, or is told to stop.

    Attributes:
        needs: nanoseconds for which it needs the table to itself.
        patience: nanoseconds after which it withdraws its request (lock_timeout); 0: never.
        pause: nanoseconds between two tries.
        since: nanoseconds, when it asked for the table; None: it does not just now.
        granted: it has the table.
        over: it will not ask again.
    """

    def __init__(self, lock: TableLock, *, needs: int, patience: int, pause: int) -> None:
        self.lock = lock
        self.needs = needs
        self.patience = patience
        self.pause = pause
        self.since: int | None = None
        self.granted = False
        self.over = False
        self.turn = 0
        lock.migration = self

    def begin(self, turn: int = 0) -> None:
        """Ask for the table."""
        if self.over or turn != self.turn:
            return
        cluster = self.lock.cluster
        if not self.lock.connect():
            self._again(BACKOFF)
            return
        self.since = cluster.now
        self.lock.log("alter_begun")
        self.lock.close()
        cluster.after(DEADLOCK_TIMEOUT, self._complain, turn)
        if self.patience:
            cluster.after(self.patience, self._withdraw, turn)
        self.look()

    def look(self) -> None:
        """Take the table if nobody uses it any more."""
        if self.since is None or self.granted:
            return
        report = self.lock.report
        if report is not None and report.since is not None:
            return  # which looks here again when it leaves
        cluster = self.lock.cluster
        if self.lock.at_work():
            cluster.after(_LOOK, self._look_again, self.turn)
            return
        self.granted = True
        if cluster.now - self.since >= DEADLOCK_TIMEOUT:
            self.lock.log("alter_acquired", cluster.now - self.since)
        cluster.after(self.needs, self._done, self.turn)

    def _look_again(self, turn: int) -> None:
        if turn == self.turn:
            self.look()

    def _complain(self, turn: int) -> None:
        if turn == self.turn and self.since is not None and not self.granted:
            self.lock.log("alter_waits", self.lock.cluster.now - self.since)

    def _withdraw(self, turn: int) -> None:
        if turn == self.turn and not self.granted:
            self.cancel("lock timeout")

    def _done(self, turn: int) -> None:
        if turn == self.turn:
            self.over = True
            self._leave()

    def cancel(self, reason: str) -> None:
        """Its statement is cancelled; it tries again later."""
        self.lock.log("alter_canceled", reason)
        self._leave()
        self._again()

    def suspend(self) -> None:
        """It stops for good, with its statement if one is under way."""
        self.over = True
        if self.since is not None:
            self.lock.log("alter_canceled", "user request")
            self._leave()

    def cut(self) -> None:
        """Its session is lost; it tries again later."""
        if self.since is not None:
            self.since, self.granted = None, False
            self.turn += 1
            self.lock.open()
            self._again(BACKOFF)

    def _leave(self) -> None:
        self.since, self.granted = None, False
        self.turn += 1
        self.lock.disconnect()
        self.lock.open()

    def _again(self, backoff: int = 0) -> None:
        self.lock.cluster.after(backoff + self.pause, self.begin, self.turn)
