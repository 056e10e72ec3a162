"""The scraped series of one cluster, read from the blocks of its targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..clock import MILLISECOND
from .index import COUNT_ROW, SUM_ROW, Entry, Index
from .metrics.spec import BOUNDS, Column, Kind, MetricSpec
from .series import NAME, STALE, Matcher, Series

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .recordings import Recordings
    from .scrape import Block, Target

Rows = NDArray[np.float64]

_SCRAPE_S, _SAMPLE_S = 0.001, 5e-6
"""Seconds that a scrape takes, and what each sample adds to it (chosen)."""


class MetricStore:
    """A source of everything that was scraped from a cluster, and of what its rules recorded.

    It holds nothing but an index, which is made when first needed; the samples are in the targets' blocks.
    """

    def __init__(self, cluster: Cluster, recordings: Recordings) -> None:
        self.cluster = cluster
        self.recordings = recordings
        self._index: Index | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": None}

    @property
    def generation(self) -> int:
        """Grows whenever series may have appeared or gone."""
        return self.cluster.scrapes.generation

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        """The series that meet every condition, with their samples of a span, both ends included.

        Raises:
            PatternError: a regular expression is not one.
        """
        epoch_ms = self.cluster.epoch_s * 1000
        window = Window((start_ms - epoch_ms) * MILLISECOND, (end_ms - epoch_ms) * MILLISECOND, self.cluster.epoch_s)
        found = (window.read(entry) for entry in self.entries(matchers))
        recorded = self.recordings.select(matchers, start_ms, end_ms, epoch_ms)
        return [series for series in (*found, *recorded) if len(series.times)]

    def entries(self, matchers: Sequence[Matcher]) -> list[Entry]:
        """The scraped series that meet every condition, whenever they had samples."""
        return self._indexed().find(matchers)

    def metadata(self) -> dict[str, tuple[str, str]]:
        """Type and help of every family that was scraped, by name."""
        specs = self._indexed().specs
        return {_family(spec): (spec.kind, spec.help) for spec in sorted(specs.values(), key=lambda spec: spec.name)}

    def targets(self) -> list[Target]:
        """The present targets of the scrape."""
        return [target for target in self.cluster.scrapes.targets if not target.ended]

    def _indexed(self) -> Index:
        index = self._index
        if index is None or index.generation != self.generation:
            index = self._index = Index(self.cluster.scrapes.targets, self.generation)
        return index


def _family(spec: MetricSpec) -> str:
    """A family's name in Prometheus' metadata, where a counter's ends in `_total`."""
    return spec.series if spec.kind == "counter" else spec.name


class Window:
    """Reads series within a span of simulated time; what they share is read once.

    Attributes:
        start, end: nanoseconds, both included.
    """

    def __init__(self, start: int, end: int, epoch_s: int) -> None:
        self.start = start
        self.end = end
        self.epoch_s = epoch_s
        self._timelines: dict[int, Timeline] = {}

    def read(self, entry: Entry) -> Series:
        """The samples of a series; it ends with a staleness marker where a scrape did not find it any more."""
        timeline = self._timelines.get(id(entry.target))
        if timeline is None:
            timeline = self._timelines[id(entry.target)] = Timeline(entry.target, self.start, self.end, self.epoch_s)
        times, values = timeline.read(entry)
        return Series(entry.labels, times, values)


class Timeline:
    """The scrapes of a target within a span, and the one before, from which it follows what ended at the first.

    Attributes:
        times: milliseconds of Unix time.
        shown: index of the first scrape within the span.
        blocks: (block, its rows, position of the first of them in `times`).
    """

    def __init__(self, target: Target, start: int, end: int, epoch_s: int) -> None:
        self.target = target
        self.epoch_s = epoch_s
        self.blocks: dict[int, tuple[int, int, int]] = {}
        instants: list[NDArray[np.int64]] = []
        position = 0
        self.shown = 0
        for block in target.blocks:
            times = np.array(block.times, dtype=np.int64)
            first = int(np.searchsorted(times, start, "left"))
            last = int(np.searchsorted(times, end, "right"))
            if first:  # what came before its last scrape ahead of the span does not matter
                instants, self.blocks, position, self.shown = [], {}, 0, 1
                first -= 1
                last = max(last, first + 1)
            if last > first:
                self.blocks[id(block)] = (first, last, position)
                instants.append(times[first:last])
                position += last - first
        if target.ended and start <= target.ended <= end:
            instants.append(np.array([target.ended], dtype=np.int64))
            position += 1
        joined = np.concatenate(instants) if instants else np.empty(0, dtype=np.int64)
        self.times = joined // MILLISECOND + epoch_s * 1000
        self._columns: dict[tuple[int, int], NDArray[np.float64]] = {}

    def read(self, entry: Entry) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times and values of a series, from the first scrape within the span."""
        count = len(self.times)
        values = np.full(count, STALE)
        present = np.zeros(count, dtype=np.bool_)
        for piece in entry.pieces:
            rows = self.blocks.get(id(piece.block))
            if rows is not None:
                first, last, at = rows
                part = slice(at, at + last - first)
                if piece.column is None:
                    values[part] = self._of_scrapes(entry.labels[NAME])[part]
                    present[part] = True
                else:
                    lines = self._column(piece.block, piece.column, first, last)
                    values[part] = lines[piece.bucket]
                    present[part] = lines[COUNT_ROW] > 0 if piece.column.kind is Kind.HISTOGRAM else True
        if present.all():
            return self.times[self.shown :], values[self.shown :]
        kept = present.copy()
        kept[1:] |= present[:-1]
        values[~present] = STALE
        kept[: self.shown] = False
        return self.times[kept], values[kept]

    def _column(self, block: Block, column: Column, first: int, last: int) -> Rows:
        """The values of a column in some rows of a block; of a histogram one line per series."""
        key = (id(block), id(column))
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = _values(block, column, first, last, self.epoch_s)
        return found

    def _of_scrapes(self, name: str) -> NDArray[np.float64]:
        """What every scrape knows of itself: whether it succeeded, how long it took, how many samples it got."""
        up = np.zeros(len(self.times))
        samples = np.zeros(len(self.times))
        for block in self.target.blocks:
            rows = self.blocks.get(id(block))
            if rows is not None and block.up:
                first, last, at = rows
                up[at : at + last - first] = 1.0
                if name != "up":
                    samples[at : at + last - first] = self._samples(block, first, last)
        match name:
            case "up":
                return up
            case "scrape_duration_seconds":
                return _SCRAPE_S + _SAMPLE_S * samples
            case "scrape_series_added":
                return np.maximum(np.diff(samples, prepend=0.0), 0)
            case _:
                return samples

    def _samples(self, block: Block, first: int, last: int) -> NDArray[np.float64]:
        """How many samples the target exposed at some scrapes."""
        samples = np.zeros(last - first)
        for column in self.target.exporter.columns(block.key):
            if column.kind is Kind.HISTOGRAM:
                counted = _values(block, column, first, last, self.epoch_s)[COUNT_ROW] > 0
                samples += (len(BOUNDS) + 2) * counted
            else:
                samples += 1
        return samples


def _values(block: Block, column: Column, first: int, last: int, epoch_s: int) -> Rows:
    count = last - first
    if column.kind is Kind.CONSTANT:
        return np.full((1, count), column.constant)
    if column.kind is Kind.VALUE:
        values: NDArray[np.float64] = _matrix(block, first, last)[:, column.at].sum(axis=1) / column.divisor
        return (values + epoch_s if column.since_epoch else values)[np.newaxis]
    size = len(BOUNDS)
    width = block.histograms * size
    counts = np.array(block.counts[first * width : last * width], dtype=np.float64).reshape(
        count, block.histograms, size
    )
    buckets: NDArray[np.float64] = counts[:, column.at, :].sum(axis=1)
    if column.kind is Kind.COUNT:
        total: NDArray[np.float64] = buckets.sum(axis=1)
        return total[np.newaxis]
    lines = np.empty((size + 2, count))
    lines[:size] = np.cumsum(buckets, axis=1).T
    lines[COUNT_ROW] = lines[size - 1]
    lines[SUM_ROW] = _matrix(block, first, last)[:, column.at].sum(axis=1) / 1e9
    return lines


def _matrix(block: Block, first: int, last: int) -> Rows:
    """The values of some scrapes, one a row."""
    return np.array(block.values[first * block.width : last * block.width]).reshape(last - first, block.width)
