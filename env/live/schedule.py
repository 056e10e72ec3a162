"""The seeded schedule of a demonstration: a fault now and then, later its cure, then everything as declared again."""

from __future__ import annotations

from typing import NamedTuple

from cluster_sim import TASK_FAULTS, Fault, Streams, drift, nanoseconds

from .cures import right_cure
from .log import Kind
from .world import World

SOURCE = "schedule"

CYCLE_S = 1200.0
"""Simulated seconds from the beginning of one cycle to that of the next (chosen: an incident every 20 minutes)."""
RESTORES_S = (0.0, 60.0, 120.0)
"""When, in a cycle, the cluster is brought back to its declared state, which takes a few goes (chosen)."""
ONSET_S = (180.0, 360.0)
"""When, in a cycle, its fault is injected (chosen)."""
CURE_AFTER_S = (420.0, 540.0)
"""How long after the fault its cure is ordered: eight minutes, give or take one (chosen)."""


class Due(NamedTuple):
    """One thing to do, at a simulated instant in nanoseconds."""

    at: int
    kind: Kind
    cycle: int


class Schedule:
    """What happens by itself in a live cluster, as a function of its seed.

    Attributes:
        cures: whether faults are cured too, or left to whoever is on call.
    """

    def __init__(self, world: World, *, cures: bool) -> None:
        self.world = world
        self.cures = cures
        self._streams = Streams(world.header.seed)
        self._known: dict[str, str | None] = {}

    def next_after(self, at: int) -> Due:
        """The first thing to do after an instant."""
        cycle = at // nanoseconds(CYCLE_S)
        return next(due for number in (cycle, cycle + 1) for due in self._cycle(number) if due.at > at)

    def act(self, due: Due) -> None:
        """Do it now, as far as the state of the cluster asks for it."""
        world = self.world
        quiet = not world.open_incidents() and not world.under_way
        match due.kind:
            case Kind.INJECT if quiet:
                world.change(Kind.INJECT, self._fault(due.cycle), SOURCE)
            case Kind.RESTORE if quiet and drift(world.cluster):
                world.change(Kind.RESTORE, "", SOURCE)
            case Kind.FIX:
                for fault in self._own_faults():
                    if fault.distance(world.cluster) > 0:
                        self._cure(fault.name)

    def prepare(self) -> None:
        """Find the cures of its open incidents, which takes a second or so; the cluster need not stand still."""
        header = self.world.header
        for fault in self._own_faults():
            if self.cures and fault.name not in self._known:
                cure = right_cure(fault, header.seed, header.arrival_rate_hz, header.noise)
                self._known[fault.name] = cure

    def _own_faults(self) -> list[Fault]:
        """The faults of the open incidents that it began itself: an operator's are the operator's to cure."""
        return [incident.fault for incident in self.world.open_incidents() if incident.source == SOURCE]

    def _cure(self, fault: str) -> None:
        self.prepare()
        cure = self._known[fault]
        if cure is None:
            self.world.change(Kind.RESTORE, "", SOURCE)
        elif cure not in self.world.under_way:
            self.world.change(Kind.FIX, cure, SOURCE)

    def _cycle(self, cycle: int) -> list[Due]:
        """What is to be done in one cycle, in order."""
        begins = cycle * nanoseconds(CYCLE_S)
        onset_s = self._between(ONSET_S, "onset", cycle)
        dues = [Due(begins + nanoseconds(s), Kind.RESTORE, cycle) for s in RESTORES_S if cycle]
        dues.append(Due(begins + nanoseconds(onset_s), Kind.INJECT, cycle))
        if self.cures:
            cure_s = onset_s + self._between(CURE_AFTER_S, "cure", cycle)
            dues.append(Due(begins + nanoseconds(cure_s), Kind.FIX, cycle))
        return dues

    def _fault(self, cycle: int) -> str:
        return TASK_FAULTS[self._streams.bits("live/fault", cycle) % len(TASK_FAULTS)]

    def _between(self, bounds: tuple[float, float], what: str, cycle: int) -> float:
        low, high = bounds
        return low + (high - low) * self._streams.uniform(f"live/{what}", cycle)
