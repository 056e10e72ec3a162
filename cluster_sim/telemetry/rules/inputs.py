"""The vectors of scraped series, added up by labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.replica import BUCKETS_S
from ..series import NAME
from .arrays import SIZE, Bools, Floats, ints
from .growth import Growth
from .needs import ALL, SAME
from .nodes import Input
from .part import InSight, Pairs
from .plan import Plan
from .reader import Reader
from .vector import Labels

Key = tuple[Any, ...]


class Groups:
    """Adds up series by group, one after the other in their order, so that absent ones make no difference.

    Attributes:
        size: values of a series: one, or a histogram's.
        members: the series.
        count: how many groups there are.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.members: list[int] = []
        self.count = 0
        self._group: list[int] = []
        self._cells = np.empty((0, 0), dtype=np.intp)

    def add(self, groups: Iterable[Sequence[int]]) -> None:
        """More groups, each given by its members."""
        for group in groups:
            self.members += group
            self._group += [self.count] * len(group)
            self.count += 1

    def sums(self, values: NDArray[Any]) -> Floats:
        """For each evaluation and each group the sum over its members, of all of which the values are given."""
        rows, width = len(values), self.count * self.size
        if not width:
            return np.zeros((rows, 0))
        if len(self._cells) != rows:
            cells = np.arange(0, rows * width, width)[:, np.newaxis] + ints(self._group) * self.size
            self._cells = cells if self.size == 1 else cells[..., np.newaxis] + np.arange(self.size)
        sums: NDArray[Any] = np.bincount(self._cells.ravel(), values.ravel(), rows * width)
        return sums.reshape(rows, width)


class Rates:
    """The growth of counters within one span, member by member of what is added up."""

    def __init__(self, span: int) -> None:
        self.span = span
        self.lines: list[int] = []
        self.per_s: list[float] = []

    def add(self, groups: Iterable[Sequence[int]], per_s: float) -> None:
        """More members."""
        before = len(self.lines)
        for group in groups:
            self.lines += group
        self.per_s += [per_s] * (len(self.lines) - before)

    def arrange(self, divisors: Floats) -> None:
        """Get ready."""
        self._lines = ints(self.lines)
        self._scale = divisors.take(self._lines) * np.array(self.per_s)

    def there(self, growth: Growth) -> Bools:
        """Which are there."""
        return growth.present.take(self._lines, axis=1)

    def values(self, growth: Growth) -> Floats:
        """Their values."""
        values = growth.values.take(self._lines, axis=1)
        values /= self._scale
        return values


class Quantiles:
    """Quantiles of the growth of histograms within one span."""

    def __init__(self, span: int) -> None:
        self.span = span
        self._buckets = Groups(SIZE)
        self._histograms = Groups()
        self._first: dict[int, int] = {}
        self._of: list[int] = []
        self._q: list[float] = []

    def add(self, one: Input, groups: Sequence[Sequence[int]]) -> None:
        """One more input; those of the same histograms have their sums in common."""
        first = self._first.get(one.feed)
        if first is None:
            first = self._first[one.feed] = self._buckets.count
            self._buckets.add(groups)
            self._histograms.add(groups)
        self._of += range(first, first + len(groups))
        self._q += [one.q] * len(groups)

    def arrange(self) -> int:
        """Get ready; says how many there are."""
        self._members = ints(self._buckets.members)
        self._lines = ints(self._of)
        self._rank = np.array(self._q)
        return len(self._q)

    def there(self, growth: Growth, first: int) -> Bools:
        """Which are there; the first histogram begins at that column."""
        counts = growth.present[:, first + SIZE - 1 :: SIZE].take(self._members, axis=1)
        return (self._histograms.sums(counts) > 0).take(self._lines, axis=1)

    def values(self, growth: Growth, first: int) -> Floats:
        """Their values."""
        count = len(growth.values)
        buckets = growth.values[:, first:].reshape(count, -1, SIZE).take(self._members, axis=1)
        counts = self._buckets.sums(buckets).reshape(count, -1, SIZE)
        # A bucket may be extrapolated by less than the one before: counts are made to rise, as Prometheus does.
        np.maximum.accumulate(counts, axis=2, out=counts)
        return quantiles(self._rank, counts.take(self._lines, axis=1))


_LOW = np.array([0.0, *BUCKETS_S])
_WIDTH = np.array([*np.diff(_LOW), 0.0])
"""Of the buckets: where they begin, and how wide they are. What is above all bounds is taken for the last of them."""


def quantiles(q: Floats, counts: Floats) -> Floats:
    """Quantiles of histograms, interpolated within a bucket; NaN of nothing.

    Source: prometheus 2.42, promql/quantile.go, bucketQuantile.

    Args:
        q: one for each histogram.
        counts: evaluations × histograms × cumulative buckets.
    """
    rank = q * counts[..., -1]
    bucket = (counts[..., :-1] < rank[..., np.newaxis]).sum(axis=2)
    bounds = np.zeros((*rank.shape, SIZE + 1))
    bounds[..., 1:] = counts
    at = bucket + np.arange(0, bounds.size, SIZE + 1).reshape(rank.shape)
    below = bounds.take(at)
    found: Floats = _LOW.take(bucket) + _WIDTH.take(bucket) * ((rank - below) / (bounds.take(at + 1) - below))
    return found


class Inputs:
    """The inputs of a plan, for the series in sight.

    Attributes:
        keys: for each input what tells its series apart: the labels by which they are added up, or all.
        count: how many series they have together.
    """

    def __init__(self, plan: Plan, targets: Sequence[InSight], reader: Reader) -> None:
        self._plan = plan
        groups = _groups(plan, targets, reader)
        self.keys = [tuple(groups[one.feed]) for one in plan.inputs]
        self._sums = Groups()
        self._averages: list[int] = []
        self._counts: list[int] = []
        self._rates: list[Rates] = []
        self._quantiles: list[Quantiles] = []
        for (quantile, span), inputs in groupby(plan.inputs, lambda one: (one.q > 0, one.span)):
            if quantile:
                self._quantiles.append(Quantiles(span))
            elif span:
                self._rates.append(Rates(span))
            for one in inputs:
                members = list(groups[one.feed].values())
                if quantile:
                    self._quantiles[-1].add(one, members)
                    continue
                if span:
                    self._rates[-1].add(members, one.per_s)
                first = self._sums.count
                self._sums.add(members)
                if one.operator != "sum":
                    into = self._averages if one.operator == "avg" else self._counts
                    into += range(first, self._sums.count)
        self._values = ints(self._sums.members[: len(self._sums.members) - sum(len(r.lines) for r in self._rates)])
        for rates in self._rates:
            rates.arrange(reader.divisors)
        self.count = self._sums.count + sum([one.arrange() for one in self._quantiles])
        self._first_histogram = reader.counters[-1]

    def series(self) -> tuple[tuple[Pairs, ...], ...]:
        """For each input, of each of its series the labels that make a difference."""
        found: list[tuple[Pairs, ...]] = []
        same: dict[frozenset[tuple[str, str]], str] = {}
        for one, needed, keys in zip(self._plan.inputs, self._plan.needs, self.keys, strict=True):
            by = self._plan.feeds[one.feed].by
            if not needed:
                found.append(((),) * len(keys))
            elif by is not None and SAME not in needed and (ALL in needed or needed.issuperset(by)):
                found.append(keys)
            else:
                found.append(tuple([self._needed(one, key, needed, same) for key in keys]))
        return tuple(found)

    def _needed(self, one: Input, key: Key, needed: Set[str], same: dict[frozenset[tuple[str, str]], str]) -> Pairs:
        labels = labels_of(self._plan, one, key)
        pairs = tuple([pair for pair in labels.items() if pair[0] in needed or ALL in needed])
        if SAME in needed:
            # Series are told apart by a number for each set of labels.
            alike = frozenset([pair for pair in labels.items() if pair[0] != NAME])
            pairs += ((SAME, same.setdefault(alike, str(len(same)))),)
        return pairs

    def there(self, present: Bools, growth: Mapping[int, Growth], into: Bools) -> Floats:
        """Find which series are there at each evaluation.

        Args:
            present: which scraped values are.
            growth: of counters, by span.
            into: takes the result.

        Returns:
            Of how many each is the sum.
        """
        members = [present.take(self._values, axis=1), *(one.there(growth[one.span]) for one in self._rates)]
        counts = self._sums.sums(np.concatenate(members, axis=1))
        quantiles = [one.there(growth[one.span], self._first_histogram) for one in self._quantiles]
        into[:] = np.concatenate([counts > 0, *quantiles], axis=1)
        return counts

    def values(self, now: Floats, growth: Mapping[int, Growth], counts: Floats, into: Floats) -> None:
        """Compute them for each evaluation; of those that are not there, anything.

        Args:
            now: scraped values.
            growth: of counters, by span.
            counts: of how many each is the sum.
            into: takes the result.
        """
        members = [now.take(self._values, axis=1), *(one.values(growth[one.span]) for one in self._rates)]
        sums = self._sums.sums(np.concatenate(members, axis=1))
        if self._averages:
            sums[:, self._averages] /= counts[:, self._averages]
        if self._counts:
            sums[:, self._counts] = counts[:, self._counts]
        end = self._sums.count
        into[:, :end] = sums
        for one in self._quantiles:
            found = one.values(growth[one.span], self._first_histogram)
            begin, end = end, end + found.shape[1]
            into[:, begin:end] = found


def _groups(plan: Plan, targets: Sequence[InSight], reader: Reader) -> list[dict[Key, list[int]]]:
    """For each feed the columns of the series that are added up, by labels; of histograms their numbers."""
    groups: list[dict[Key, list[int]]] = [{} for _ in plan.feeds]
    constants, histograms = reader.gauges[-1], reader.counters[-1] + SIZE - 1
    firsts = zip(reader.gauges, reader.constants, reader.counters, reader.histograms, strict=True)
    for (part, _, labels), (gauge, constant, counter, histogram) in zip(targets, firsts, strict=False):
        common = tuple(labels.items())
        for feed, key, members in part.groups:
            leaf, by, of_buckets = plan.feeds[feed]
            if by is None:
                key = (*key, common)
            columns = groups[feed].setdefault(key, [])
            if not leaf.ranged:
                columns += [gauge + one if one >= 0 else constants + constant + ~one for one in members]
            elif of_buckets:
                columns += [histogram + ~one for one in members]
            else:
                columns += [counter + one if one >= 0 else histograms + (histogram + ~one) * SIZE for one in members]
    for feed, by_key in enumerate(groups):
        # What is added up comes in the order of its labels; single series are in that of the targets.
        if plan.feeds[feed].by is not None:
            groups[feed] = {key: by_key[key] for key in sorted(by_key)}
    return groups


def labels_of(plan: Plan, one: Input, key: Key) -> Labels:
    """The labels of a series of an input."""
    if plan.feeds[one.feed].by is not None:
        return dict(key)
    name, own, common = key
    return {**({} if one.span else {NAME: name}), **dict(common), **dict(own)}
