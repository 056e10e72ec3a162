"""From a query's text to its tree; the only module that knows the grammar library."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import promql_parser as grammar

from ..matching import matches
from ..patterns import PatternError
from ..series import NAME, Matcher
from .errors import QueryError, bad
from .lexer import prepared
from .nodes import (
    COMPARISONS,
    Aggregate,
    At,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    Text,
)
from .signatures import AGGREGATORS, FUNCTIONS

DEEPEST = 200
"""Levels of the tree; evaluation is recursive. Chosen."""

MOST_MATCHERS = 64
"""Conditions of one selector; chosen."""

LONGEST_MS = 2**63 // 1_000_000
"""What a Go `time.Duration` holds, about 292 years."""

_MATRIX, _SCALAR, _VECTOR = grammar.ValueType.Matrix, grammar.ValueType.Scalar, grammar.ValueType.Vector

# A function of 2.42 that newer releases renamed.
grammar.register_extra_functions([grammar.Function("holt_winters", [_MATRIX, _SCALAR, _SCALAR], _VECTOR)])

_OPERATORS = {
    str(grammar.MatchOp.Equal): "=",
    str(grammar.MatchOp.NotEqual): "!=",
    str(grammar.MatchOp.Re): "=~",
    str(grammar.MatchOp.NotRe): "!~",
}
_CARDINALITIES: dict[str, Cardinality] = {
    str(grammar.VectorMatchCardinality.OneToOne): "one-to-one",
    str(grammar.VectorMatchCardinality.ManyToOne): "many-to-one",
    str(grammar.VectorMatchCardinality.OneToMany): "one-to-many",
    str(grammar.VectorMatchCardinality.ManyToMany): "many-to-many",
}


@functools.lru_cache(maxsize=512)
def parse(text: str) -> Expr:
    """The tree of a PromQL expression.

    Raises:
        QueryError: `bad_data` for what Prometheus 2.42 does not accept, or this evaluator does not know.
    """
    readable = prepared(text)
    try:
        return _converted(grammar.parse(readable), 0)
    except QueryError:
        raise
    except (ValueError, OverflowError, RecursionError) as error:
        raise bad(f"parse error: {error}") from None
    except BaseException as error:
        # The library's panics derive from BaseException.
        if type(error).__name__ != "PanicException":
            raise
        raise bad("parse error: the query cannot be parsed") from None


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The conditions of a series selector, as `match[]` takes it.

    Raises:
        QueryError: `bad_data` if it is anything else.
    """
    expr = parse(text)
    if not isinstance(expr, Selector) or expr.offset_ms or expr.at is not None:
        raise bad("parse error: expected a series selector")
    return expr.matchers


def formatted(text: str) -> str:
    """The expression laid out over lines.

    Raises:
        QueryError: `bad_data`, as `parse`.
    """
    parse(text)
    return str(grammar.parse(prepared(text)).prettify())


def selects(matchers: Sequence[Matcher]) -> Callable[[Mapping[str, str]], bool]:
    """Whether labels meet all conditions; a label that is missing is the empty string.

    Raises:
        QueryError: `bad_data` for a regular expression that is none.
    """
    try:
        return matches(matchers)
    except PatternError as error:
        raise bad(f"parse error: error parsing regexp: {error}") from None


def _converted(node: Any, depth: int) -> Expr:
    """Our own tree of the library's."""
    if depth > DEEPEST:
        raise bad("the query is nested too deeply")
    deeper = depth + 1
    match node:
        case grammar.NumberLiteral():
            return Number(value=node.val)
        case grammar.StringLiteral():
            return Text(value=node.val)
        case grammar.VectorSelector():
            return _selector(node)
        case grammar.MatrixSelector():
            return Range(selector=_selector(node.vector_selector), range_ms=_milliseconds(node.range))
        case grammar.SubqueryExpr():
            return Subquery(
                expr=_converted(node.expr, deeper),
                range_ms=_milliseconds(node.range),
                step_ms=None if node.step is None else _milliseconds(node.step),
                offset_ms=_milliseconds(node.offset),
                at=_at(node.at),
            )
        case grammar.Call():
            return _call(node, deeper)
        case grammar.AggregateExpr():
            return _aggregate(node, deeper)
        case grammar.BinaryExpr():
            return _binary(node, deeper)
        case grammar.UnaryExpr():
            return Negative(expr=_converted(node.expr, deeper))
        case grammar.ParenExpr():
            return Paren(expr=_converted(node.expr, deeper))
    raise bad(f"parse error: {type(node).__name__} is not supported")


def _selector(node: Any) -> Selector:
    if node.matchers.or_matchers:
        raise bad('parse error: unexpected "or" in label matching')
    matchers = [Matcher(m.name, _OPERATORS[str(m.op)], m.value) for m in node.matchers.matchers]
    if node.name is not None:
        matchers.append(Matcher(NAME, "=", node.name))
    if len(matchers) > MOST_MATCHERS:
        raise bad(f"parse error: more than {MOST_MATCHERS} label matchers")
    selects(matchers)
    return Selector(matchers=tuple(matchers), offset_ms=_milliseconds(node.offset), at=_at(node.at))


def _call(node: Any, depth: int) -> Call:
    name = node.func.name
    if name not in FUNCTIONS:
        raise bad(f'parse error: unknown function with name "{name}"')
    return Call(function=name, arguments=tuple(_converted(argument, depth) for argument in node.args))


def _aggregate(node: Any, depth: int) -> Aggregate:
    operator = str(node.op)
    if operator not in AGGREGATORS:
        raise bad(f'parse error: unknown function with name "{operator}"')
    modifier = node.modifier
    return Aggregate(
        operator=operator,
        expr=_converted(node.expr, depth),
        parameter=None if node.param is None else _converted(node.param, depth),
        labels=() if modifier is None else _names(modifier.labels),
        without=modifier is not None and str(modifier.type) == str(grammar.AggModifierType.Without),
    )


def _binary(node: Any, depth: int) -> Binary:
    operator = str(node.op)
    modifier = node.modifier
    matching = Matching(cardinality="many-to-many") if operator in ("and", "or", "unless") else Matching()
    if modifier is not None:
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise bad('parse error: unexpected "fill"')
        if modifier.return_bool and operator not in COMPARISONS:
            raise bad("parse error: bool modifier can only be used on comparison operators")
        on = modifier.matching is not None and str(modifier.matching.type) == str(grammar.LabelModifierType.Include)
        matching = Matching(
            cardinality=_CARDINALITIES[str(modifier.card)],
            on=on,
            labels=() if modifier.matching is None else _names(modifier.matching.labels),
            include=_names(modifier.group_labels or ()),
        )
    return Binary(
        operator=operator,
        left=_converted(node.lhs, depth),
        right=_converted(node.rhs, depth),
        matching=matching,
        as_bool=modifier is not None and modifier.return_bool,
    )


def _names(labels: Sequence[str]) -> tuple[str, ...]:
    """Label names once each, sorted: their order means nothing."""
    return tuple(sorted(set(labels)))


def _at(modifier: Any) -> At:
    if modifier is None:
        return None
    if str(modifier.type) == str(grammar.AtModifierType.Start):
        return "start"
    if str(modifier.type) == str(grammar.AtModifierType.End):
        return "end"
    # Milliseconds are exact in a datetime, but not in its float timestamp().
    return round(modifier.at.timestamp() * 1000)


def _milliseconds(duration: timedelta | None) -> int:
    if duration is None:
        return 0
    milliseconds = duration // timedelta(milliseconds=1)
    if abs(milliseconds) > LONGEST_MS:
        raise bad("parse error: duration out of range")
    return milliseconds
