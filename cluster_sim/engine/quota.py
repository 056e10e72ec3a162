"""The CPU limit of a container, as the kernel's completely fair scheduler enforces it.

In each period the container's threads may use so much CPU time; when that is gone, all of them stand still until the
next period begins. Work begun earlier is taken to get its time first.

Fast-forward: events only (`Behaviour.cpu_limit` says so).
"""

from __future__ import annotations

from ..clock import MILLISECOND

PERIOD = 100 * MILLISECOND
"""Nanoseconds; source: the kernel's cpu.cfs_period_us and the kubelet's --cpu-cfs-quota-period."""


class Quota:
    """What one container has used of its limit.

    Attributes:
        share: nanoseconds of CPU time it may use in a period.
        period: the last one of which some is used already; it may lie ahead.
        used: nanoseconds used of that.
        active: periods of which some was used, up to `period`.
        exhausted: those among them in which threads had to stand still.
    """

    def __init__(self, cores: float) -> None:
        self.share = max(int(cores * PERIOD), 1)
        self.period = -1
        self.used = 0
        self.active = 0
        self.exhausted = 0

    @property
    def cores(self) -> float:
        """The limit."""
        return self.share / PERIOD

    def take(self, work: int, now: int) -> int:
        """Nanoseconds from now until a piece of work is done that needs `work` of CPU time."""
        period = now // PERIOD
        if self.period < period:
            self.period, self.used = period, 0
            self.active += 1
        begins = max(now, self.period * PERIOD)
        left = self.share - self.used
        if work <= left:
            self.used += work
            return begins + work - now
        work -= left
        further = -(-work // self.share)
        self.period += further
        self.active += further
        self.exhausted += further
        self.used = work - (further - 1) * self.share
        return self.period * PERIOD + self.used - now

    def periods(self, now: int) -> tuple[int, int]:
        """How many periods until now were active, and in how many of them threads had to stand still."""
        ahead = max(self.period - now // PERIOD, 0)
        return max(self.active - ahead, 0), max(self.exhausted - ahead, 0)
