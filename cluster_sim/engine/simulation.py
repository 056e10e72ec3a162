"""SimPy's environment with integer time and a state that pickles."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL, Event, EventPriority

if TYPE_CHECKING:
    from .call import Call


Entry = tuple[int, int, int, Any]
"""An instant, a priority, a number by which entries of one instant keep their order, and what happens then."""


class Simulation(simpy.Environment):
    """A `simpy.Environment` whose clock counts whole nanoseconds and which can be snapshotted.

    Events are re-armed (`push`) instead of being made anew, and the event counter is a plain integer, so that
    the state is the time, the queue and that counter.
    """

    _now: int
    _queue: list[Entry]  # type: ignore[assignment]  # SimPy knows of events only, and of time as int | float

    def __init__(self, initial_time: int = 0) -> None:
        super().__init__(initial_time)
        self.sequence = 0

    @property
    def now(self) -> int:
        """Simulated nanoseconds since the start."""
        return self._now

    @property
    def queue(self) -> list[Entry]:
        """What is scheduled, as a heap."""
        return self._queue

    @queue.setter
    def queue(self, entries: list[Entry]) -> None:
        self._queue = entries

    def push(self, at: int, event: Event | Call) -> None:
        """Schedule an event, whose callbacks are set, or a call at an instant."""
        self.sequence = sequence = self.sequence + 1
        heappush(self._queue, (at, NORMAL, sequence, event))

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        """SimPy's own way to schedule, on the plain counter; of a delay the whole nanoseconds count."""
        self.sequence = sequence = self.sequence + 1
        heappush(self._queue, (self._now + int(delay), priority, sequence, event))

    def dispatch(self, event: Event) -> None:
        """Call an event's callbacks, as SimPy's `step` does with the event it has taken from the queue."""
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # as SimPy does
        for callback in callbacks:
            callback(event)
        if not event._ok and not hasattr(event, "_defused"):
            raise event._value

    def __getstate__(self) -> dict[str, Any]:
        return {"now": self._now, "queue": self._queue, "sequence": self.sequence}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__init__(state["now"])
        self._queue = state["queue"]
        self.sequence = state["sequence"]
