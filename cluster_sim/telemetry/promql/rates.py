"""Functions of range vectors that compare a span's samples with each other: rates, changes, trends."""

from __future__ import annotations

import numpy as np

from .blocks import Windows
from .errors import failed
from .frames import Bools, Floats

Result = tuple[Floats, Bools]
"""Values (series × spans) and where there are any (spans, or series × spans)."""


def rate(spans: Windows) -> Result:
    return _extrapolated(spans, counter=True, per_second=True)


def increase(spans: Windows) -> Result:
    return _extrapolated(spans, counter=True, per_second=False)


def delta(spans: Windows) -> Result:
    return _extrapolated(spans, counter=False, per_second=False)


def _extrapolated(spans: Windows, *, counter: bool, per_second: bool) -> Result:
    """The difference of last and first sample, extended towards the ends of the span.

    Source: extrapolatedRate of Prometheus 2.42. A span that begins or ends within 1.1 mean intervals of a sample is
    taken as covered, otherwise half an interval is added; a counter is not extended to below zero.
    """
    values, times = spans.block.values, spans.block.times
    first, last, enough = spans.first, spans.last, spans.count >= 2
    first_values = values[:, first]
    result = values[:, last] - first_values
    if counter:
        result = _with_resets(spans, result)
    sampled_s = (times[last] - times[first]) / 1000
    interval_s = sampled_s / (spans.count - 1)
    to_start_s: Floats = (times[first] - spans.start_ms) / 1000
    to_end_s = (spans.end_ms - times[last]) / 1000
    threshold_s = interval_s * 1.1
    if counter:
        to_zero_s = sampled_s * (first_values / result)
        falls = (result > 0) & (first_values >= 0) & (to_zero_s < to_start_s)
        to_start_s = np.where(falls, to_zero_s, to_start_s)
    covered_s = sampled_s + np.where(to_start_s < threshold_s, to_start_s, interval_s / 2)
    covered_s = covered_s + np.where(to_end_s < threshold_s, to_end_s, interval_s / 2)
    factor = covered_s / sampled_s
    if per_second:
        factor = factor / (spans.range_ms / 1000)
    return result * factor, enough


def _with_resets(spans: Windows, differences: Floats) -> Floats:
    """The differences, with what counters had reached at each of their resets within the span added one by one."""
    values = spans.block.values
    lost = np.where(values[:, 1:] < values[:, :-1], values[:, :-1], 0.0)
    rows = np.flatnonzero(lost.any(axis=1))
    if not rows.size:
        return differences
    lost, sums = lost[rows], differences[rows]
    for position in range(spans.longest - 1):
        inside = spans.count > position + 1
        index = np.minimum(spans.low + position, lost.shape[1] - 1)
        sums += np.where(inside, lost[:, index], 0.0)
    differences[rows] = sums
    return differences


def irate(spans: Windows) -> Result:
    return _of_last_two(spans, per_second=True)


def idelta(spans: Windows) -> Result:
    return _of_last_two(spans, per_second=False)


def _of_last_two(spans: Windows, *, per_second: bool) -> Result:
    """The difference of the last two samples."""
    values, times = spans.block.values, spans.block.times
    last, enough = spans.last, spans.count >= 2
    previous = np.maximum(last - 1, 0)
    new, old = values[:, last], values[:, previous]
    difference = new - old
    if per_second:
        return np.where(new < old, new, difference) / ((times[last] - times[previous]) / 1000), enough
    return difference, enough


def changes(spans: Windows) -> Result:
    values = spans.block.values
    before, after = values[:, :-1], values[:, 1:]
    return _counted(spans, (after != before) & ~(np.isnan(after) & np.isnan(before)))


def resets(spans: Windows) -> Result:
    values = spans.block.values
    return _counted(spans, values[:, 1:] < values[:, :-1])


def _counted(spans: Windows, events: Bools) -> Result:
    """How many of the events between neighbouring samples lie within the span."""
    total = np.zeros(spans.block.values.shape)
    np.cumsum(events, axis=1, out=total[:, 1:])
    return total[:, spans.last] - total[:, spans.first], spans.count >= 1


def deriv(spans: Windows) -> Result:
    slope, _ = _regression(spans, spans.block.times[spans.first])
    return slope, spans.count >= 2


def predict_linear(spans: Windows, after_s: Floats) -> Result:
    slope, intercept = _regression(spans, spans.at_ms)
    return slope * after_s + intercept, spans.count >= 2


def _regression(spans: Windows, origin_ms: np.ndarray) -> tuple[Floats, Floats]:
    """Least squares of value over seconds since the origin: slope and intercept. Source: linearRegression of 2.42."""
    times = spans.block.times
    shape = (spans.block.values.shape[0], spans.low.size)
    n = spans.count.astype(np.float64)
    x_sum, xx_sum = Compensated(shape[1:]), Compensated(shape[1:])
    y_sum, xy_sum = Compensated(shape), Compensated(shape)
    initial = spans.block.values[:, spans.first]
    constant = np.ones(shape, dtype=bool)
    for y, index, inside in spans.each():
        constant &= (y == initial) | ~inside
        x = (times[index] - origin_ms) / 1e3
        x_sum.add(x, inside)
        xx_sum.add(x * x, inside)
        y_sum.add(y, inside)
        xy_sum.add(x * y, inside)
    sx, sxx, sy, sxy = (s.total + s.lost for s in (x_sum, xx_sum, y_sum, xy_sum))
    slope = (sxy - sx * sy / n) / (sxx - sx * sx / n)
    intercept = sy / n - slope * sx / n
    unbounded = np.isinf(initial)
    slope = np.where(constant, np.where(unbounded, np.nan, 0.0), slope)
    return slope, np.where(constant, np.where(unbounded, np.nan, initial), intercept)


class Compensated:
    """Kahan–Neumaier sums, many at once; source: kahanSumInc of Prometheus 2.42."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.total = np.zeros(shape)
        self.lost = np.zeros(shape)

    def add(self, value: Floats, inside: Bools) -> None:
        """Adds a value to each sum, where it belongs to it."""
        total = self.total + value
        larger = np.abs(self.total) >= np.abs(value)
        lost = np.where(larger, (self.total - total) + value, (value - total) + self.total)
        self.lost = np.where(inside, self.lost + lost, self.lost)
        self.total = np.where(inside, total, self.total)


def holt_winters(spans: Windows, smoothing: Floats, trend: Floats) -> Result:
    """Double exponential smoothing. Source: funcHoltWinters of Prometheus 2.42."""
    for name, factor in (("smoothing", smoothing), ("trend", trend)):
        wrong = ~((factor > 0) & (factor < 1))
        if wrong.any():
            limits = "0 < sf < 1" if name == "smoothing" else "0 < tf < 1"
            raise failed(f"invalid {name} factor. Expected: {limits}, got: {factor[wrong][0]:f}")
    level = spans.block.values[:, spans.first]
    second = spans.block.values[:, np.minimum(spans.first + 1, spans.block.times.size - 1)]
    slope = second - level
    previous = np.zeros_like(level)
    for position, (value, _, inside) in enumerate(spans.each()):
        if position == 0:
            continue
        if position > 1:
            slope = np.where(inside, trend * (level - previous) + (1 - trend) * slope, slope)
        smoothed = smoothing * value + (1 - smoothing) * (level + slope)
        previous = np.where(inside, level, previous)
        level = np.where(inside, smoothed, level)
    return level, spans.count >= 2
