"""The part of a live run that replays: a cluster, what has been ordered in it, and the log of that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from types import MappingProxyType

from cluster_sim import FAULTS, REMEDIATIONS, WINDOW, Cluster, Fault, nanoseconds, restore_declared, seven_services

from .log import Entry, Header, Kind

HOUR = nanoseconds(3600)
KEPT = 4 * HOUR
"""For how long outcomes and past alerts are kept: as long as scraped series are."""
KEPT_INCIDENTS = 100
NO_EFFECT = nanoseconds(1500)
"""A fault that has done nothing for so long never will (the limit in which an incident's page must fire)."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A fault that was injected, and how it goes on; times in simulated nanoseconds.

    Attributes:
        felt: the root parameters have left their safe set since.
        repaired_at: since when they are back in it; None while they are not.
        closed: they have been for the fault's hold time, or never left it.
    """

    fault: Fault
    began: int
    source: str
    felt: bool = False
    repaired_at: int | None = None
    closed: bool = False


class World:
    """A cluster and the changes made to it.

    What happens in it depends on its header, on the changes and on the simulated instants at which they are made,
    and not on the steps in which time is let pass.

    Attributes:
        log: every change so far, oldest first; `dropped` more have been forgotten.
        incidents: the faults injected, oldest first.
    """

    def __init__(self, header: Header, *, keep_entries: int | None = None) -> None:
        self.header = header
        self.cluster = Cluster(
            seven_services(header.arrival_rate_hz), header.seed, header.noise, epoch_s=header.epoch_s
        )
        self.log: deque[Entry] = deque(maxlen=keep_entries)
        self.dropped = 0
        self.incidents: list[Incident] = []
        self._ordered: list[tuple[int, int, str]] = []
        self._orders = 0

    @property
    def now(self) -> int:
        """Simulated nanoseconds since the start."""
        return self.cluster.now

    @property
    def under_way(self) -> list[str]:
        """The fixes ordered and not yet in effect, in the order in which they will be."""
        return [name for _, _, name in sorted(self._ordered)]

    def advance(self, until: int) -> None:
        """Let simulated time pass until an instant; what was ordered comes into effect on its way."""
        while True:
            grid = (self.now // WINDOW + 1) * WINDOW
            stop = min(until, grid, self._ordered[0][0] if self._ordered else until)
            self.cluster.run_until(max(stop, self.now))
            while self._ordered and self._ordered[0][0] <= self.now:
                remediation = REMEDIATIONS[heappop(self._ordered)[2]]
                self.cluster.note_action(remediation.name)
                remediation.apply(self.cluster)
            if self.now == grid:
                self.incidents = [self._followed(incident) for incident in self.incidents][-KEPT_INCIDENTS:]
                if self.now % HOUR == 0:
                    self.cluster.forget(self.now - KEPT)
            if self.now >= until:
                return

    def change(self, kind: Kind, value: str | float, source: str) -> Entry:
        """Make a change now and note it.

        Raises:
            KeyError: there is no fault or remediation of that name.
        """
        CHANGES[kind](self, value, source)
        entry = Entry(at=self.now, kind=kind, value=value, source=source)
        self.dropped += len(self.log) == self.log.maxlen
        self.log.append(entry)
        return entry

    def open_incidents(self) -> list[Incident]:
        """The incidents that are not over."""
        return [incident for incident in self.incidents if not incident.closed]

    # ------------------------------------------------------------ the changes

    def _inject(self, value: str | float, source: str) -> None:
        fault = FAULTS[str(value)]
        fault.inject(self.cluster)
        self.incidents.append(Incident(fault=fault, began=self.now, source=source))

    def _order(self, value: str | float, source: str) -> None:
        remediation = REMEDIATIONS[str(value)]
        self._orders += 1
        heappush(self._ordered, (self.now + nanoseconds(remediation.duration_s), self._orders, remediation.name))

    def _restore(self, value: str | float, source: str) -> None:
        restore_declared(self.cluster)

    def _set_rate(self, value: str | float, source: str) -> None:
        self.cluster.workload.rate_factor = float(value)

    def _set_noise(self, value: str | float, source: str) -> None:
        self.cluster.workload.spread = self.cluster.background.level = float(value)

    def _note_pace(self, value: str | float, source: str) -> None:
        pass

    # ------------------------------------------------------------ incidents

    def _followed(self, incident: Incident) -> Incident:
        """The incident as of now."""
        if incident.closed:
            return incident
        if incident.fault.distance(self.cluster) > 0:
            return replace(incident, felt=True, repaired_at=None)
        if not incident.felt:
            return replace(incident, closed=self.now - incident.began > NO_EFFECT)
        since = self.now if incident.repaired_at is None else incident.repaired_at
        held = self.now - since >= nanoseconds(incident.fault.hold_s)
        return replace(incident, repaired_at=since, closed=held)


CHANGES: Mapping[Kind, Callable[[World, str | float, str], None]] = MappingProxyType(
    {
        Kind.INJECT: World._inject,
        Kind.FIX: World._order,
        Kind.RESTORE: World._restore,
        Kind.RATE: World._set_rate,
        Kind.NOISE: World._set_noise,
        Kind.PACE: World._note_pace,
    }
)


def replay(header: Header, entries: Iterable[Entry], until: int | None = None) -> World:
    """The world of a log, as of an instant or, without one, of the log's last entry."""
    world = World(header)
    for entry in entries:
        if until is not None and entry.at > until:
            break
        world.advance(entry.at)
        world.change(entry.kind, entry.value, entry.source)
    if until is not None:
        world.advance(until)
    return world
