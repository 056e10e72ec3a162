"""Functions of range vectors that summarise a span's samples: the `*_over_time` family."""

from __future__ import annotations

import numpy as np

from .blocks import Windows
from .frames import Bools, Floats
from .rates import Compensated, Result


def count(spans: Windows) -> Result:
    return _same_for_all(spans, spans.count.astype(np.float64)), spans.count >= 1


def present(spans: Windows) -> Result:
    return _same_for_all(spans, np.ones(spans.count.size)), spans.count >= 1


def _same_for_all(spans: Windows, value: Floats) -> Floats:
    return np.broadcast_to(value, (len(spans.block.rows), value.size))


def last(spans: Windows) -> Result:
    return spans.block.values[:, spans.last], spans.count >= 1


def maximum(spans: Windows) -> Result:
    return _extreme(spans, np.fmax), spans.count >= 1


def minimum(spans: Windows) -> Result:
    return _extreme(spans, np.fmin), spans.count >= 1


def _extreme(spans: Windows, better: np.ufunc) -> Floats:
    """The best sample of each span; NaN only where there is nothing else.

    Extremes of spans of 1, 2, 4, … samples are enough: two of them, overlapping, cover any span.
    """
    level, width = spans.block.values, 1
    result = np.empty((level.shape[0], spans.low.size))
    low = spans.first
    while True:
        here = np.flatnonzero((spans.count >= width) & (spans.count < 2 * width))
        if here.size:
            second = low[here] + spans.count[here] - width
            result[:, here] = better(level[:, low[here]], level[:, second])
        if spans.longest < 2 * width:
            return result
        level = better(level[:, :-width], level[:, width:])
        width *= 2


def total(spans: Windows) -> Result:
    high, low = _sums(spans)
    return np.where(np.isfinite(high), high + low, high), spans.count >= 1


def mean(spans: Windows) -> Result:
    """The mean; of equal samples it is exactly their value, as Prometheus' running mean gives it."""
    if (np.abs(spans.block.values) > 1e300).any():
        return _running_mean(spans), spans.count >= 1
    high, low = _sums(spans)
    n = np.maximum(spans.count, 1).astype(np.float64)
    quotient = (high + low) / n
    product, rest = _product(quotient, n)
    corrected = quotient + ((high - product) - rest + low) / n
    return np.where(np.isfinite(corrected), corrected, quotient), spans.count >= 1


def _sums(spans: Windows) -> tuple[Floats, Floats]:
    """Sums of each span's samples, each as a number and what it lacks.

    Sums of 1, 2, 4, … samples, kept to twice the precision, are put together for each span: as precise as the
    compensated sums of Prometheus, in fewer steps.
    """
    high, low = spans.block.values, np.zeros_like(spans.block.values)
    result = np.zeros((high.shape[0], spans.low.size))
    lacking = np.zeros_like(result)
    begin = spans.first.copy()
    width = 1
    while width <= spans.longest:
        here = np.flatnonzero(spans.count & width)
        if here.size:
            index = begin[here]
            result[:, here], error = _two_sum(result[:, here], high[:, index])
            lacking[:, here] += error + low[:, index]
            begin[here] += width
        if 2 * width <= spans.longest:
            high, error = _two_sum(high[:, :-width], high[:, width:])
            low = low[:, :-width] + low[:, width:] + error
        width *= 2
    return result, lacking


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its rounding error. Source: Knuth's TwoSum."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its rounding error. Source: Dekker's product, splitting at 27 bits."""
    p = a * b
    a_high = a * 134217729.0
    a_high = a_high - (a_high - a)
    b_high = b * 134217729.0
    b_high = b_high - (b_high - b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def _running_mean(spans: Windows) -> Floats:
    """The mean of samples whose sum may overflow. Source: funcAvgOverTime of Prometheus 2.42."""
    running = Compensated((len(spans.block.rows), spans.low.size))
    for position, (value, _, inside) in enumerate(spans.each(), 1):
        stuck = np.isinf(running.total) & ((value == running.total) | np.isfinite(value))
        running.add(value / position - running.total / position, inside & ~stuck)
    return np.where(np.isinf(running.total), running.total, running.total + running.lost)


def variance(spans: Windows) -> Result:
    """Source: funcStdvarOverTime of Prometheus 2.42 (Welford's method, compensated)."""
    shape = (len(spans.block.rows), spans.low.size)
    average, squares = Compensated(shape), Compensated(shape)
    for position, (value, _, inside) in enumerate(spans.each(), 1):
        difference = value - (average.total + average.lost)
        average.add(difference / position, inside)
        squares.add(difference * (value - (average.total + average.lost)), inside)
    return (squares.total + squares.lost) / np.maximum(spans.count, 1), spans.count >= 1


def deviation(spans: Windows) -> Result:
    values, filled = variance(spans)
    return np.sqrt(values), filled


def quantile(spans: Windows, q: Floats) -> Result:
    """The q-quantile of each span, linear between neighbours."""
    result = np.full((len(spans.block.rows), spans.low.size), np.nan)
    for column in np.flatnonzero(spans.count >= 1):
        low = int(spans.low[column])
        inside = spans.block.values[:, low : low + int(spans.count[column])].T
        result[:, column] = quantiles(inside, np.ones_like(inside, dtype=bool), q[column])
    return result, spans.count >= 1


def quantiles(values: Floats, present: Bools, q: Floats | np.float64) -> Floats:
    """The q-quantile of what each column has, linear between neighbours; NaNs count as smallest.

    Source: quantile of Prometheus 2.42.
    """
    ordered = np.sort(np.where(present, values, np.nan), axis=0)
    size = present.sum(axis=0)
    # Sorting puts NaNs last; here they come first.
    missing = (present & np.isnan(values)).sum(axis=0)
    rank = np.clip(np.nan_to_num(q), 0, 1) * (size - 1)
    lower = np.maximum(0, np.floor(rank)).astype(np.int64)
    upper = np.maximum(0, np.minimum(size - 1, lower + 1))
    weight = rank - np.floor(rank)
    columns = np.arange(values.shape[1])
    below, above = (
        np.where(index < missing, np.nan, ordered[np.maximum(index - missing, 0), columns]) for index in (lower, upper)
    )
    result = below * (1 - weight) + above * weight
    result = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, result))
    return np.where(np.isnan(q), np.nan, result)
