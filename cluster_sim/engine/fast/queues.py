"""What finite numbers of workers and connections do to calls whose times are known."""

from __future__ import annotations

from heapq import heapreplace

import numpy as np

from .lanes import Flags, Ints
from .trace import NEVER


def crowded(enter: Ints, end: Ints, places: int) -> int:
    """The first instant at which more are inside than there are places; NEVER if that does not happen."""
    if len(enter) <= places:
        return NEVER
    enter = np.sort(enter)
    gone = np.searchsorted(np.sort(end), enter, side="right")
    over = np.nonzero(np.arange(1, len(enter) + 1) - gone > places)[0]
    return int(enter[over[0]]) if over.size else NEVER


def served_in_turn(enter: Ints, hold: Ints, held: Flags, workers: int) -> Ints:
    """When each call gets a worker, first come first served (Kiefer and Wolfowitz 1955).

    Args:
        enter: when each comes; not sorted.
        hold: for how long it keeps the worker.
        held: it has its worker already, since it came.
    """
    order = np.argsort(enter, kind="stable")
    if workers == 1:
        return _one_by_one(enter, hold, held, order)
    if crowded(enter, enter + hold, workers) == NEVER:
        return enter
    granted = np.empty_like(enter)
    free = [0] * workers
    times = zip(order.tolist(), enter[order].tolist(), hold[order].tolist(), held[order].tolist(), strict=True)
    for place, at, length, fixed in times:
        begin = at if fixed or free[0] <= at else free[0]
        granted[place] = begin
        heapreplace(free, begin + length)
    return granted


def _one_by_one(enter: Ints, hold: Ints, held: Flags, order: Ints) -> Ints:
    """Lindley's recursion, as a running maximum."""
    at, length = enter[order], hold[order]
    before = np.cumsum(length) - length
    granted = np.empty_like(enter)
    granted[order] = np.maximum.accumulate(at - before) + before
    return granted
