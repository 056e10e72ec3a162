"""Where the series of a target are among those of all targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from ...clock import SECOND, WINDOW
from .feed import Feed, Row
from .want import Place

ABSENT = nan
"""What stands for a counter that is not there."""

_SLACK = {Place.GAUGE: 2, Place.COUNTER: 2, Place.HISTOGRAM: 3}
"""Slots left free beside a target's, for series that it may get; where it has any of a place (chosen)."""


class Region:
    """The slots of one target.

    Attributes:
        number: of its source.
        begin, room: by place.
        offset_s: seconds from the newest scrape to the evaluation.
        divisors: what its recorded counters are divided by.
    """

    def __init__(self, number: int, begin: Mapping[Place, int], feed: Feed) -> None:
        self.number = number
        self.begin = dict(begin)
        self.offset_s = -1.0
        self.divisors: list[float] = []
        self._no_counters: list[int] = []
        self._no_histograms: list[int] = []
        self.room = {place: len(ids) + _SLACK[place] if ids else 0 for place, ids in feed.slots.items()}

    def holds(self, feed: Feed) -> bool:
        """Whether there is room for all of a target's series."""
        return all(len(series) <= self.room[place] for place, series in feed.slots.items())

    def take(self, feed: Feed, now: int, depth: int) -> bool:
        """Be the region of these series; says whether its offset or its divisors are other ones than before."""
        before = self.offset_s, self.divisors
        self._sizes = {place: len(series) for place, series in feed.slots.items()}
        self.offset_s = feed.offset / SECOND
        self.divisors = self.padded(Place.COUNTER, feed.divisors(), 1.0)
        self._steady_since = now - feed.steadiness() * WINDOW
        self.doubt(now, depth)
        return before != (self.offset_s, self.divisors)

    # ------------------------------------------------------------ doubt

    def doubt(self, now: int, depth: int) -> None:
        """Something is not as it was: until it is out of sight, each series has to be looked at."""
        self._doubtful_until = now + (depth - 1) * WINDOW

    def doubtful(self, now: int) -> bool:
        """Whether a series may have been absent, or have begun again, at one of the last scrapes."""
        return now < self._doubtful_until

    def settles(self, now: int) -> bool:
        """Whether doubt ends now."""
        return now == self._doubtful_until

    def steady(self, now: int) -> int:
        """How many of the newest scrapes followed each other without a break."""
        return (now - self._steady_since) // WINDOW

    # ------------------------------------------------------------ slots

    def part(self, place: Place) -> slice:
        """Its slots of a place."""
        return slice(self.begin[place], self.begin[place] + self.room[place])

    def used(self, place: Place) -> slice:
        """Those of them that have a series."""
        return slice(self.begin[place], self.begin[place] + self._sizes[place])

    def free(self, place: Place) -> int:
        """How many have none."""
        return self.room[place] - self._sizes[place]

    def padded(self, place: Place, values: list[Any], value: Any) -> list[Any]:
        """Values of its series, and a value for the slots that have none."""
        return values + [value] * (self.room[place] - len(values))

    def settle(self, counters: Sequence[float], histograms: Row) -> None:
        """See which series are not there, as the newest scrape has it."""
        part = self.used(Place.COUNTER)
        self._no_counters = [slot for slot in range(part.start, part.stop) if isnan(counters[slot])]
        part = self.used(Place.HISTOGRAM)
        counts = histograms[part, -1].tolist() if part.start < part.stop else ()
        self._no_histograms = [slot for slot, count in enumerate(counts, part.start) if not count]

    def absent(self, first_histogram: int) -> Iterator[int]:
        """The slots of series that are known and not there since doubt ended; the histograms' after the counters'."""
        yield from self._no_counters
        for slot in self._no_histograms:
            yield first_histogram + slot


class Sums:
    """Of which recorded histograms those that are exposed are the sum.

    Some of one status are recorded apart, by reason.
    """

    def __init__(self) -> None:
        self._of: list[Sequence[tuple[int, ...]]] = []
        self._order = np.empty(0, dtype=np.intp)
        self._starts: list[int] | None = None

    def add(self) -> None:
        """Another target, without histograms so far."""
        self._of.append(())

    def set(self, number: int, histograms: Sequence[tuple[int, ...]]) -> None:
        """For each slot of a target, the numbers of its recorded histograms; none where the series is not there."""
        self._of[number] = histograms

    def arrange(self, recorded: Sequence[int]) -> None:
        """Get ready, with so many recorded histograms of each target; after all of them is an empty one."""
        nothing = sum(recorded)
        groups: list[list[int]] = []
        first = 0
        for histograms, count in zip(self._of, recorded, strict=True):
            groups += [[first + at for at in ats] or [nothing] for ats in histograms]
            first += count
        self._order = np.array([index for group in groups for index in group], dtype=np.intp)
        single = len(self._order) == len(groups)
        self._starts = None if single else np.cumsum([0, *(len(group) for group in groups[:-1])]).tolist()

    def of(self, recorded: Row) -> Row:
        """The exposed histograms by slot."""
        taken: Row = recorded[self._order]
        if self._starts is not None:
            taken = np.add.reduceat(taken, self._starts, axis=0)
        return taken
