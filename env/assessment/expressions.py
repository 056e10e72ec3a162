"""PromQL expressions as they are compared, and what they yield in a world at an instant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from cluster_sim import Cluster, Matcher, promql, unix_ms

from .pods import OF_ONE_POD
from .sights import Asked

_NATURAL = {(operator, 0.0) for operator in ("==", "!=", ">", "<", ">=", "<=")} | {("==", 1.0), ("!=", 1.0)}
"""Comparisons that nobody can choose so that they just hold: with nothing, and of what is 0 or 1."""

_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_FUNCTIONS = frozenset(
    {"rate", "irate", "increase", "changes", "resets", "histogram_quantile", "abs", "sort", "sort_desc"}
    | {f"{name}_over_time" for name in ("avg", "min", "max", "sum", "count", "last", "quantile", "present")}
)
_AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count", "group", "topk", "bottomk", "quantile"})


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a question yields.

    Attributes:
        empty: no value at all.
        largest: the value that is farthest from zero; None where none is finite.
    """

    empty: bool
    largest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of several worlds, and of one at several instants.

    Attributes:
        least: of a counter, values up to this are as good as none, and none is as good as 0: one event tells nothing;
            0 for what is no counter.
    """

    node: promql.Expr
    last_s: float | None = None
    step_s: float = 15.0
    least: float = 0.0

    def read(self, cluster: Cluster, at: int) -> Reading | None:
        """The answer of a world at an instant up to its now; None where there is none."""
        at_ms = unix_ms(at, cluster.epoch_s)
        try:
            if self.last_s is None:
                value = promql.evaluate(cluster.metrics, self.node, at_ms)
            else:
                start_ms = at_ms - round(self.last_s * 1000)
                value = promql.evaluate_range(cluster.metrics, self.node, start_ms, at_ms, round(self.step_s * 1000))
        except promql.QueryError:
            return None
        match value:
            case promql.Vector():
                return reading([sample.value for sample in value.samples])
            case promql.Matrix():
                return reading([float(figure) for series in value.series for figure in series.values.tolist()])
        return None

    def alike(self, one: Reading, other: Reading, factor: float) -> bool:
        """Whether two answers are both empty, or their largest values within a factor of each other."""
        if (one.empty or other.empty) and not self.least:
            return one.empty and other.empty
        first, second = one.largest, other.largest
        if not self.least and (first is None or second is None):
            return first is None and second is None
        low, high = sorted((abs(first or 0.0), abs(second or 0.0)))
        return ((first or 0.0) < 0) == ((second or 0.0) < 0) and high <= factor * max(low, self.least)


def reading(values: Sequence[float]) -> Reading:
    """Of some values."""
    finite = [value for value in values if math.isfinite(value)]
    return Reading(empty=not values, largest=max(finite, key=abs) if finite else None)


# ---------------------------------------------------------------- queries


@lru_cache(maxsize=512)
def normal(expression: str) -> promql.Expr | None:
    """An expression so that two ways to write the same compare equal; None if it is not PromQL."""
    try:
        plain: promql.Expr = _rewritten(promql.parse(expression))
    except promql.QueryError:
        return None
    return plain


def same(one: str, other: str) -> bool:
    """Whether two expressions are the same query."""
    return normal(one) is not None and normal(one) == normal(other)


def _rewritten(node: Any) -> Any:
    """A tree without parentheses, which its shape makes needless, and with conditions in order."""
    if isinstance(node, promql.Paren):
        return _rewritten(node.expr)
    if isinstance(node, promql.Selector):
        return replace(node, matchers=tuple(sorted(node.matchers, key=lambda it: (it.label, it.operator, it.value))))
    if isinstance(node, tuple):
        return tuple(_rewritten(part) for part in node)
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{field.name: _rewritten(getattr(node, field.name)) for field in fields(node)})
    return node


@lru_cache(maxsize=512)
def of_query(asked: Asked) -> Question | None:
    """A query as it is asked of the worlds of twins: of whichever pod, and without thresholds, which could be chosen so
    that they just hold here; None if it is no measurement but a calculation, in which small differences can be made
    large, or is about a fixed time of the day."""
    plain = normal(asked.expression)
    measured = None if plain is None else _measured(plain)
    if measured is None:
        return None
    return Question(node=measured, last_s=asked.last_s, step_s=asked.step_s)


def _measured(node: promql.Expr) -> promql.Expr | None:
    """A measurement, a ratio of two, or one compared with a number; under whatever label, and if others hold too."""
    if isinstance(node, promql.Call) and node.function == "label_replace":
        return _measured(node.arguments[0])
    if not isinstance(node, promql.Binary):
        return _plain(node)
    left, right = node.left, node.right
    numbers = isinstance(left, promql.Number) or isinstance(right, promql.Number)
    filtered = node.operator in _COMPARISONS and not node.as_bool and not numbers
    if node.operator in ("and", "unless") or filtered:
        return _measured(left)  # its value is the answer
    if isinstance(left, promql.Number):
        return _measured(right) if node.operator in _COMPARISONS else None
    if isinstance(right, promql.Number):
        kept = (node.operator, right.value) in _NATURAL and not isinstance(left, promql.Binary)
        inner = _measured(left) if node.operator in _COMPARISONS and not node.as_bool else None
        return replace(node, left=inner) if kept and inner is not None else inner
    above, below = _plain(left), _plain(right)
    if node.operator != "/" or above is None or below is None:
        return None
    return replace(node, left=above, right=below)


def _plain(node: promql.Expr) -> promql.Expr | None:
    """A measurement: something counted or measured, or a share, over time or not, of one or added up over many."""
    match node:
        case promql.Selector(at=None) if node.offset_ms >= 0:
            return replace(node, matchers=tuple(it for it in node.matchers if it.label not in OF_ONE_POD))
        case promql.Range(selector=selector):
            inner = _plain(selector)
            return replace(node, selector=inner) if isinstance(inner, promql.Selector) else None
        case promql.Aggregate(expr=expr, parameter=None | promql.Number()) if node.operator in _AGGREGATIONS:
            of_two = isinstance(expr, promql.Binary) and expr.operator in (*_COMPARISONS, "/")
            inner = _measured(expr) if of_two else _plain(expr)
            return None if inner is None else replace(node, expr=inner)
        case promql.Call(function=function) if function in _FUNCTIONS:
            told = [it if isinstance(it, promql.Number) else _plain(it) for it in node.arguments]
            arguments = tuple(it for it in told if it is not None)
            return replace(node, arguments=arguments) if len(arguments) == len(told) else None
    return None


# ---------------------------------------------------------------- detailed metrics


@lru_cache(maxsize=512)
def of_metric(name: str, service: str) -> tuple[Question, ...]:
    """A detailed metric of a service, `name{label="value"}`, as it is asked of worlds: where it is told by pod the
    largest, else the sum; by the service's own label, or without if that finds nothing."""
    plain = normal(name)
    selector = None if plain is None else _plain(plain)
    if not isinstance(selector, promql.Selector):
        return ()
    operator = "max" if 'pod="' in name else "sum"
    least = 1.0 if name.partition("{")[0].endswith(("_total", "_count", "_sum")) else 0.0
    of_it = replace(selector, matchers=(*selector.matchers, Matcher("service", "=", service)))
    return tuple(
        Question(node=promql.Aggregate(operator=operator, expr=expr), least=least) for expr in (of_it, selector)
    )
