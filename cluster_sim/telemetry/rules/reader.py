"""Reads the scrapes in sight for several evaluations at once."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...clock import SECOND, WINDOW
from .arrays import ABSENT, SIZE, Bools, Floats, Ints, ints
from .part import InBlock, InSight
from .sight import Piece, Sight

_NO_COUNTS = array("I", [0] * SIZE)


class Columns:
    """Columns of what is copied from the scrapes of all targets, one target after the other."""

    def __init__(self) -> None:
        self._parts: list[int] = []
        self._at: list[int] = []
        self.ends = [0]

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: Sequence[int]) -> None:
        """The columns of the next target."""
        self._parts += [len(self.ends) - 1] * len(at)
        self._at += at
        self.ends.append(len(self._at))

    def arrange(self, widths: Sequence[int], constants: int = 0) -> None:
        """Get ready, with so many columns of each target, and constants that are copied once after all of them."""
        self._parts += [len(widths)] * constants
        self._at += range(constants)
        parts = ints(self._parts)
        self._column = ints(self._at)
        self._width = ints([*widths, 0])[parts]
        self._before = np.cumsum([0, *widths], dtype=np.intp)[parts]

    def indices(self, first: int, rows: int) -> Ints:
        """Where they are from a row on, if so many rows are copied: rows × columns."""
        found: Ints = rows * self._before + self._column + np.arange(first, rows)[:, np.newaxis] * self._width
        return found


class Reader:
    """Reads the series of all targets in sight, one target after the other.

    Attributes:
        gauges, constants, counters, histograms: for each target where its series begin; then where all end.
        offset_s: of each counter and then of each bucket, seconds from the newest scrape to the evaluation.
        divisors: what these are divided by.
    """

    def __init__(self, targets: Sequence[InSight], sight: Sight) -> None:
        self._targets = targets
        self._gauges, self._counters, self._recorded = Columns(), Columns(), Columns()
        self._indices: tuple[int, int, Ints, Ints, Bools] | None = None
        self._widths: list[tuple[int, int]] = []
        self.gauges, self.counters = self._gauges.ends, self._counters.ends
        self.constants, self.histograms = [0], [0]
        constants: list[float] = []
        starts: list[int] = []
        divisors: list[float] = []
        offsets: list[float] = []
        for (part, _, _), blocks in zip(targets, sight.blocks, strict=True):
            block, before = blocks[0], len(self._recorded)
            if len(blocks) == 1:
                self._gauges.add(part.gauges)
                self._counters.add(part.counters)
                self._recorded.add(part.histograms)
                self._widths.append((block.width, block.histograms if part.histograms else 0))
                starts += [before + start for start in part.starts]
            else:  # they are read one by one; what is read here is overwritten
                self._gauges.add([0] * len(part.gauges))
                self._counters.add([0] * len(part.counters))
                self._recorded.add([0] * len(part.starts))
                self._widths.append((0, 0))
                starts += range(before, before + len(part.starts))
            constants += part.constants
            divisors += part.divisors
            offsets.append(-block.times[0] % WINDOW / SECOND)
            self.constants.append(len(constants))
            self.histograms.append(len(starts))
        widths, recorded = zip(*self._widths, strict=True) if targets else ((), ())
        self._gauges.arrange(widths, len(constants))
        self._counters.arrange(widths)
        self._recorded.arrange(recorded)
        self._starts = ints(starts)
        self._constants = array("d", constants)
        of_targets = np.array(offsets)
        buckets = of_targets.repeat(np.diff(self.histograms) * SIZE)
        self.offset_s = np.concatenate([of_targets.repeat(np.diff(self.counters)), buckets])
        self.divisors = np.concatenate([np.array(divisors), np.ones(len(buckets))])

    def read(self, sight: Sight, count: int, depth: int) -> tuple[Floats, Bools, Floats]:
        """Read everything for the last evaluations in sight.

        Args:
            count: how many they are.
            depth: how many evaluations back it is looked from each, this one included.

        Returns:
            For these evaluations the values of gauges and then constants, 0 where they are not there; whether they are
            there; for these evaluations and those that are looked back to, the counters and then the buckets of
            histograms, cumulative; `ABSENT` where they are not there.
        """
        rows = sight.rows
        values, counts, apart = self._copied(sight)
        if self._indices is None or self._indices[:2] != (rows, count):
            flat = [self._gauges.indices(rows - count, rows).ravel(), self._counters.indices(0, rows).ravel()]
            present = np.ones((count, self.gauges[-1] + self.constants[-1]), dtype=np.bool_)
            self._indices = (rows, count, np.concatenate(flat), self._recorded.indices(0, rows), present)
        *_, of_values, of_recorded, present = self._indices
        copied = np.frombuffer(values).take(of_values)
        gauges, counters = self.gauges[-1], self.counters[-1]
        now, single = copied[: present.size].reshape(present.shape), copied[present.size :].reshape(rows, counters)
        recorded = np.frombuffer(counts, dtype=np.uint32).reshape(-1, SIZE).take(of_recorded, axis=0)
        buckets = _cumulative(recorded, self._starts)
        if apart:
            present = present.copy()
        for number, pieces in apart:
            for first, ends in ((0, self.gauges), (gauges, self.constants)):
                slots = slice(first + ends[number], first + ends[number + 1])
                now[:, slots], present[:, slots] = 0.0, False
            single[:, self.counters[number] : self.counters[number + 1]] = ABSENT
            buckets[:, self.histograms[number] : self.histograms[number + 1]] = 0
            for piece, series in zip(pieces, self._targets[number].blocks, strict=True):
                self._read(number, piece, series, now, present, single, buckets)
        buckets[buckets[..., -1] == 0] = ABSENT  # without observations it is not there
        lines = np.empty((count + depth - 1, counters + self.histograms[-1] * SIZE))
        lines[:-rows] = ABSENT
        lines[-rows:, :counters] = single
        lines[-rows:, counters:] = buckets.reshape(rows, -1)
        return now, present, lines

    def _copied(self, sight: Sight) -> tuple[array[float], array[int], list[tuple[int, list[Piece]]]]:
        """Values and counts of all targets that are in one block, and the numbers and pieces of the others."""
        rows = sight.rows
        values, counts = array("d"), array("I")
        apart: list[tuple[int, list[Piece]]] = []
        for number, (blocks, end) in enumerate(zip(sight.blocks, sight.ends, strict=True)):
            width, recorded = self._widths[number]
            wide = recorded * SIZE
            if isinstance(end, int):
                block = blocks[0]
                values += block.values[(end - rows) * width : end * width]
                if wide:
                    counts += block.counts[(end - rows) * wide : end * wide]
            else:
                values.frombytes(bytes(8 * rows * width))
                counts.frombytes(bytes(4 * rows * wide))
                apart.append((number, end))
        values += self._constants
        values.append(0.0)  # for those of which nothing is copied
        counts += _NO_COUNTS
        return values, counts, apart

    def _read(
        self,
        number: int,
        piece: Piece,
        series: InBlock,
        now: Floats,
        present: Bools,
        counters: Floats,
        buckets: NDArray[np.int64],
    ) -> None:
        """Read the scrapes of one block of a target."""
        block, first, size, row = piece
        part = series.part
        recorded = np.array(block.values[first * block.width : (first + size) * block.width])
        recorded = recorded.reshape(size, block.width)
        rows = slice(row, row + size)
        earlier = len(counters) - len(now)
        late = slice(max(row - earlier, 0), row + size - earlier)
        if late.stop > 0 and part.gauges:
            numbers, columns = series.gauges
            into = numbers + self.gauges[number]
            now[late, into] = recorded[late.start - late.stop :, columns]
            present[late, into] = True
        if late.stop > 0 and part.constants:
            numbers, constants = series.constants
            into = numbers + (self.gauges[-1] + self.constants[number])
            now[late, into] = constants
            present[late, into] = True
        if part.counters:
            numbers, columns = series.counters
            counters[rows, numbers + self.counters[number]] = recorded[:, columns]
        if part.histograms:
            numbers, columns = series.histograms
            wide = block.histograms * SIZE
            counts = np.array(block.counts[first * wide : (first + size) * wide], dtype=np.uint32)
            taken = _cumulative(counts.reshape(size, -1, SIZE).take(columns, axis=1), part.starts)
            buckets[rows, numbers + self.histograms[number]] = taken


def _cumulative(counts: NDArray[np.uint32], starts: Ints | list[int]) -> NDArray[np.int64]:
    """The cumulative buckets of groups of histograms that begin there."""
    if counts.shape[1] != len(starts):
        counts = np.add.reduceat(counts, starts, axis=1)
    return counts.cumsum(axis=2, dtype=np.int64)
