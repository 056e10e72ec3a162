"""The live cluster: a world that a thread of its own lets pass with the wall clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cluster_sim import Cluster, nanoseconds

from .log import Entry, Header, Kind, entry_line, header_line
from .pacer import TICK_S, Pacer
from .schedule import CYCLE_S, Due, Schedule
from .settings import LiveSettings, Plan
from .world import World

log = logging.getLogger(__name__)

SECOND = 1_000_000_000
HISTORY_S = CYCLE_S
"""Simulated seconds of healthy history with which a live cluster begins."""
SLICE = nanoseconds(15)
"""Simulated time that passes at most while the lock is held (some 5 ms at the usual load)."""
BREATH_S = 0.0005
"""Pause between two slices, in which whoever waits for the lock gets it."""
STEADY = 2 * SECOND
"""How far behind the wall's the cluster's clock may be before its epoch is moved (at speed 1: when time was lost)."""
KEPT_ENTRIES = 10_000
"""Entries of the log that are kept in memory (chosen: weeks of the schedule); a file holds all."""


class LiveCluster:
    """A cluster at the speed of the wall clock, or a multiple of it.

    Attributes:
        lock: held by whoever moves, changes or reads the world, for a few milliseconds at a time.
        failure: what ended its thread before its time; None while it is well.
    """

    def __init__(
        self,
        settings: LiveSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.lock = threading.Lock()
        self.pacer = Pacer(settings.speed, clock)
        self.failure: Exception | None = None
        self._wall_ns = wall_ns
        header = Header(
            seed=settings.seed,
            arrival_rate_hz=settings.rate,
            noise=settings.noise,
            epoch_s=wall_ns() // SECOND - int(HISTORY_S),
        )
        self.world = World(header, keep_entries=KEPT_ENTRIES)
        self._file = Path(settings.log) if settings.log else None
        self._schedule = Schedule(self.world, cures=settings.schedule is Plan.ON)
        self._due: Due | None = None
        if settings.schedule is not Plan.OFF:
            self._due = self._schedule.next_after(nanoseconds(HISTORY_S) - 1)
        self._written = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    @property
    def cluster(self) -> Cluster:
        """The cluster; hold the lock."""
        return self.world.cluster

    @property
    def now(self) -> int:
        """Simulated nanoseconds since the start."""
        return self.world.now

    # ------------------------------------------------------------ its life

    def start(self) -> None:
        """Begin: the history, then with the wall clock."""
        self._write(header_line(self.world.header))
        self._thread.start()

    def stop(self) -> None:
        """End; returns when its thread has."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self.advance(nanoseconds(HISTORY_S))
            self.pacer.begin(self.now)
            while not self._stopping.wait(TICK_S):
                self.tick()
        except Exception as error:
            log.exception("the live cluster has stopped")
            self.failure = error

    def tick(self) -> None:
        """Let pass what is due."""
        self.advance(self.pacer.target(self.now))
        zero = self._wall_ns() - self.pacer.ideal
        if not 0 <= zero - self.cluster.epoch_s * SECOND < STEADY:
            with self.lock:
                self.cluster.epoch_s = zero // SECOND

    def advance(self, until: int) -> None:
        """Let simulated time pass until an instant, slice by slice, with what is scheduled on the way."""
        while self.now < until and not self._stopping.is_set():
            injected = False
            with self.lock:
                due = self._due
                self.world.advance(min(until, self.now + SLICE, due.at if due else until))
                if due is not None and self.now == due.at:
                    self._schedule.act(due)
                    self._due = self._schedule.next_after(due.at)
                    injected = due.kind is Kind.INJECT
                self._write_new()
            if injected:
                self._schedule.prepare()
            if self.now < until:
                time.sleep(BREATH_S)

    # ------------------------------------------------------------ what others do to it; hold no lock

    def change(self, kind: Kind, value: str | float, source: str) -> Entry:
        """Make a change now.

        Raises:
            KeyError: there is no fault or remediation of that name.
        """
        with self.lock:
            entry = self.world.change(kind, value, source)
            self._write_new()
        return entry

    def set_pace(self, *, speed: float | None, paused: bool | None, source: str) -> None:
        """Go on at another speed, stand still, or go on."""
        with self.lock:
            if speed is not None and speed != self.pacer.speed:
                self.pacer.set_speed(speed, self.now)
                self.world.change(Kind.PACE, speed, source)
            if paused is not None and paused != self.pacer.paused:
                self.pacer.set_paused(paused, self.now)
                self.world.change(Kind.PACE, "pause" if paused else "resume", source)
            self._write_new()

    # ------------------------------------------------------------ its log

    def _write_new(self) -> None:
        made = self.world.dropped + len(self.world.log)
        for place in range(self._written - made, 0):
            self._write(entry_line(self.world.log[place]))
        self._written = made

    def _write(self, line: str) -> None:
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            # A log with a gap does not replay: better none from here on, and a cluster that goes on.
            log.exception("the live log cannot be written; it ends here")
            self._file = None
