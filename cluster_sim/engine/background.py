"""Background life of a healthy cluster: pauses, checkpoints, slow spells, bursts of errors, a pod that restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from simpy.events import Event

from ..clock import MILLISECOND, SECOND, WINDOW
from ..specs import Language
from . import lifecycle
from .ahead import Ahead, rehearsed

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
    from .service import Service

# Rates and sizes are chosen, so that every service has something to show in most ten-minute windows.
GC_PROBABILITY = 0.30
GC_PAUSE = (20 * MILLISECOND, 180 * MILLISECOND)
LONG_GC_PROBABILITY = 0.012
LONG_GC_PAUSE = (500 * MILLISECOND, 1500 * MILLISECOND)
SLOW_SPELL_PROBABILITY = 0.02
SLOW_FACTOR = (1.4, 3.0)
SLOW_SPELL = (15 * SECOND, 60 * SECOND)
ERROR_BURST_PROBABILITY = 0.02
ERROR_BURST_FACTOR = (10.0, 40.0)
ERROR_BURST = (10 * SECOND, 40 * SECOND)
POD_RESTART_PROBABILITY = 0.0012
_ERRORS, _GC, _SLOW, _RESTART, _OFFSET, _KINDS = range(6)
_ROWS = 128
"""Draws per window at least: one row for each pod, by its number, and for each service; one column for each kind."""

_NOTHING: tuple[int, int, list[list[float]], set[int]] = (-1, 0, [], set())

CHECKPOINT_EVERY = 20
CHECKPOINT_SLOWDOWN = 1.25
BGSAVE_EVERY = 8


class Background(Event):
    """The ordinary troubles of a cluster, drawn anew for every 15-second window; the event is the next window.

    Attributes:
        level: factor on how often they come; 0 is silence.
    """

    _ok = True
    _value = None
    _defused = True
    ahead = Ahead.REHEARSED

    def __init__(self, cluster: Cluster, level: float) -> None:
        self.cluster = cluster
        self.level = level
        self._drawn: tuple[int, int, list[list[float]], set[int]] = _NOTHING
        self._arm(cluster.sim.now // WINDOW + 1)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_drawn": _NOTHING}

    def _arm(self, window: int) -> None:
        self.callbacks = [self._turn]
        self.cluster.sim.push(window * WINDOW, self)

    def _turn(self, _: Event) -> None:
        window = self.cluster.sim.now // WINDOW
        self._arm(window + 1)
        if self.level <= 0:
            return
        draws, struck = self._draw(window)
        for service in self.cluster.services.values():
            self._service(service, window, draws[service.index])
            for replica in service.replicas:
                if replica.uid in struck and replica.alive:
                    self._replica(replica, window, draws[replica.uid])

    def _draw(self, window: int) -> tuple[list[list[float]], set[int]]:
        """The draws of a window and the rows in which a pod may have trouble; they may be asked for twice."""
        count = max(_ROWS, len(self.cluster.services), self.cluster.last_uid + 1)
        if self._drawn[:2] != (window, count):
            # More rows leave the first ones as they are.
            rows = self.cluster.streams.window("background", window).random((count, _KINDS))
            likely = np.array((GC_PROBABILITY, SLOW_SPELL_PROBABILITY, POD_RESTART_PROBABILITY)) * self.level
            struck = np.nonzero(np.any(rows[:, (_GC, _SLOW, _RESTART)] < likely, axis=1))[0]
            self._drawn = (window, count, rows.tolist(), set(struck.tolist()))
        return self._drawn[2:]

    def _size(self, bounds: tuple[float, float], what: str, window: int, *keys: int) -> float:
        low, high = bounds
        return low + (high - low) * self.cluster.streams.uniform(f"background/{what}", window, *keys)

    def _service(self, service: Service, window: int, draws: list[float]) -> None:
        index = service.index
        offset = int(draws[_OFFSET] * WINDOW)
        if service.spec.language is Language.POSTGRES and window % CHECKPOINT_EVERY == index:
            self.cluster.after(offset, self._checkpoint, service, window)
        if service.spec.language is Language.REDIS and window % BGSAVE_EVERY == index:
            self.cluster.after(offset, self._bgsave, service, window)
        if service.error_threshold and draws[_ERRORS] < ERROR_BURST_PROBABILITY * self.level:
            self.cluster.after(offset, self._error_burst, service, window)

    def _replica(self, replica: Replica, window: int, draws: list[float]) -> None:
        level = self.level
        offset = int(draws[_OFFSET] * WINDOW)
        if replica.service.spec.gc and draws[_GC] < GC_PROBABILITY * level:
            bounds = LONG_GC_PAUSE if draws[_GC] < LONG_GC_PROBABILITY * level else GC_PAUSE
            length = int(self._size(bounds, "gc-size", window, replica.uid))
            self.cluster.after(offset, self._pause, replica, replica.restarts, length)
        if len(replica.service.replicas) == 1:
            return
        if draws[_SLOW] < SLOW_SPELL_PROBABILITY * level:
            self.cluster.after(offset, self._slow_spell, replica, replica.restarts, window)
        if draws[_RESTART] < POD_RESTART_PROBABILITY * level:
            self.cluster.after(offset, self._crash, replica, replica.restarts)

    @rehearsed
    def _error_burst(self, service: Service, window: int) -> None:
        factor = self._size(ERROR_BURST_FACTOR, "errors-size", window, service.index)
        service.set_error_probability(service.base_error_probability * factor)
        length = int(self._size(ERROR_BURST, "errors-time", window, service.index))
        self.cluster.after(length, self._end_error_burst, service)

    @rehearsed
    def _end_error_burst(self, service: Service) -> None:
        service.set_error_probability(service.base_error_probability)

    @rehearsed
    def _pause(self, replica: Replica, restarts: int, length: int) -> None:
        # A heap that may run short is collected as its content wants it.
        if replica.restarts == restarts and replica.alive and replica.heap is None:
            pause(self.cluster, replica, length)

    @rehearsed
    def _slow_spell(self, replica: Replica, restarts: int, window: int) -> None:
        if replica.restarts != restarts or not replica.ready or replica.slow != 1.0:
            return
        replica.set_slow(self._size(SLOW_FACTOR, "slow-size", window, replica.uid))
        length = int(self._size(SLOW_SPELL, "slow-time", window, replica.uid))
        self.cluster.after(length, self.cluster.end_slow_spell, replica, restarts)

    def _crash(self, replica: Replica, restarts: int) -> None:
        if replica.restarts == restarts and replica.ready:
            lifecycle.restart(self.cluster, replica, "Error")

    @rehearsed
    def _checkpoint(self, service: Service, window: int) -> None:
        replica = service.replicas[0]
        if not replica.alive:
            return
        buffers = int(self._size((300, 1200), "checkpoint", window))
        self.cluster.recorder.log(service.name, replica.name, "checkpoint_starting")
        replica.set_slow(max(replica.slow, CHECKPOINT_SLOWDOWN))
        self.cluster.after(8 * SECOND, self._end_checkpoint, replica, replica.restarts, buffers)

    @rehearsed
    def _end_checkpoint(self, replica: Replica, restarts: int, buffers: int) -> None:
        if replica.restarts == restarts and replica.alive:
            replica.set_slow(replica.service.slow)
            self.cluster.recorder.log(replica.service.name, replica.name, "checkpoint_complete", buffers)

    @rehearsed
    def _bgsave(self, service: Service, window: int) -> None:
        replica = service.replicas[0]
        if not replica.alive or (service.keyspace is not None and not service.keyspace.saves.plain):
            return
        fork = int(self._size((4 * MILLISECOND, 20 * MILLISECOND), "fork", window))
        pid = int(self._size((2000, 22000), "bgsave-pid", window))
        self.cluster.recorder.log(service.name, replica.name, "bgsave_started", pid)
        pause(self.cluster, replica, fork)
        self.cluster.after(SECOND, self._end_bgsave, replica, replica.restarts, pid)

    @rehearsed
    def _end_bgsave(self, replica: Replica, restarts: int, pid: int) -> None:
        if replica.restarts == restarts and replica.alive:
            self.cluster.recorder.log(replica.service.name, replica.name, "bgsave_finished", pid)


def pause(cluster: Cluster, replica: Replica, length: int) -> None:
    """Stop the world at a replica: what is in progress there, and what would begin, waits `length` nanoseconds."""
    if replica.service.spec.gc:
        cluster.recorder.log(replica.service.name, replica.name, "gc_pause", length)
    cluster.stop_world(replica, length)
