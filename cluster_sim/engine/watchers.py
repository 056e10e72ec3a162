"""Clients that have a store tell them of every command (MONITOR), and read nothing of it.

What they are sent waits in the server, in a buffer of theirs that counts as memory used.

Fast-forward: events only, while one is connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service

RETRY = 2 * SECOND
"""Nanoseconds from the loss of its connection, or from a vain attempt, until a client tries again (chosen)."""


class Watcher(Event):
    """One such client: a recorder of commands whose own output is stuck. It comes back when its connection is lost.

    Attributes:
        number: tells it from others like it.
        pending_bytes: what it has been sent and has not read.
        since: nanoseconds, when it was connected.
        sessions: how many times.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, store: Service, number: int) -> None:
        self.cluster = cluster
        self.store = store
        self.number = number
        self.pending_bytes = 0
        self.since = 0
        self.sessions = 0
        cluster.jobs.append(self)
        self._connect(self)

    def _arm(self) -> None:
        self.callbacks = [self._connect]
        self.cluster.sim.push(self.cluster.sim.now + RETRY, self)

    def _connect(self, _: Event) -> None:
        keyspace = self.store.keyspace
        assert keyspace is not None
        if not keyspace.monitoring:
            self.cluster.jobs.remove(self)  # it is refused what it is there for
        elif not self.store.ready:
            self._arm()
        else:
            self.since = self.cluster.sim.now
            self.sessions += 1
            keyspace.watch(self)

    def feed(self, size: int) -> None:
        """It is told of a command of so many bytes, and cut off if that is more than may wait for it."""
        keyspace = self.store.keyspace
        assert keyspace is not None
        self.pending_bytes += size
        limit = keyspace.output_limit_bytes
        if limit is not None and self.pending_bytes > limit:
            replica = self.store.replicas[0]
            age = self.cluster.sim.now - self.since
            self.cluster.recorder.log(
                self.store.name, replica.name, "client_cut_off", self.number, self.sessions, age, self.pending_bytes
            )
            keyspace.cut_off += 1
            self.disconnect()

    def disconnect(self) -> None:
        """Its connection is closed, and what waited for it is dropped."""
        keyspace = self.store.keyspace
        assert keyspace is not None
        keyspace.watchers.remove(self)
        self.pending_bytes = 0
        self._arm()
