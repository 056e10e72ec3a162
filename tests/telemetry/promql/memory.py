"""A source of series for tests: a list in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.telemetry.matching import matches
from cluster_sim.telemetry.series import Matcher, Series


@dataclass
class MemorySource:
    """Series in a list, sorted by their labels as a real store has them."""

    series: Sequence[Series]

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        """The series that meet all conditions, with their samples of the span."""
        meets = matches(matchers)
        found = []
        for one in self.series:
            if meets(one.labels):
                low = int(np.searchsorted(one.times, start_ms, side="left"))
                high = int(np.searchsorted(one.times, end_ms, side="right"))
                if low < high:
                    found.append(Series(one.labels, one.times[low:high], one.values[low:high]))
        return found


def series(name: str, labels: Mapping[str, str], times: Sequence[int], values: Sequence[float]) -> Series:
    """A series from plain lists; times are milliseconds."""
    named = dict(sorted({"__name__": name, **labels}.items()))
    return Series(named, np.array(times, dtype=np.int64), np.array(values, dtype=np.float64))


def source(*found: Series) -> MemorySource:
    """A source of these series."""
    return MemorySource(sorted(found, key=lambda one: tuple(one.labels.items())))
