"""The unit of all figures: one event of a bare heap loop, measured in the same process a moment before."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from time import process_time

Callback = Callable[[object], None]
PENDING = 100
EVENTS = 200_000


def calibrate() -> float:
    """CPU seconds of one event: take the earliest of 100 pending entries, call its callback, which pushes another."""
    delays = [0.5 + (i * 7919 % 4096) / 4096 for i in range(4096)]
    queue: list[tuple[float, int, Callback, object]] = []
    now = 0.0
    count = 0

    def fire(argument: object) -> None:
        nonlocal count
        count += 1
        heappush(queue, (now + delays[count & 4095], count, fire, argument))

    for _ in range(PENDING):
        fire(None)
    began = process_time()
    for _ in range(EVENTS):
        now, _, callback, argument = heappop(queue)
        callback(argument)
    return (process_time() - began) / EVENTS


def calibrated(repeats: int = 3) -> float:
    """The fastest of some calibrations: the machine is shared, and noise only ever adds."""
    return min(calibrate() for _ in range(repeats))
