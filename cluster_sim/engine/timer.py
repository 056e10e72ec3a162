"""The alarm of what waits for an instant now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from ..clock import WINDOW
from .ahead import Ahead

if TYPE_CHECKING:
    from .simulation import Simulation


class Timer(Event):
    """An event that is set again and again, and calls a method of whom it belongs to.

    Attributes:
        owner: whom it belongs to.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, sim: Simulation, owner: object, wake: Callable[[Any], None]) -> None:
        self.sim = sim
        self.owner: Any = owner
        self._wake = [wake]

    def set(self, at: int) -> None:
        """Come at an instant."""
        self.callbacks = self._wake  # a list that nobody changes
        self.sim.push(at, self)


class WindowTimer(Timer):
    """Comes at the beginning of every window."""

    ahead = Ahead.IDLES
    period = WINDOW
