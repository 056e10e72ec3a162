"""What the rules need of one target: which of its series, and how they are copied from its scrapes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...clock import WINDOW
from ..metrics.page import UP
from ..metrics.spec import BOUNDS, Column, Kind
from ..series import NAME
from .step import Labels
from .want import Place, Want, Wants

if TYPE_CHECKING:
    from ..scrape import Block, Target

Row = NDArray[np.float64]
Getter = Callable[[Sequence[float]], tuple[float, ...]]

SIZE = len(BOUNDS)
"""Buckets of a histogram."""

_ALWAYS_UP, _ALWAYS_DOWN = (Column(UP, UP.name, {}, Kind.CONSTANT, constant=value) for value in (1.0, 0.0))


class SeriesId(NamedTuple):
    """A series, or a histogram's whole set: the column's name, and the labels sorted by name."""

    name: str
    labels: tuple[tuple[str, str], ...]


class Found(NamedTuple):
    """A series that a selector matches: its labels, with the name where the selector is instant, and its slot."""

    labels: Labels
    place: Place
    slot: int


class Span(NamedTuple):
    """Consecutive rows of a block.

    Attributes:
        first: the first one.
        age: how many evaluations ago the first row was the newest one; the second row one less, and so on.
    """

    block: Block
    first: int
    size: int
    age: int


Memory = dict[tuple[str, tuple[tuple[str, str], ...]], tuple[SeriesId, list[tuple[Want, Place]]]]
"""What is known of a target's columns, by name and own labels: which series they are, and what looks at them."""


class Matched(NamedTuple):
    """The columns of a block that something looks at."""

    columns: dict[SeriesId, Column]
    found: list[tuple[SeriesId, list[tuple[Want, Place]]]]


