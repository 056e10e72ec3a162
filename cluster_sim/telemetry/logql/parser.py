"""The parser of LogQL.

The grammar's subset follows Loki's pkg/logql/syntax/syntax.y. What Loki takes and the evaluator does not is refused by
name, so that no query is answered with something else than it asks for.
"""

from __future__ import annotations

from ..series import Matcher
from .cursor import Cursor
from .errors import ParseError, unsupported
from .pipeline import DEEPEST, LONGEST_CHAIN, MOST_STAGES, at_stage, selector, stage
from .syntax import (
    Binary,
    Expression,
    Grouping,
    LogQuery,
    Metric,
    Number,
    RangeAggregation,
    Stage,
    Unwrap,
    Vector,
    VectorAggregation,
)

PLAIN = ("count_over_time", "bytes_over_time", "bytes_rate")
EITHER = ("rate",)
UNWRAPPED = (
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "first_over_time",
    "last_over_time",
    "quantile_over_time",
)
RANGES = (*PLAIN, *EITHER, *UNWRAPPED)
VECTORS = ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc")
_UNGROUPED = (*PLAIN, *EITHER, "sum_over_time")
_UNSUPPORTED = (
    "absent_over_time",
    "rate_counter",
    "stddev_over_time",
    "stdvar_over_time",
    "label_replace",
    "approx_topk",
    "variants",
)
_PRECEDENCE: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and", "unless"),
    ("==", "!=", ">", ">=", "<", "<="),
    ("+", "-"),
    ("*", "/", "%"),
    ("^",),
)
COMPARISONS = _PRECEDENCE[2]
SETS = ("or", "and", "unless")


