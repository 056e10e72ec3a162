"""PromQL over any `Source` of series, with the semantics of Prometheus 2.42: the package's public face."""

from .errors import QueryError
from .nodes import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    Text,
    children,
)
from .parser import formatted, parse, parse_selector, selects
from .query import LOOKBACK_MS, evaluate, evaluate_range
from .signatures import type_of
from .values import Matrix, Sample, Scalar, String, Value, Vector

__all__ = [
    "LOOKBACK_MS",
    "Aggregate",
    "Binary",
    "Call",
    "Expr",
    "Matching",
    "Matrix",
    "Negative",
    "Number",
    "Paren",
    "QueryError",
    "Range",
    "Sample",
    "Scalar",
    "Selector",
    "String",
    "Subquery",
    "Text",
    "Value",
    "Vector",
    "children",
    "evaluate",
    "evaluate_range",
    "formatted",
    "parse",
    "parse_selector",
    "selects",
    "type_of",
]