class Feed:
    """The series of one target that the rules look at, as of its present block.

    Attributes:
        block: the one that is being written; None where the target was not scraped in the last interval.
        offset: nanoseconds from the newest scrape to the evaluation.
        spans: the scrapes that were the newest one at the last evaluations, oldest first.
        slots: the series by place, those first that are copied from a block's values.
        found: selector → its series, sorted by labels.
    """

    def __init__(self, target: Target, now: int, depth: int, wants: Wants, before: Feed | None) -> None:
        self.target = target
        self.depth = depth
        self.spans = list(_spans(target, now, depth))
        last = self.spans[-1] if self.spans else None
        self.block = last.block if last is not None and last.age + 1 == last.size else None
        self.offset = (now - last.block.times[last.first]) % WINDOW if last is not None else 0
        self._common: Labels = before._common if before is not None else {}
        self._memory: Memory = before._memory if before is not None else {}
        known = before._matched if before is not None else {}
        self._matched: dict[Block, Matched] = {}
        for span in self.spans:
            self._matched[span.block] = known.get(span.block) or self._match(span.block, wants)
        self._present = self._matched[self.block].columns if self.block is not None else {}
        self._arrange(before)

    def _match(self, block: Block, wants: Wants) -> Matched:
        exporter = self.target.exporter
        common = exporter.labels(block.key)
        if common != self._common:
            self._common = common
            self._memory = {}
        memory = self._memory
        matched = Matched({}, [])
        for column in (_ALWAYS_UP, *exporter.columns(block.key)) if block.up else (_ALWAYS_DOWN,):
            looking = wants.of_column(column)
            if not looking:
                continue
            key = (column.name, tuple(column.labels.items()))
            known = memory.get(key)
            if known is None:
                labels = {**common, **column.labels}
                series = SeriesId(column.name, tuple(sorted(labels.items())))
                found = [(want, want.place(column)) for want in looking if want.accepts(labels)]
                known = memory[key] = (series, found)
            if known[1]:
                matched.columns[known[0]] = column
                matched.found.append(known)
        return matched

    def _arrange(self, before: Feed | None) -> None:
        series: dict[Place, dict[SeriesId, None]] = {place: {} for place in Place}
        found: dict[Want, dict[SeriesId, Place]] = {}
        for matched in self._matched.values():
            for one, wants in matched.found:
                for want, place in wants:
                    series[place][one] = None
                    found.setdefault(want, {})[one] = place
        self.slots = {place: sorted(ids, key=self._order) for place, ids in series.items()}
        if before is not None:  # what stays where it was need not be looked for again
            stayed = [one for one in before.slots[Place.HISTOGRAM] if one in series[Place.HISTOGRAM]]
            self.slots[Place.HISTOGRAM] = list(dict.fromkeys([*stayed, *self.slots[Place.HISTOGRAM]]))
        slot = {(place, one): at for place, ids in self.slots.items() for at, one in enumerate(ids)}
        self.found = {
            want: [Found(_labels(one, want), place, slot[place, one]) for one, place in sorted(places.items())]
            for want, places in found.items()
        }

    def _copied(self, series: SeriesId) -> bool:
        """Whether a series is in the present block, and not always the same."""
        column = self._present.get(series)
        return column is not None and column.kind is not Kind.CONSTANT

    def _order(self, series: SeriesId) -> tuple[bool, SeriesId]:
        return not self._copied(series), series

    # ------------------------------------------------------------ the newest scrape

    def getter(self, place: Place) -> Getter | None:
        """Takes the values that are copied out of a block's, for its last row."""
        copied = [self._present[series].at[0] for series in self.slots[place] if self._copied(series)]
        assert self.block is not None or not copied
        return _getter([at - self.block.width for at in copied]) if self.block is not None and copied else None

    def rest(self, place: Place, absent: Any) -> list[Any]:
        """The values that are not copied, which come after them: constants, and what is not there."""
        left = [series for series in self.slots[place] if not self._copied(series)]
        return [self._present[series].constant if series in self._present else absent for series in left]

    def divisors(self) -> list[float]:
        """By what recorded counters are divided."""
        everything: dict[SeriesId, Column] = {}
        for matched in self._matched.values():
            everything |= matched.columns
        return [everything[series].divisor for series in self.slots[Place.COUNTER]]

    def histograms(self) -> list[tuple[int, ...]]:
        """Of which recorded histograms each is the sum; of none where it is not there."""
        return [self._present[series].at if series in self._present else () for series in self.slots[Place.HISTOGRAM]]

    # ------------------------------------------------------------ the scrapes before

    def past_counters(self) -> Row:
        """The counters at the last evaluations, a line each, the newest first; NaN where they were not there."""
        wanted = self.slots[Place.COUNTER]
        rows = np.full((self.depth, len(wanted)), np.nan)
        for block, first, size, age in self.spans if wanted else ():
            if block.up:
                columns = self._matched[block].columns
                values = np.array(block.values[first * block.width : (first + size) * block.width])
                matrix = values.reshape(size, block.width)
                for slot, series in enumerate(wanted):
                    if series in columns:
                        rows[age - size + 1 : age + 1, slot] = matrix[::-1, columns[series].at[0]]
        return rows

    @cached_property
    def past_histograms(self) -> Row:
        """The cumulative buckets at the last evaluations, the newest first; zeros where they were not there."""
        wanted = self.slots[Place.HISTOGRAM]
        rows = np.zeros((self.depth, len(wanted), SIZE))
        for block, first, size, age in self.spans if wanted else ():
            if block.up:
                columns = self._matched[block].columns
                width = block.histograms * SIZE
                counts = np.array(block.counts[first * width : (first + size) * width], dtype=np.float64)
                buckets = counts.reshape(size, block.histograms, SIZE).cumsum(axis=2)[::-1]
                for slot, series in enumerate(wanted):
                    if series in columns:
                        for at in columns[series].at:
                            rows[age - size + 1 : age + 1, slot] += buckets[:, at]
        return rows

    def steadiness(self) -> int:
        """How many of the newest scrapes followed each other without a break: up, no series gone, none begun again."""
        steady = 0
        newer: Block | None = None
        for block, _, size, age in reversed(self.spans):
            if age - size + 1 != steady or not block.up:
                break
            if newer is not None:
                gone = self._matched[block].columns.keys() - self._matched[newer].columns.keys()
                if gone or (self.past_histograms[steady - 1] < self.past_histograms[steady]).any():
                    break
            steady = age + 1
            newer = block
        return steady


def _labels(series: SeriesId, want: Want) -> Labels:
    labels = dict(series.labels)
    return labels if want.ranged else {NAME: series.name, **labels}


def _getter(offsets: list[int]) -> Getter:
    if len(offsets) == 1:
        (offset,) = offsets
        return lambda values: (values[offset],)
    taken: Getter = itemgetter(*offsets)
    return taken


def _spans(target: Target, now: int, depth: int) -> Iterator[Span]:
    """The scrapes of the last intervals up to `now`, block by block, oldest first."""
    spans: list[Span] = []
    for block in reversed(target.blocks):
        times = block.times
        last = first = bisect_right(times, now)
        while first and (now - times[first - 1]) // WINDOW < depth:
            first -= 1
        if first < last:
            spans.append(Span(block, first, last - first, (now - times[first]) // WINDOW))
        if first:
            break
    return reversed(spans)
