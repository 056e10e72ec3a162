"""What an event that lies ahead means to who computes a stretch of simulated time at once.

Every kind of event says so itself, in an attribute `ahead` of its class; a function that is called later is marked.
A kind that says nothing ends the stretch before it: the events run, and nobody has to prove anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from simpy.events import Event

Function = TypeVar("Function", bound=Callable[..., None])


class Ahead(Enum):
    """What requests feel of an event."""

    BLOCKS = "anything may change: the stretch ends before it"
    REHEARSED = "it changes the pace of replicas and the rate of background errors, and nothing else"
    OBSERVES = "it reads the state every `period` nanoseconds and changes nothing that requests feel"
    IDLES = "as things stand it does nothing but set itself again, `period` nanoseconds later"


def ahead(event: Event) -> Ahead:
    """What an event says of itself."""
    return getattr(event, "ahead", Ahead.BLOCKS)


_REHEARSED: set[str] = set()
"""Names of the methods that are marked (compiled ones take no attributes)."""


def rehearsed(function: Function) -> Function:
    """Marks a function that is called later and changes only the pace of replicas or the rate of errors."""
    _REHEARSED.add(function.__qualname__)
    return function


def is_rehearsed(function: Callable[..., None]) -> bool:
    """Whether a function, or the one behind a bound method, is marked so."""
    return getattr(function, "__qualname__", "") in _REHEARSED


def period_of(event: Event) -> int:
    """Nanoseconds between two of its instants, of an event that observes or idles."""
    period: int = getattr(event, "period")  # noqa: B009 - SimPy's events know no such attribute
    return period
