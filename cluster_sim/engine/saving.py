"""The saves of a store on a volume that something else fills.

Fast-forward: events only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import MILLISECOND, SECOND
from .background import pause
from .profile import Profile

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service

SAVE_EVERY = 120 * SECOND
"""`save 120 100`: a snapshot every two minutes in which a hundred keys have changed (chosen; there are always more)."""
RETRY = 5 * SECOND
"""Nanoseconds after a failed save until the next; source: CONFIG_BGSAVE_RETRY_DELAY in Redis' server.h."""
SAVE_TIME = SECOND
"""How long a save takes (chosen)."""
FORK = (4 * MILLISECOND, 20 * MILLISECOND)
"""How long the server stops to fork (chosen)."""


class Saving(Event):
    """One save after another, in the place of those of the background life, until the volume has room again.

    Attributes:
        pid: of the child that saves.
        began: nanoseconds, when it began to.
        restarts: those of the server whose child it is.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, store: Service, first: int) -> None:
        """The first save begins `first` nanoseconds from now."""
        self.cluster = cluster
        self.store = store
        self.pid = 0
        self.began = 0
        self.restarts = store.replicas[0].restarts
        self._arm(first, "_begin")

    def _arm(self, delay: int, step: str) -> None:
        self.callbacks = [getattr(self, step)]
        self.cluster.sim.push(self.cluster.sim.now + delay, self)

    def _begin(self, _: Event) -> None:
        cluster, store, now = self.cluster, self.store, self.cluster.sim.now
        replica = store.replicas[0]
        assert store.keyspace is not None
        if store.keyspace.saves.plain:
            return
        if not replica.ready:
            self._arm(RETRY, "_begin")
        elif replica.restarts != self.restarts:
            self.restarts = replica.restarts
            self._arm(max(replica.started + SAVE_EVERY - now, 0), "_begin")
        else:
            self.began = now
            self.pid = 2000 + cluster.streams.bits("saving/pid", now) % 20_000
            cluster.recorder.log(store.name, replica.name, "bgsave_started", self.pid)
            shortest, longest = FORK
            pause(cluster, replica, int(shortest + (longest - shortest) * cluster.streams.uniform("saving/fork", now)))
            self._arm(SAVE_TIME, "_end")

    def _end(self, _: Event) -> None:
        cluster, store = self.cluster, self.store
        keyspace, replica = store.keyspace, store.replicas[0]
        assert keyspace is not None
        if not replica.alive or replica.restarts != self.restarts:  # the child died with its parent
            self._arm(RETRY, "_begin")
            return
        saves = keyspace.saves
        saves.failed = not saves.fits(keyspace.dataset_bytes, cluster.sim.now)
        if saves.failed:
            saves.tried = True
            cluster.recorder.log(store.name, replica.name, "bgsave_failed", self.pid)
            self._arm(RETRY, "_begin")
            return
        cluster.recorder.log(store.name, replica.name, "bgsave_finished", self.pid)
        saves.file_bytes, saves.saved_at = keyspace.dataset_bytes, self.began
        self._arm(SAVE_EVERY, "_begin")


def fill_volume(cluster: Cluster, store: Service, size: int, growth: Profile, first_save: int) -> None:
    """Something writes so many bytes to the volume of a store; the next save begins `first_save` nanoseconds later."""
    assert store.keyspace is not None
    saves = store.keyspace.saves
    saves.others_bytes, saves.growth = size, growth
    saves.file_bytes, saves.saved_at = store.keyspace.dataset_bytes, cluster.now
    Saving(cluster, store, first_save)
