"""The answers to queries: entries of streams, or series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..series import Matcher
from .errors import QueryError
from .ranges import Instants, aggregate_range
from .rows import Row
from .selection import Seen
from .source import LogSource
from .syntax import Binary, Expression, LogQuery, Metric, Number, RangeAggregation, Vector, VectorAggregation
from .vectors import MOST_SERIES, Floats, Line, Value, aggregate, check_size, combine

MOST_STEPS = 11_000
"""Steps of a range query; source: Loki, pkg/loghttp/query.go."""

MOST_POINTS = 500_000
"""Values in the answer to a range query (chosen: what is written within a second)."""

Labels = Mapping[str, str]
_SUMMED = ("rate", "count_over_time", "bytes_rate", "bytes_over_time", "sum_over_time")


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What it took to answer: entries read, the bytes of their lines, and entries returned."""

    lines: int
    size: int
    returned: int = 0


@dataclass(frozen=True, kw_only=True)
class Streams:
    """The answer to a log query.

    Attributes:
        streams: labels, and the entries that have them (nanoseconds of Unix time, line) in the order asked for.
    """

    streams: Sequence[tuple[Labels, Sequence[tuple[int, str]]]]
    statistics: Statistics


@dataclass(frozen=True, kw_only=True)
class Series:
    """The answer to a metric query.

    Attributes:
        kind: `vector` or `scalar` at one instant, `matrix` for a range.
        series: labels, and the instants (nanoseconds of Unix time) with their values; a scalar is one without labels.
    """

    kind: Literal["vector", "scalar", "matrix"]
    series: Sequence[tuple[Labels, Sequence[tuple[int, float]]]]
    statistics: Statistics


Answer = Streams | Series


def logs(
    source: LogSource,
    query: LogQuery,
    *,
    first: int,
    last: int,
    limit: int = 100,
    newest_first: bool = True,
    interval: int = 0,
) -> Streams:
    """The entries from one instant to another, both included.

    Args:
        limit: how many at most: those that come first in the order asked for.
        interval: nanoseconds; an entry that follows another of its stream sooner is left out.
    """
    seen = Seen(source)
    found: dict[tuple[tuple[str, str], ...], tuple[Labels, list[tuple[int, str]]]] = {}
    left = limit
    keys: dict[int, tuple[Labels, tuple[tuple[str, str], ...]]] = {}
    if left > 0:
        entries = seen.entries(query.matchers, first, last, newest_first=newest_first)
        for at, row in seen.rows(entries, query.stages):
            stream = found.setdefault(_key(row, keys), (row.labels, []))[1]
            if interval and stream and abs(at - stream[-1][0]) < interval:
                continue
            stream.append((at, row.line))
            left -= 1
            if left == 0:
                break
    streams = [found[key] for key in sorted(found)]
    return Streams(
        streams=streams, statistics=Statistics(lines=seen.lines, size=seen.size, returned=max(limit, 0) - left)
    )


def _key(row: Row, known: dict[int, tuple[Labels, tuple[tuple[str, str], ...]]]) -> tuple[tuple[str, str], ...]:
    if row.owned:
        return tuple(sorted(row.labels.items()))
    if id(row.labels) not in known:
        known[id(row.labels)] = (row.labels, tuple(sorted(row.labels.items())))
    return known[id(row.labels)][1]


def size(source: LogSource, matchers: Sequence[Matcher], *, first: int, last: int) -> Statistics:
    """How much there is to read for a selector, as far as one query could read it."""
    seen = Seen(source)
    with suppress(QueryError):
        for _ in seen.entries(tuple(matchers), first, last):
            pass
    return _statistics(seen)


def at_instant(source: LogSource, query: Metric, at: int) -> Series:
    """A metric query at one instant."""
    seen = Seen(source)
    value = _evaluate(seen, query, np.array([at], dtype=np.int64))
    if not isinstance(value, list):
        return Series(kind="scalar", series=[({}, [(at, float(value[0]))])], statistics=_statistics(seen))
    lines = [line for line in value if line.there[0]]
    _check(lines)
    series = [(dict(line.key), [(at, float(line.values[0]))]) for line in _sorted(query, lines)]
    return Series(kind="vector", series=series, statistics=_statistics(seen))


def over_range(source: LogSource, query: Metric, *, start: int, end: int, step: int) -> Series:
    """A metric query at `start` and every `step` nanoseconds after it until `end`.

    Raises:
        QueryError: there would be too many steps, series or values.
    """
    if (end - start) // step > MOST_STEPS:
        raise QueryError(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step "
            "parameter"
        )
    seen = Seen(source)
    instants = np.arange(start, end + 1, step, dtype=np.int64)
    value = _evaluate(seen, query, instants) if len(instants) else []
    if not isinstance(value, list):
        value = [Line((), value, np.ones(len(instants), dtype=np.bool_))]
    lines = sorted((line for line in value if line.there.any()), key=lambda line: line.key)
    _check(lines)
    points = sum(int(line.there.sum()) for line in lines)
    if points > MOST_POINTS:
        raise QueryError(f"the result would have {points} values, more than {MOST_POINTS}: increase the step parameter")
    series = [
        (
            dict(line.key),
            list(zip(instants[line.there].tolist(), line.values[line.there].tolist(), strict=True)),
        )
        for line in lines
    ]
    return Series(kind="matrix", series=series, statistics=_statistics(seen))


def _statistics(seen: Seen) -> Statistics:
    return Statistics(lines=seen.lines, size=seen.size)


def _check(lines: Sequence[Line]) -> None:
    if len(lines) > MOST_SERIES:
        raise QueryError(f"maximum of series ({MOST_SERIES}) reached for a single query")


def _sorted(query: Expression, lines: list[Line]) -> list[Line]:
    """By labels, but what was sorted or chosen by value by that."""
    lines = sorted(lines, key=lambda line: line.key)
    if not isinstance(query, VectorAggregation) or query.operation not in ("sort", "sort_desc", "topk", "bottomk"):
        return lines
    falling = query.operation in ("sort_desc", "topk")
    return sorted(lines, key=lambda line: -line.values[0] if falling else line.values[0])


def _evaluate(source: Seen, node: Metric, instants: Instants) -> Value:
    match node:
        case Number():
            return _constant(node.value, instants)
        case Vector():
            return [Line((), _constant(node.value, instants), np.ones(len(instants), dtype=np.bool_))]
        case RangeAggregation():
            return aggregate_range(source, node, instants)
        case VectorAggregation():
            operand = node.operand
            if node.operation == "sum" and isinstance(operand, RangeAggregation) and operand.operation in _SUMMED:
                return aggregate_range(source, operand, instants, node.grouping)
            value = _evaluate(source, operand, instants)
            if not isinstance(value, list):
                raise QueryError(f"unexpected type for {node.operation}: a number")
            return aggregate(node, value)
        case Binary():
            left = _evaluate(source, node.left, instants)
            found = combine(node, left, _evaluate(source, node.right, instants))
            if isinstance(found, list):
                check_size(len(found), len(instants))
            return found


def _constant(value: float, instants: Instants) -> Floats:
    return np.full(len(instants), value)
