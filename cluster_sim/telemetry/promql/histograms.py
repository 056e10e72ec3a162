"""Quantiles of classic histograms: series of cumulative counts with their upper bounds in `le`."""

from __future__ import annotations

import numpy as np

from ..series import NAME
from .frames import Bools, Floats, Frame, Labels, empty
from .numerals import read


def histogram_quantile(q: Floats, frame: Frame) -> Frame:
    """The q-quantile of each histogram at each instant; series without a number in `le` are left out."""
    histograms: dict[Labels, list[tuple[float, int]]] = {}
    for row, labels in enumerate(frame.labels):
        bound = read(next((value for name, value in labels if name == "le"), ""))
        if bound is not None:
            rest = tuple([pair for pair in labels if pair[0] not in ("le", NAME)])
            histograms.setdefault(rest, []).append((bound, row))
    if not histograms:
        return empty(frame.values.shape[1])
    shape = (len(histograms), frame.values.shape[1])
    values, present = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for number, buckets in enumerate(histograms.values()):
        # NaN bounds sort first, as in Go.
        ordered = sorted(buckets, key=lambda bucket: (bucket[0] == bucket[0], bucket[0]))
        bounds = np.array([bound for bound, _ in ordered])
        rows = [row for _, row in ordered]
        filled = frame.present[rows]
        present[number] = filled.any(axis=0)
        for columns, members in _patterns(filled):
            if members.any():
                counts = frame.values[np.array(rows)[members]][:, columns]
                values[number, columns] = _quantile(q[columns], bounds[members], counts)
    return Frame(list(histograms), values, present)


def _patterns(filled: Bools) -> list[tuple[np.ndarray, Bools]]:
    """The instants at which the same buckets have a value, and which these are."""
    if filled.all():
        return [(np.arange(filled.shape[1]), filled[:, 0])]
    kinds, which = np.unique(filled, axis=1, return_inverse=True)
    return [(np.flatnonzero(which.ravel() == kind), kinds[:, kind]) for kind in range(kinds.shape[1])]


def _quantile(q: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Source: bucketQuantile of Prometheus 2.42. Counts are buckets × instants.

    The bucket of the wanted rank is found, and the value within it taken as evenly spread. The last bucket must
    be +Inf; its lower bound answers for it. A bucket that begins at or below 0 answers with its upper bound.
    """
    bounds, counts = _coalesced(bounds, counts)
    if bounds[-1] != np.inf or bounds.size < 2:
        value = np.full(q.size, np.nan)
    else:
        value = _within(q, bounds, _monotonic(counts))
    value = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, value))
    return np.where(np.isnan(q), np.nan, value)


def _within(q: Floats, bounds: Floats, counts: Floats) -> Floats:
    observations, top = counts[-1], bounds.size - 1
    columns = np.arange(q.size)
    rank = q * observations
    low, high = np.zeros(q.size, dtype=np.int64), np.full(q.size, top, dtype=np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        reached = counts[middle, columns] >= rank
        open_ = low < high
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    below = np.maximum(low - 1, 0)
    start = np.where(low > 0, bounds[below], 0.0)
    before = np.where(low > 0, counts[below, columns], 0.0)
    inside = start + (bounds[low] - start) * ((rank - before) / (counts[low, columns] - before))
    value = np.where((low == 0) & (bounds[0] <= 0), bounds[0], inside)
    value = np.where(low == top, bounds[-2], value)
    return np.where(observations == 0, np.nan, value)


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Buckets with the same bound as one: `1` and `1.0` may both be there while a version is rolled out."""
    starts = np.flatnonzero(np.concatenate([[True], bounds[1:] != bounds[:-1]]))
    if starts.size == bounds.size:
        return bounds, counts
    return bounds[starts], np.add.reduceat(counts, starts, axis=0)


def _monotonic(counts: Floats) -> Floats:
    """Counts that never fall: buckets are scraped one after the other, and rates are rounded."""
    if not np.isnan(counts).any():
        raised: Floats = np.maximum.accumulate(counts, axis=0)
        return raised
    result = counts.copy()
    most = counts[0].copy()
    for row in range(1, counts.shape[0]):
        higher, lower = result[row] > most, result[row] < most
        most = np.where(higher, result[row], most)
        result[row] = np.where(lower, most, result[row])
    return result
