"""What finite numbers of workers and connections do to calls whose times are known."""

from __future__ import annotations

from heapq import heapreplace

import numpy as np

from .lanes import NEVER, Ints

_CROWDS = 8
"""Separate crowds that are looked for; after that everybody is served one after another (chosen)."""


def _lasting(enter: Ints, end: Ints) -> Ints:
    """Ends of which none is at its beginning, so that whoever comes is inside for a moment at least.

    Of several that come and go at one instant too many may seem to be inside: who serves them finds out.
    """
    lasting: Ints = end + (end == enter)
    return lasting


def crowded(enter: Ints, end: Ints, places: int) -> int:
    """The first instant at which more are inside than there are places; NEVER if that does not happen."""
    if len(enter) <= places:
        return NEVER
    end = np.sort(_lasting(enter, end))
    enter = np.sort(enter)
    gone = end.searchsorted(enter, side="right")
    over = np.nonzero(np.arange(1, len(enter) + 1) - gone > places)[0]
    return int(enter[over[0]]) if over.size else NEVER


def served_in_turn(enter: Ints, hold: Ints, workers: int) -> Ints:
    """When each call gets a worker, first come first served (Kiefer and Wolfowitz 1955).

    Args:
        enter: when each comes; not sorted.
        hold: for how long it keeps the worker; who has one already keeps it since he came.
    """
    order = np.argsort(enter, kind="stable")
    if workers == 1:
        return _one_by_one(enter, hold, order)
    at, length = enter[order], hold[order]
    begin, end = at.copy(), at + length
    place = _next_crowd(at, end, workers, 0)
    crowds = 0
    while place < len(at):
        crowds += 1
        place = _serve_crowd(at, length, begin, end, workers, place, whole=crowds > _CROWDS)
        place = _next_crowd(at, end, workers, place)
    granted = np.empty_like(enter)
    granted[order] = begin
    return granted


def _next_crowd(at: Ints, end: Ints, workers: int, place: int) -> int:
    """The first call from a place on that finds all workers taken if nobody from there on waits."""
    gone = np.sort(_lasting(at, end)).searchsorted(at[place:], side="right")
    over = np.nonzero(np.arange(place + 1, len(at) + 1) - gone > workers)[0]
    return place + int(over[0]) if over.size else len(at)


def _serve_crowd(at: Ints, length: Ints, begin: Ints, end: Ints, workers: int, place: int, *, whole: bool) -> int:
    """Serve one after another from a call that has to wait until one has not; returns the place of that one."""
    inside = end[:place][end[:place] > at[place]]
    free = [0] * (workers - len(inside)) + sorted(inside.tolist())
    first = place
    for comes, takes in zip(at[place:].tolist(), length[place:].tolist(), strict=True):
        granted = max(free[0], comes)
        if granted == comes and place > first and not whole:
            break
        begin[place] = granted
        end[place] = granted + takes
        heapreplace(free, granted + takes)
        place += 1
    return place


def _one_by_one(enter: Ints, hold: Ints, order: Ints) -> Ints:
    """Lindley's recursion, as a running maximum."""
    at, length = enter[order], hold[order]
    before = np.cumsum(length) - length
    granted = np.empty_like(enter)
    granted[order] = np.maximum.accumulate(at - before) + before
    return granted
