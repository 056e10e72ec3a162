"""The functions of Prometheus 2.42: what they take and what they give."""

from __future__ import annotations

from dataclasses import dataclass

from .nodes import Aggregate, Binary, Call, Expr, Negative, Number, Paren, Range, Selector, Subquery, Text, Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Source: the functions page of Prometheus' documentation, release 2.42.

    Attributes:
        arguments: their types.
        optional: how many of them, from the end, may be left out; -1 if the last may be repeated, or left out.
    """

    arguments: tuple[Type, ...]
    optional: int = 0
    returns: Type = "vector"


def _signatures() -> dict[str, Signature]:
    of_vector = (
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_count histogram_sum ln log10"
        " log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp"
    )
    of_matrix = (
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time"
        " max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time"
    )
    of_time = "day_of_month day_of_week day_of_year days_in_month hour minute month year"
    return {
        **{name: Signature(arguments=("vector",)) for name in of_vector.split()},
        **{name: Signature(arguments=("matrix",)) for name in of_matrix.split()},
        **{name: Signature(arguments=("vector",), optional=1) for name in of_time.split()},
        "clamp": Signature(arguments=("vector", "scalar", "scalar")),
        "clamp_max": Signature(arguments=("vector", "scalar")),
        "clamp_min": Signature(arguments=("vector", "scalar")),
        "histogram_fraction": Signature(arguments=("scalar", "scalar", "vector")),
        "histogram_quantile": Signature(arguments=("scalar", "vector")),
        "holt_winters": Signature(arguments=("matrix", "scalar", "scalar")),
        "label_join": Signature(arguments=("vector", "string", "string", "string"), optional=-1),
        "label_replace": Signature(arguments=("vector", "string", "string", "string", "string")),
        "pi": Signature(arguments=(), returns="scalar"),
        "predict_linear": Signature(arguments=("matrix", "scalar")),
        "quantile_over_time": Signature(arguments=("scalar", "matrix")),
        "round": Signature(arguments=("vector", "scalar"), optional=1),
        "scalar": Signature(arguments=("vector",), returns="scalar"),
        "time": Signature(arguments=(), returns="scalar"),
        "vector": Signature(arguments=("scalar",)),
    }


FUNCTIONS = _signatures()

AGGREGATORS: dict[str, Type | None] = {
    "avg": None,
    "bottomk": "scalar",
    "count": None,
    "count_values": "string",
    "group": None,
    "max": None,
    "min": None,
    "quantile": "scalar",
    "stddev": None,
    "stdvar": None,
    "sum": None,
    "topk": "scalar",
}
"""The aggregation operators, and the type of their parameter."""

DESCRIBED: dict[Type, str] = {
    "scalar": "scalar",
    "vector": "instant vector",
    "matrix": "range vector",
    "string": "string",
}
"""What Prometheus calls the types in its messages."""


def type_of(expr: Expr) -> Type:
    """What an expression evaluates to."""
    match expr:
        case Number():
            return "scalar"
        case Text():
            return "string"
        case Selector() | Aggregate():
            return "vector"
        case Range() | Subquery():
            return "matrix"
        case Call(function=function):
            return FUNCTIONS[function].returns
        case Paren(expr=inner) | Negative(expr=inner):
            return type_of(inner)
        case Binary(left=left, right=right):
            return "scalar" if type_of(left) == type_of(right) == "scalar" else "vector"
