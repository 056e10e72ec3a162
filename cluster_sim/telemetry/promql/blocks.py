"""Series that were sampled at the same instants, as one matrix; the windows and single samples that queries take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..series import is_stale
from .frames import Bools, Floats, Ints


@dataclass(slots=True)
class Block:
    """Series with the same sampling instants; one target's series are one block.

    Attributes:
        rows: which series these are.
        times: milliseconds, ascending.
        values: series × times.
    """

    rows: list[int]
    times: Ints
    values: Floats


@dataclass(slots=True)
class Windows:
    """A span of a block's samples for each instant of a query.

    Attributes:
        block: the samples.
        low: index of each span's first sample.
        count: how many samples each span has.
        start_ms, end_ms: the span itself, both ends as asked for.
        at_ms: the instants of the query.
        range_ms: length of the span.
    """

    block: Block
    low: Ints
    count: Ints
    start_ms: Ints
    end_ms: Ints
    at_ms: Ints
    range_ms: int

    @property
    def longest(self) -> int:
        return int(self.count.max(initial=0))

    @property
    def first(self) -> Ints:
        """Index of each span's first sample; any index where the span is empty."""
        return np.minimum(self.low, self.block.times.size - 1)

    @property
    def last(self) -> Ints:
        """Index of each span's last sample; any index where the span is empty."""
        index: Ints = np.maximum(self.low + self.count - 1, 0)
        return index

    def each(self) -> Iterator[tuple[Floats, Ints, Bools]]:
        """First sample of all spans, second of all, …: values (series × spans), indices, and which spans have one."""
        top = self.block.times.size - 1
        for position in range(self.longest):
            index = np.minimum(self.low + position, top)
            yield self.block.values[:, index], index, self.count > position


def gathered(series: Iterable[tuple[Ints, Floats]]) -> list[Block]:
    """Series grouped by their sampling instants; series without samples are left out."""
    groups: dict[bytes, tuple[Ints, list[int], list[Floats]]] = {}
    for row, (times, values) in enumerate(series):
        if not times.size:
            continue
        key = times.tobytes()
        group = groups.get(key)
        if group is None:
            group = groups[key] = (np.ascontiguousarray(times), [], [])
        group[1].append(row)
        group[2].append(values)
    return [Block(rows, times, np.array(values, dtype=np.float64)) for times, rows, values in groups.values()]


def without_stale(blocks: list[Block]) -> list[Block]:
    """The blocks without staleness markers, as range selectors see series."""
    kept: list[Block] = []
    ended: list[tuple[int, Ints, Floats]] = []
    for block in blocks:
        stale = is_stale(block.values)
        if not stale.any():
            kept.append(block)
            continue
        marked = stale.any(axis=1)
        whole = np.flatnonzero(~marked)
        if whole.size:
            kept.append(Block([block.rows[row] for row in whole], block.times, block.values[whole]))
        for row in np.flatnonzero(marked):
            keep = ~stale[row]
            ended.append((block.rows[row], block.times[keep], block.values[row, keep]))
    regrouped = gathered((times, values) for _, times, values in ended)
    return kept + [Block([ended[row][0] for row in block.rows], block.times, block.values) for block in regrouped]


def windows(block: Block, end_ms: Ints, range_ms: int, at_ms: Ints, left_open: bool) -> Windows:
    """The spans of `range_ms` that end at each of `end_ms`; Prometheus 3 leaves a sample at the very start out."""
    start_ms = end_ms - range_ms
    low = np.searchsorted(block.times, start_ms, side="right" if left_open else "left")
    high = np.searchsorted(block.times, end_ms, side="right")
    return Windows(block, low, np.maximum(high - low, 0), start_ms, end_ms, at_ms, range_ms)


def latest(block: Block, end_ms: Ints, lookback_ms: int, left_open: bool) -> tuple[Ints, Bools]:
    """Index of the newest sample at each instant, and where it is recent enough; staleness is looked at later."""
    index = np.searchsorted(block.times, end_ms, side="right") - 1
    oldest = end_ms - lookback_ms
    times = block.times[index]
    recent = times > oldest if left_open else times >= oldest
    return np.maximum(index, 0), (index >= 0) & recent
