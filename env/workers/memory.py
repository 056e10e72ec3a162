"""Gives memory back to the system."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress

EVERY_S = 0.25
"""Seconds between two times at least: it takes some 5 ms (chosen)."""


class Memory:
    """What this process has freed, of which the C library keeps a lot.

    Ten minutes of history take some hundred megabytes while they are simulated, and a few afterwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = 0.0
        self._trim: Callable[[int], int] | None = None
        with suppress(OSError, AttributeError):  # another C library than glibc
            self._trim = ctypes.CDLL(None).malloc_trim

    def give_back(self) -> bool:
        """Return it, unless that was done a moment ago; whether it was done now."""
        if self._trim is None or self._clock() < self._next_s:
            return False
        self._trim(0)
        self._next_s = self._clock() + EVERY_S
        return True
