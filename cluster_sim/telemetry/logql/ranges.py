"""What is counted over a span of time before each instant: `rate`, `count_over_time` and their like."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ...clock import SECOND
from .errors import QueryError
from .patience import Patience
from .rows import ERROR, ERROR_DETAILS, Row
from .selection import Seen
from .steps import condition_step, read
from .syntax import Grouping, RangeAggregation, Unwrap
from .vectors import Floats, Key, Line, check_size, projection

Instants = NDArray[np.int64]
"""Nanoseconds of Unix time, ascending."""

MOST_QUANTILES = 20_000
"""Windows of which a quantile may be asked (chosen: less than a second's work)."""

Samples = dict[Key, tuple[list[int], list[float]]]
"""Instants and values of the entries, by labels."""


def aggregate_range(
    source: Seen, node: RangeAggregation, instants: Instants, grouping: Grouping | None = None
) -> list[Line]:
    """The series of a range aggregation: at an instant t those entries count that are in (t - window, t].

    Args:
        grouping: of a sum over it, which is then done in passing.
    """
    shifted = instants - node.offset
    samples = _samples(source, node, int(shifted[0]) - node.window + 1, int(shifted[-1]), grouping or node.grouping)
    check_size(len(samples), len(instants))
    if node.operation == "quantile_over_time" and len(samples) * len(instants) > MOST_QUANTILES:
        raise QueryError(f"quantile_over_time is limited to {MOST_QUANTILES} values: take a longer step")
    return [_line(node, key, times, values, shifted) for key, (times, values) in samples.items()]


def _samples(source: Seen, node: RangeAggregation, first: int, last: int, grouping: Grouping | None) -> Samples:
    project = projection(grouping or Grouping(without=True))
    value_of = _value_of(node, source.patience)
    found: Samples = {}
    # Most rows share the labels of their stream, so the key is found once for each set of labels.
    known: dict[int, tuple[Mapping[str, str], tuple[list[int], list[float]]]] = {}
    for at, row in source.rows(source.all_entries(node.query.matchers, first, last), node.query.stages):
        value = value_of(row)
        if value is None:
            continue
        if ERROR in row.labels:
            raise _pipeline_error(row)
        if row.owned:
            times, values = found.setdefault(project(row.labels), ([], []))
        else:
            if id(row.labels) not in known:
                known[id(row.labels)] = (row.labels, found.setdefault(project(row.labels), ([], [])))
            times, values = known[id(row.labels)][1]
        times.append(at)
        values.append(value)
    return found


def _pipeline_error(row: Row) -> QueryError:
    error = row.labels[ERROR]
    shown = ", ".join(
        f'{name}="{value}"' for name, value in sorted(row.labels.items()) if name not in (ERROR, ERROR_DETAILS)
    )
    return QueryError(
        f"pipeline error: '{error}' for series: '{{{shown}}}'.\n"
        f'Use a label filter to intentionally skip this error. (e.g | __error__!="{error}").\n'
        'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
        'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n'
    )


def _value_of(node: RangeAggregation, patience: Patience) -> Callable[[Row], float | None]:
    """What an entry adds: 1, the bytes of its line, or the label that is unwrapped."""
    if node.unwrap is not None:
        return _unwrapped(node.unwrap, patience)
    if node.operation.startswith("bytes"):
        return lambda row: float(len(row.line) if row.line.isascii() else len(row.line.encode()))
    return lambda row: 1.0


def _unwrapped(unwrap: Unwrap, patience: Patience) -> Callable[[Row], float | None]:
    label = unwrap.label
    kind = "duration" if unwrap.conversion.startswith("duration") else unwrap.conversion or "number"
    unit = SECOND if kind == "duration" else 1
    conditions = [condition_step(condition, patience) for condition in unwrap.conditions]

    def value_of(row: Row) -> float | None:
        text = row.labels.get(label)
        if text is None:
            return None
        value = read(kind, text)
        del row.own()[label]
        if value is None:
            row.fail("SampleExtractionErr", f"{text[:80]!r} is no {kind}")
        passed = all(passes(row) for passes in conditions)
        return (value or 0.0) / unit if passed else None

    return value_of


def _line(node: RangeAggregation, key: Key, times: list[int], values: list[float], instants: Instants) -> Line:
    at = np.array(times, dtype=np.int64)
    weights = np.array(values, dtype=np.float64)
    order = at.argsort(kind="stable")
    at, weights = at[order], weights[order]
    begin = at.searchsorted(instants - node.window, "right")
    end = at.searchsorted(instants, "right")
    there = end > begin
    return Line(key, _windows(node, weights, begin, end, there), there)


def _windows(
    node: RangeAggregation, values: Floats, begin: NDArray[np.intp], end: NDArray[np.intp], there: NDArray[np.bool_]
) -> Floats:
    """The value of each window of entries; that of an empty one does not matter."""
    operation = node.operation
    if operation == "count_over_time":
        return (end - begin).astype(np.float64)
    if operation == "quantile_over_time":
        return _quantiles(node.parameter, values, begin, end, there)
    if operation in ("min_over_time", "max_over_time"):
        reduce = np.minimum if operation == "min_over_time" else np.maximum
        # Where a window is empty `reduceat` takes one value, and behind the last there must be one to take.
        bounds = np.column_stack((begin, end)).ravel()
        found: Floats = reduce.reduceat(np.append(values, 0.0), bounds)[::2]
        return found
    if operation in ("first_over_time", "last_over_time"):
        place = begin if operation == "first_over_time" else end - 1
        return values[np.where(there, place, 0)]
    sums = np.append(0.0, np.cumsum(values))
    total: Floats = sums[end] - sums[begin]
    if operation == "avg_over_time":
        total /= np.maximum(end - begin, 1)
    elif operation in ("rate", "bytes_rate"):
        total /= node.window / SECOND
    return total


def _quantiles(
    quantile: float, values: Floats, begin: NDArray[np.intp], end: NDArray[np.intp], there: NDArray[np.bool_]
) -> Floats:
    found = np.zeros(len(begin))
    for index in there.nonzero()[0]:
        window = values[begin[index] : end[index]]
        if 0 <= quantile <= 1:
            found[index] = np.quantile(window, quantile)
        else:
            found[index] = -np.inf if quantile < 0 else np.inf
    return found
