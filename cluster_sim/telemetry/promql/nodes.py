"""The tree of a query: what the parser makes, and the evaluators and the rule engine walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..series import Matcher

Type = Literal["scalar", "vector", "matrix", "string"]
At = int | Literal["start", "end"] | None
"""The `@` modifier: Unix milliseconds, an end of the query's range, or none."""

Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number literal."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Series at one instant: `up{job="a"} offset 5m`.

    Attributes:
        matchers: all conditions, the one on `__name__` last as Prometheus has it.
        offset_ms: how long ago; negative looks forward.
    """

    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Series over a span that ends at the instant: `up[5m]`."""

    selector: Selector
    range_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subquery:
    """An expression over a span that ends at the instant: `rate(x[1m])[5m:15s]`; `step_ms` None is the default step."""

    expr: Expr
    range_ms: int
    step_ms: int | None
    offset_ms: int = 0
    at: At = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """An aggregation over series.

    Attributes:
        operator: `sum`, `topk`, …
        parameter: what `topk`, `bottomk`, `quantile` and `count_values` take.
        labels: those of `by`, or those of `without`.
    """

    operator: str
    expr: Expr
    parameter: Expr | None = None
    labels: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """How the two sides of a vector operation find each other.

    Attributes:
        labels: those of `on`, or else those of `ignoring`.
        include: labels that `group_left` or `group_right` copies from the "one" side.
    """

    cardinality: Cardinality = "one-to-one"
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """An operator between two expressions; `matching` matters where both are vectors, `as_bool` for comparisons."""

    operator: str
    left: Expr
    right: Expr
    matching: Matching = Matching()
    as_bool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """Unary minus."""

    expr: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Paren:
    """Parentheses."""

    expr: Expr


Expr = Number | Text | Selector | Range | Subquery | Call | Aggregate | Binary | Negative | Paren

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS = frozenset({"and", "or", "unless"})


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside one, in the order they are written."""
    match expr:
        case Range(selector=selector):
            return (selector,)
        case Subquery(expr=inner) | Negative(expr=inner) | Paren(expr=inner):
            return (inner,)
        case Call(arguments=arguments):
            return arguments
        case Aggregate(expr=inner, parameter=parameter):
            return (inner,) if parameter is None else (parameter, inner)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()


def bare(expr: Expr) -> Expr:
    """The expression without parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr
