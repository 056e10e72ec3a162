"""Expressions made into vectors: what a plan knows of PromQL.

What it does not know is left to the general evaluator: other functions than `rate`, `increase`, `histogram_quantile`
over a sum of rates and `sum_over_time` of recorded series; other aggregations than `sum`, `avg` and `count` by labels;
spans that are no multiple of the scrape interval; `offset` and `@`; other matching than one to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...clock import MILLISECOND, SECOND, WINDOW
from ..promql import Aggregate, Binary, Call, Expr, Number, Paren, Range, Selector, parse
from ..series import NAME
from .leaf import Leaf, Unsupported, leaf_of
from .nodes import Aggregation, And, Arithmetic, Input, Limit, Node, Or, Recorded, Scaled, SumOverTime
from .operators import ARITHMETIC, COMPARISONS
from .rule import RecordingRule, Rule

_AGGREGATIONS = frozenset({"sum", "avg", "count"})
_OF_ALERTS = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


class Outline(NamedTuple):
    """All of a rule that decides what it yields.

    Attributes:
        record: the name under which that is recorded; empty if it raises alerts.
        labels: added to what is recorded.
    """

    expr: str
    record: str
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, rule: Rule) -> Outline:
        """The outline of a rule."""
        if isinstance(rule, RecordingRule):
            return cls(rule.expr, rule.record, tuple(rule.labels.items()))
        return cls(rule.expr, "", ())


class Feed(NamedTuple):
    """Scraped series that are added up.

    Attributes:
        by: the labels by which; None if they are not.
        histograms: whether it is about the buckets of histograms.
    """

    leaf: Leaf
    by: tuple[str, ...] | None
    histograms: bool = False


class Compiler:
    """Makes vectors of expressions; equal expressions become one vector.

    Attributes:
        feeds: the scraped series that are looked at, with their numbers.
    """

    def __init__(self, rules: Sequence[Outline], refused: frozenset[object]) -> None:
        """For these rules, without some leaves and expressions."""
        self.feeds: dict[Feed, int] = {}
        self._refused = refused
        self._nodes: dict[Expr, Node] = {}
        self._names = _OF_ALERTS.union(rule.record for rule in rules if rule.record)
        self._recorded: dict[str, Recorded | None] = {}

    def rule(self, rule: Outline) -> Node | None:
        """What a rule yields; None where it cannot be planned. The rules come in their order."""
        node: Node | None
        try:
            node = self._node(parse(rule.expr))
        except Unsupported:
            node = None
        if not rule.record:
            return node
        if node is None or rule.record in self._recorded:
            # A second rule with the name adds to what the first recorded: not planned, nor what looks at it.
            self._recorded[rule.record] = None
            return None
        recorded = Recorded(source=node, labels={**dict(rule.labels), NAME: rule.record})
        self._recorded[rule.record] = recorded
        return recorded

    def _node(self, expr: Expr) -> Node:
        while isinstance(expr, Paren):
            expr = expr.expr
        node = self._nodes.get(expr)
        if node is None:
            if expr in self._refused:
                raise Unsupported(expr)
            node = self._nodes[expr] = self._made(expr)
        return node

    def _made(self, expr: Expr) -> Node:
        match expr:
            case Selector():
                leaf = leaf_of(expr, ranged=False)
                if leaf.name not in self._names:
                    return self._input(expr, None)
                recorded = self._recorded.get(leaf.name)
                if recorded is not None:
                    return Recorded(source=recorded.source, labels=recorded.labels, matchers=leaf.matchers)
                # Else it is recorded by a rule that cannot be planned, or by one that comes later.
            case Call(function="rate" | "increase"):
                return self._input(expr, None)
            case Call(function="histogram_quantile", arguments=(Number(value=q), of)) if 0 < q <= 1:
                return self._quantile(q, of)
            case Call(function="sum_over_time", arguments=(Range() as over,)):
                leaf = leaf_of(over.selector, ranged=True)
                recorded = self._recorded.get(leaf.name)
                if recorded is not None:
                    source = Recorded(source=recorded.source, labels=recorded.labels, matchers=leaf.matchers)
                    span = over.range_ms * MILLISECOND
                    return SumOverTime(source=source, name=leaf.name, matchers=leaf.matchers, span=span)
            case Aggregate(operator=operator, labels=by, without=False, parameter=None) if operator in _AGGREGATIONS:
                inner = expr.expr
                while isinstance(inner, Paren):
                    inner = inner.expr
                if self._scraped(inner):
                    return self._input(inner, by, operator)
                return Aggregation(operator=operator, by=by, source=self._node(inner))
            case Binary():
                return self._binary(expr)
        raise Unsupported(expr)

    def _scraped(self, expr: Expr) -> bool:
        """Whether it is about scraped series or their rates."""
        if isinstance(expr, Selector):
            return leaf_of(expr, ranged=False).name not in self._names
        return isinstance(expr, Call) and expr.function in ("rate", "increase")

    def _input(self, expr: Expr, by: tuple[str, ...] | None, operator: str = "sum") -> Input:
        """Scraped series or their rates."""
        match expr:
            case Selector():
                return Input(feed=self._feed(leaf_of(expr, ranged=False), by), operator=operator)
            case Call(function="rate" | "increase" as function, arguments=(Range() as over,)):
                leaf, span = self._ranged(over)
                if leaf.name.endswith("_bucket"):
                    raise Unsupported(expr)
                per_s = span / SECOND if function == "rate" else 1.0
                return Input(feed=self._feed(leaf, by), operator=operator, span=span, per_s=per_s)
        raise Unsupported(expr)

    def _ranged(self, over: Range) -> tuple[Leaf, int]:
        leaf = leaf_of(over.selector, ranged=True)
        span = over.range_ms * MILLISECOND
        if leaf.name in self._names or span % WINDOW or span < 2 * WINDOW:
            raise Unsupported(over)
        return leaf, span

    def _feed(self, leaf: Leaf, by: tuple[str, ...] | None, histograms: bool = False) -> int:
        if leaf in self._refused:
            raise Unsupported(leaf)
        return self.feeds.setdefault(Feed(leaf, by, histograms), len(self.feeds))

    def _quantile(self, q: float, expr: Expr) -> Input:
        match expr:
            case Aggregate(
                operator="sum",
                labels=labels,
                without=False,
                expr=Call(function="rate", arguments=(Range() as over,)),
            ) if "le" in labels:
                leaf, span = self._ranged(over)
                if not leaf.name.endswith("_bucket") or any(matcher.label == "le" for matcher in leaf.matchers):
                    raise Unsupported(expr)
                by = tuple(label for label in labels if label != "le")
                return Input(feed=self._feed(leaf, by, histograms=True), span=span, q=q)
        raise Unsupported(expr)

    def _binary(self, expr: Binary) -> Node:
        matching = expr.matching
        if expr.as_bool or matching.include or matching.cardinality not in ("one-to-one", "many-to-many"):
            raise Unsupported(expr)
        match expr:
            case Binary(operator="and", left=left, right=right):
                return And(left=self._node(left), right=self._node(right), matching=matching)
            case Binary(operator="or", left=left, right=right):
                return Or(left=self._node(left), right=self._node(right), matching=matching)
            case Binary(operator=operator, left=left, right=Number(value=number)):
                if operator in COMPARISONS:
                    return Limit(operator=operator, source=self._node(left), number=number)
                if operator in ARITHMETIC:
                    return Scaled(operator=operator, source=self._node(left), number=number)
            case Binary(operator=operator, left=left, right=right) if operator in ARITHMETIC:
                sides = self._node(left), self._node(right)
                return Arithmetic(operator=operator, left=sides[0], right=sides[1], matching=matching, expr=expr)
        raise Unsupported(expr)
