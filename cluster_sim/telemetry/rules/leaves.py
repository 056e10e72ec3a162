"""The steps of a plan that look at series: scraped and recorded ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from ...engine.replica import BUCKETS_S
from ..matching import matches
from ..series import is_stale
from .step import NOTHING, Labels, Step, Values, kept, unnamed, vector
from .want import Want

if TYPE_CHECKING:
    from ..recordings import Recordings
    from .recent import Recent


class Scraped(Step):
    """Scraped series that a selector matches.

    Attributes:
        slots: where they are.
        changed_at: the evaluation at which what is seen there last changed.
    """

    span = 0
    """Nanoseconds over which growth is looked at; 0 for the values themselves."""

    def __init__(self, recent: Recent, want: Want) -> None:
        self.recent = recent
        self.want = want
        self._version = -1
        self.slots: list[int] = []
        self.changed_at = -1
        self._taken: list[float | None] = []
        self._values: Values = NOTHING

    def values(self) -> Values:
        recent = self.recent
        if recent.version != self._version:
            if recent.changed_since(self.want, self._version):
                found = list(recent.found(self.want))
                self.labels = kept(self.labels, [labels for labels, _ in found])
                self.slots = [slot for _, slot in found]
                self.changed_at = recent.now
                self._taken = []
                self._values = NOTHING
            self._version = recent.version
        if not self.slots:
            return NOTHING
        everything = recent.seen(self.span)
        taken = [everything[slot] for slot in self.slots]
        if taken != self._taken:
            self._taken = taken
            self.changed_at = recent.now
            self._values = self._computed(taken)
        return self._values

    def _computed(self, taken: list[float | None]) -> Values:
        return vector(taken)


class Growth(Scraped):
    """`rate` or `increase` of scraped series."""

    def __init__(self, recent: Recent, want: Want, span: int, per_s: float) -> None:
        super().__init__(recent, want)
        self.span = span
        self.per_s = per_s

    def _computed(self, taken: list[float | None]) -> Values:
        per_s = self.per_s
        return vector([None if value is None else value / per_s for value in taken])


class Quantile(Step):
    """`histogram_quantile(q, sum by (…, le) (rate(…_bucket[…])))`."""

    def __init__(self, q: float, buckets: Buckets) -> None:
        self.q = q
        self.buckets = buckets

    def values(self) -> Values:
        lines = self.buckets.lines()
        self.labels = self.buckets.labels
        return vector([None if line is None else quantile(self.q, line) for line in lines])


class Buckets:
    """Growth of histograms, added up by some labels; quantiles of the same are taken from it."""

    def __init__(self, recent: Recent, want: Want, span: int, by: tuple[str, ...]) -> None:
        self.recent = recent
        self.want = want
        self.span = span
        self.by = by
        self.labels: Sequence[Labels] = ()
        self._version = -1
        self._order = np.empty(0, dtype=np.intp)
        self._starts: list[int] = []
        self._groups: list[list[int]] = []
        self._growth: object = None
        self._lines: list[list[float] | None] = []

    def lines(self) -> list[list[float] | None]:
        """Cumulative counts of each group; None where it has none."""
        recent = self.recent
        if recent.version != self._version:
            if recent.changed_since(self.want, self._version):
                self._arrange()
            self._version = recent.version
        if not self._groups:
            return []
        growth = recent.growth(self.span)
        if growth is not self._growth:
            self._growth = growth
            sums = np.add.reduceat(growth.buckets[self._order], self._starts, axis=0)
            # A bucket may be extrapolated by less than the one before: counts are made to rise, as Prometheus does.
            lines = np.maximum.accumulate(sums, axis=1).tolist()
            there = growth.counters
            self._lines = [
                line if any(there[slot] is not None for slot in group) else None
                for line, group in zip(lines, self._groups, strict=True)
            ]
        return self._lines

    def _arrange(self) -> None:
        self._growth = None
        grouped: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for labels, slot in self.recent.found(self.want):
            grouped.setdefault(tuple((name, labels[name]) for name in self.by if name in labels), []).append(slot)
        self.labels = kept(self.labels, [dict(key) for key in grouped])
        self._groups = list(grouped.values())
        first = self.recent.first_histogram
        self._order = np.array([slot - first for group in self._groups for slot in group], dtype=np.intp)
        sizes = [len(group) for group in self._groups]
        self._starts = np.cumsum([0, *sizes[:-1]]).tolist() if sizes else []


def quantile(q: float, counts: Sequence[float]) -> float:
    """The q-quantile of a histogram, interpolated within a bucket; NaN of nothing.

    Source: prometheus 2.42, promql/quantile.go, bucketQuantile.
    """
    total = counts[-1]
    if not total:
        return nan
    rank = q * total
    bucket = bisect_left(counts, rank, 0, len(BUCKETS_S))
    if bucket == len(BUCKETS_S):
        return BUCKETS_S[-1]
    low, below = (BUCKETS_S[bucket - 1], counts[bucket - 1]) if bucket else (0.0, 0.0)
    return low + (BUCKETS_S[bucket] - low) * ((rank - below) / (counts[bucket] - below))


class Recorded(Step):
    """A selector of what a rule before has just recorded."""

    def __init__(self, source: Recording, want: Want) -> None:
        self.source = source
        self.accepts = want.accepts
        self._seen: Sequence[Labels] | None = None
        self._given: Values = NOTHING
        self._slots: list[int] | None = None
        self._values: Values = NOTHING

    def values(self) -> Values:
        given = self.source.values()
        if self.source.labels is not self._seen:
            self._seen = self.source.labels
            chosen = [slot for slot, labels in enumerate(self._seen) if self.accepts(labels)]
            self._slots = None if len(chosen) == len(self._seen) else chosen
            self.labels = self._seen if self._slots is None else [self._seen[slot] for slot in chosen]
            self._given = NOTHING
            self._values = NOTHING
        slots = self._slots
        if given is not self._given:
            self._given = given
            self._values = given if slots is None or not given else vector([given[slot] for slot in slots])
        return self._values


class Recording(Step):
    """What a recording rule stores: the series of its expression under its own name and labels.

    It is looked at by many and computed once per evaluation.

    Attributes:
        peak: the largest value at the last evaluation.
    """

    def __init__(self, recent: Recent, source: Step, labels: Labels) -> None:
        self.recent = recent
        self.source = source
        self.own = labels
        self.peak = inf
        self._at = -1
        self._seen: Sequence[Labels] | None = None
        self._values: Values = NOTHING

    def values(self) -> Values:
        if self._at != self.recent.now:
            self._at = self.recent.now
            self._values = self.source.values()
            self.peak = max([value for value in self._values if value is not None and value == value], default=-inf)
            if self.source.labels is not self._seen:
                self._seen = self.source.labels
                self.labels = [{**labels, **self.own} for labels in self._seen]
        return self._values


class SumOverTime(Step):
    """`sum_over_time` of recorded series."""

    def __init__(self, recordings: Recordings, recent: Recent, want: Want, span: int) -> None:
        self.recordings = recordings
        self.recent = recent
        self.want = want
        self.accepts = matches(want.matchers)
        self.span = span
        self._known = -1

    def values(self) -> Values:
        keys = self.recordings.named(self.want.name)
        if len(keys) != self._known:
            self._known = len(keys)
            self._series = [self.recordings.series[key] for key in keys if self.accepts(dict(key))]
            self.labels = [unnamed(dict(key)) for key in keys if self.accepts(dict(key))]
        since = self.recent.now - self.span
        return vector([_sum(values[bisect_left(times, since) :]) for times, values in self._series])


def _sum(values: Sequence[float]) -> float | None:
    total = sum(values)
    if total == total:
        return total if values else None
    array = np.array(values)
    kept = array[~is_stale(array)]
    return float(sum(kept.tolist())) if len(kept) else None
