"""Instant vectors at many instants at once, and the arithmetic on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import QueryError
from .syntax import Binary, Grouping, VectorAggregation

Floats = NDArray[np.float64]
Key = tuple[tuple[str, str], ...]
"""Labels, sorted by name."""

MOST_CELLS = 2_000_000
"""Values of an intermediate result (chosen: 16 MB)."""
MOST_SERIES = 500
"""Series of a result; source: Loki's limits_config, max_query_series."""


@dataclass(frozen=True)
class Line:
    """One series: a value at each instant.

    Attributes:
        there: at which instants it has one.
    """

    key: Key
    values: Floats
    there: NDArray[np.bool_]


Value = Floats | list[Line]
"""A scalar or a vector at each instant."""


def check_size(series: int, instants: int) -> None:
    """Raises QueryError where there would be too much to hold."""
    if series * instants > MOST_CELLS:
        raise QueryError(f"maximum of series ({MOST_SERIES}) reached for a single query")


def projection(grouping: Grouping) -> Callable[[Mapping[str, str]], Key]:
    """Which labels a grouping leaves."""
    listed = tuple(sorted(set(grouping.labels)))
    if grouping.without:
        hidden = frozenset(listed)
        return lambda labels: tuple(sorted(item for item in labels.items() if item[0] not in hidden))
    return lambda labels: tuple((name, labels[name]) for name in listed if name in labels)


# ------------------------------------------------------------ aggregation


def aggregate(node: VectorAggregation, lines: list[Line]) -> list[Line]:
    """An aggregation over the series of each group."""
    if node.operation in ("sort", "sort_desc"):
        return lines  # the last step of an instant query sorts
    groups: dict[Key, list[Line]] = {}
    project = projection(node.grouping)
    for line in lines:
        groups.setdefault(project(dict(line.key)), []).append(line)
    if node.operation in ("topk", "bottomk"):
        return [line for group in groups.values() for line in _extreme(node, group)]
    return [_reduced(node.operation, key, group) for key, group in groups.items()]


def _reduced(operation: str, key: Key, group: Sequence[Line]) -> Line:
    there = np.array([line.there for line in group])
    values = np.array([line.values for line in group])
    count = there.sum(axis=0)
    some = count > 0
    known = np.where(there, values, 0.0)
    with np.errstate(all="ignore"):
        match operation:
            case "sum":
                found = known.sum(axis=0)
            case "count":
                found = count.astype(np.float64)
            case "min":
                found = np.where(there, values, np.inf).min(axis=0)
            case "max":
                found = np.where(there, values, -np.inf).max(axis=0)
            case "avg":
                found = known.sum(axis=0) / count
            case _:
                mean = known.sum(axis=0) / count
                found = (np.where(there, values - mean, 0.0) ** 2).sum(axis=0) / count
                if operation == "stddev":
                    found = np.sqrt(found)
    return Line(key, found, some)


def _extreme(node: VectorAggregation, group: Sequence[Line]) -> Iterable[Line]:
    """The k series with the largest or smallest values, chosen anew at each instant."""
    sign = -1.0 if node.operation == "topk" else 1.0
    values = np.array([np.where(line.there, sign * line.values, np.nan) for line in group])
    # A NaN is sorted behind all numbers.
    place = values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    for rank, line in zip(place, group, strict=True):
        there = line.there & (rank < node.parameter)
        if there.any():
            yield Line(line.key, line.values, there)


# ------------------------------------------------------------ operators

_ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
_COMPARISON: Mapping[str, Callable[[Floats, Floats], NDArray[np.bool_]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}


def combine(node: Binary, left: Value, right: Value) -> Value:
    """A binary operator."""
    with np.errstate(all="ignore"):
        if isinstance(left, list) and isinstance(right, list):
            return _sets(node, left, right) if node.operator in ("and", "or", "unless") else _pairs(node, left, right)
        if isinstance(left, list):
            return [_result(node, line.key, line.values, right, line.values, line.there) for line in left]
        if isinstance(right, list):
            return [_result(node, line.key, left, line.values, line.values, line.there) for line in right]
        if node.operator in _ARITHMETIC:
            return _ARITHMETIC[node.operator](left, right)
        return _COMPARISON[node.operator](left, right).astype(np.float64)


def _result(node: Binary, key: Key, left: Value, right: Value, kept: Floats, there: NDArray[np.bool_]) -> Line:
    """`kept` is what a comparison that filters leaves."""
    assert not isinstance(left, list)
    assert not isinstance(right, list)
    if node.operator in _ARITHMETIC:
        return Line(key, _ARITHMETIC[node.operator](left, right), there)
    holds = _COMPARISON[node.operator](left, right)
    if node.yes_or_no:
        return Line(key, holds.astype(np.float64), there)
    return Line(key, kept, there & holds)


def _signature(node: Binary) -> Callable[[Key], Key]:
    project = projection(node.matching or Grouping(without=True))
    return lambda key: project(dict(key))


def _pairs(node: Binary, left: list[Line], right: list[Line]) -> list[Line]:
    """One to one, by the labels that must agree."""
    signature = _signature(node)
    partners: dict[Key, Line] = {}
    for line in right:
        key = signature(line.key)
        if key in partners:
            raise QueryError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        partners[key] = line
    found: dict[Key, Line] = {}
    for line in left:
        key = signature(line.key)
        partner = partners.get(key)
        if partner is None:
            continue
        if key in found:
            raise QueryError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        there = line.there & partner.there
        found[key] = _result(node, key, line.values, partner.values, line.values, there)
    return list(found.values())


def _sets(node: Binary, left: list[Line], right: list[Line]) -> list[Line]:
    signature = _signature(node)
    these, those = _presence(left, signature), _presence(right, signature)
    if node.operator == "or":
        extra = [(line, these.get(signature(line.key))) for line in right]
        return left + [
            line if seen is None else Line(line.key, line.values, line.there & ~seen) for line, seen in extra
        ]
    found = []
    for line in left:
        other = those.get(signature(line.key))
        if node.operator == "and" and other is not None:
            found.append(Line(line.key, line.values, line.there & other))
        elif node.operator == "unless":
            found.append(_outside(line, other))
    return found


def _outside(line: Line, seen: NDArray[np.bool_] | None) -> Line:
    return line if seen is None else Line(line.key, line.values, line.there & ~seen)


def _presence(lines: list[Line], signature: Callable[[Key], Key]) -> dict[Key, NDArray[np.bool_]]:
    """At which instants there is any series with a signature."""
    found: dict[Key, NDArray[np.bool_]] = {}
    for line in lines:
        key = signature(line.key)
        found[key] = line.there | found[key] if key in found else line.there
    return found