def parse(text: str) -> Expression:
    """The tree of a query.

    Raises:
        ParseError: it is not LogQL, or LogQL that is not supported.
    """
    cursor = Cursor(text)
    expression = _Parser(cursor).binary(0, 0)
    if cursor.token.kind != "END":
        cursor.refuse()
    return expression


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a bare stream selector.

    Raises:
        ParseError: it is none.
    """
    cursor = Cursor(text)
    matchers = selector(cursor)
    if cursor.token.kind != "END":
        cursor.refuse()
    return matchers


class _Parser:
    """Recursive descent; a method for each kind of expression."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.operators = 0

    # ------------------------------------------------------------ metrics

    def binary(self, level: int, depth: int) -> Expression:
        cursor = self.cursor
        if level == len(_PRECEDENCE):
            return self.primary(depth)
        left = self.binary(level + 1, depth)
        while cursor.at(*_PRECEDENCE[level]):
            operator = cursor.token
            if isinstance(left, LogQuery):
                cursor.refuse()
            self.operators += 1
            if self.operators > LONGEST_CHAIN:
                raise ParseError("too many operators", operator.line, operator.column)
            cursor.next()
            yes_or_no, matching = self.modifiers(operator.text)
            # `^` binds to the right.
            right = self.binary(level if operator.text == "^" else level + 1, depth + 1)
            left = Binary(
                operator=operator.text,
                left=self.metric(left),
                right=self.metric(right),
                yes_or_no=yes_or_no,
                matching=matching,
            )
            if operator.text in SETS and Number in (type(left.left), type(left.right)):
                raise ParseError(f"unexpected literal for a leg of the logical/set binary operation ({operator.text})")
        return left

    def modifiers(self, operator: str) -> tuple[bool, Grouping | None]:
        cursor = self.cursor
        yes_or_no = cursor.at("bool")
        if yes_or_no and operator not in COMPARISONS:
            cursor.refuse()
        cursor.accept("bool")
        word = cursor.accept("on", "ignoring")
        matching = Grouping(labels=self.labels(), without=word.text == "ignoring") if word else None
        if cursor.at("group_left", "group_right"):
            raise unsupported(cursor.token.text, cursor.token.line, cursor.token.column)
        return yes_or_no, matching

    def metric(self, expression: Expression) -> Metric:
        if isinstance(expression, LogQuery):
            raise ParseError("unexpected type for a leg of a binary operation: a log query")
        return expression

    def primary(self, depth: int) -> Expression:
        cursor = self.cursor
        token = cursor.token
        if depth > DEEPEST:
            raise ParseError("too many brackets", token.line, token.column)
        if token.kind == "NUMBER":
            return Number(value=cursor.next().value)
        if token.kind == "SYMBOL":
            match token.text:
                case "+" | "-":
                    cursor.next()
                    value = cursor.take("NUMBER").value
                    return Number(value=-value if token.text == "-" else value)
                case "{":
                    return self.log_query()
                case "(":
                    cursor.next()
                    expression = self.binary(0, depth + 1)
                    cursor.expect(")")
                    return expression
        if token.kind == "WORD":
            if token.text in RANGES:
                return self.range_aggregation()
            if token.text in VECTORS:
                return self.vector_aggregation(depth)
            if token.text == "vector":
                return self.vector()
            if token.text in _UNSUPPORTED and cursor.following.text == "(":
                raise unsupported(token.text, token.line, token.column)
        cursor.refuse()

    def vector(self) -> Vector:
        cursor = self.cursor
        cursor.next()
        cursor.expect("(")
        value = cursor.take("NUMBER").value
        cursor.expect(")")
        return Vector(value=value)

    def vector_aggregation(self, depth: int) -> VectorAggregation:
        cursor = self.cursor
        token = cursor.next()
        grouping = self.grouping()
        cursor.expect("(")
        parameter = 0
        if token.text in ("topk", "bottomk"):
            parameter = self.whole(token.text)
        operand = self.binary(0, depth + 1)
        if isinstance(operand, LogQuery):
            cursor.refuse()
        cursor.expect(")")
        if grouping is None:
            grouping = self.grouping()
        if grouping is not None and token.text in ("sort", "sort_desc"):
            raise ParseError(f"grouping not allowed for {token.text} aggregation")
        return VectorAggregation(
            operation=token.text, operand=self.metric(operand), parameter=parameter, grouping=grouping or Grouping()
        )

    def whole(self, operation: str) -> int:
        token = self.cursor.take("NUMBER")
        self.cursor.expect(",")
        if not token.text.isdigit():
            raise ParseError(f"invalid parameter {operation}({token.text[:20]},")
        if int(token.text) == 0:
            raise ParseError(f"invalid parameter (must be greater than 0) {operation}({token.text},")
        return min(int(token.text), 1_000_000)

    def grouping(self) -> Grouping | None:
        word = self.cursor.accept("by", "without")
        return Grouping(labels=self.labels(), without=word.text == "without") if word else None

    def labels(self) -> tuple[str, ...]:
        cursor = self.cursor
        cursor.expect("(")
        labels: list[str] = []
        while not cursor.accept(")"):
            if labels:
                cursor.expect(",", ")")
            labels.append(cursor.take("WORD").text)
        return tuple(labels)

    # ------------------------------------------------------------ logs

    def log_query(self) -> LogQuery:
        matchers = selector(self.cursor)
        stages: list[Stage] = []
        while at_stage(self.cursor):
            token = self.cursor.token
            found = stage(self.cursor)
            if isinstance(found, Unwrap):
                raise ParseError("syntax error: unexpected unwrap", token.line, token.column)
            stages.append(found)
        return _checked(LogQuery(matchers=matchers, stages=tuple(stages)))

    def range_aggregation(self) -> RangeAggregation:
        cursor = self.cursor
        token = cursor.next()
        operation = token.text
        cursor.expect("(")
        parameter = 0.0
        if operation == "quantile_over_time":
            parameter = cursor.take("NUMBER").value
            cursor.expect(",")
        span = _Range(cursor)
        span.read(0)
        if span.window is None:
            cursor.refuse("RANGE")
        cursor.expect(")")
        grouping = self.grouping()
        if grouping is not None and (operation in _UNGROUPED or span.unwrap is None):
            raise ParseError(f"grouping not allowed for {operation} aggregation")
        if operation in UNWRAPPED and span.unwrap is None:
            raise ParseError(f"invalid aggregation {operation} without unwrap")
        if operation in PLAIN and span.unwrap is not None:
            raise ParseError(f"invalid aggregation {operation} with unwrap")
        return RangeAggregation(
            operation=operation,
            query=_checked(LogQuery(matchers=span.matchers, stages=tuple(span.stages))),
            window=span.window,
            offset=span.offset,
            unwrap=span.unwrap,
            parameter=parameter,
            grouping=grouping,
        )


def _checked(query: LogQuery) -> LogQuery:
    if len(query.stages) > MOST_STAGES:
        raise ParseError(f"too many stages in a pipeline ({len(query.stages)} > {MOST_STAGES})")
    return query


class _Range:
    """`{…} | json [5m] offset 1m | unwrap took`: the parts in any of the orders that Loki takes them in."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.matchers: tuple[Matcher, ...] = ()
        self.stages: list[Stage] = []
        self.window: int | None = None
        self.offset = 0
        self.unwrap: Unwrap | None = None

    def read(self, depth: int) -> None:
        cursor = self.cursor
        if depth > DEEPEST:
            raise ParseError("too many brackets", cursor.token.line, cursor.token.column)
        if cursor.accept("("):
            self.read(depth + 1)
            cursor.expect(")")
        elif cursor.at("{"):
            self.matchers = selector(cursor)
        else:
            cursor.refuse("{ or (")
        while True:
            if cursor.token.kind == "RANGE" and self.window is None:
                self.window = int(cursor.next().value)
                if cursor.accept("offset"):
                    sign = -1 if cursor.accept("-") else 1
                    self.offset = sign * int(cursor.take("DURATION").value)
            elif at_stage(cursor) and self.unwrap is None:
                found = stage(cursor)
                if isinstance(found, Unwrap):
                    self.unwrap = found
                else:
                    self.stages.append(found)
            else:
                return
