"""Answers queries: at one instant, or at each step of a span."""

from __future__ import annotations

import numpy as np

from ..series import Series, Source
from .budget import MOST_INSTANTS, MOST_WORK, Budget
from .errors import bad, failed
from .evaluation import Evaluation, Spanned
from .frames import Frame, Labels
from .nodes import Expr
from .parser import parse
from .selection import Settings
from .signatures import DESCRIBED, type_of
from .values import Matrix, Sample, Scalar, String, Value, Vector

LOOKBACK_MS = 300_000
"""Prometheus' `--query.lookback-delta`."""

SUBQUERY_STEP_MS = 60_000
"""Prometheus' `evaluation_interval`, which subqueries without a step take."""


def evaluate(
    source: Source,
    expr: str | Expr,
    at_ms: int,
    *,
    lookback_ms: int = LOOKBACK_MS,
    left_open: bool = False,
    subquery_step_ms: int = SUBQUERY_STEP_MS,
    most_work: int = MOST_WORK,
) -> Value:
    """An expression at one instant.

    Args:
        source: where the series are.
        expr: PromQL, or what `parse` made of it.
        at_ms: Unix milliseconds.
        lookback_ms: how old the newest sample may be.
        left_open: leave out samples at the very start of a span, as Prometheus 3 does.
        subquery_step_ms: step of subqueries that name none.
        most_work: how many values the query may compute or look at.

    Raises:
        QueryError: `bad_data` or `execution`.
    """
    node = parse(expr) if isinstance(expr, str) else expr
    settings = Settings(
        lookback_ms=lookback_ms,
        left_open=left_open,
        start_ms=at_ms,
        end_ms=at_ms,
        default_step_ms=subquery_step_ms,
    )
    evaluation = Evaluation(source, np.array([at_ms], dtype=np.int64), settings, Budget(most_work))
    if type_of(node) == "matrix":
        return _samples(evaluation, node)
    result = _evaluated(evaluation, node)
    if isinstance(result, str):
        return String(at_ms, result)
    if not isinstance(result, Frame):
        return Scalar(at_ms, float(result[0]))
    rows = zip(result.labels, result.values[:, 0].tolist(), result.present[:, 0].tolist(), strict=True)
    return Vector([Sample(dict(labels), at_ms, value) for labels, value, present in rows if present])


def evaluate_range(
    source: Source,
    expr: str | Expr,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    *,
    lookback_ms: int = LOOKBACK_MS,
    left_open: bool = False,
    subquery_step_ms: int = SUBQUERY_STEP_MS,
    most_work: int = MOST_WORK,
) -> Matrix:
    """An expression at `start_ms`, one step later, and so on up to `end_ms`. Numbers become a series without labels.

    Args and errors are those of `evaluate`.
    """
    node = parse(expr) if isinstance(expr, str) else expr
    if step_ms <= 0:
        raise bad("zero or negative query resolution step widths are not accepted. Try a positive integer")
    if end_ms < start_ms:
        raise bad("end timestamp must not be before start time")
    kind = type_of(node)
    if kind in ("matrix", "string"):
        raise bad(f'invalid expression type "{DESCRIBED[kind]}" for range query, must be Scalar or instant Vector')
    if (end_ms - start_ms) // step_ms >= MOST_INSTANTS:
        raise failed("query processing would load too many samples into memory in query execution")
    instants = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
    settings = Settings(
        lookback_ms=lookback_ms,
        left_open=left_open,
        start_ms=start_ms,
        end_ms=end_ms,
        default_step_ms=subquery_step_ms,
    )
    result = _evaluated(Evaluation(source, instants, settings, Budget(most_work)), node)
    if not isinstance(result, Frame):
        assert isinstance(result, np.ndarray)
        return Matrix([Series({}, instants, result)])
    series = [
        Series(dict(labels), instants[filled], values[filled])
        for labels, values, filled in sorted(
            zip(result.labels, result.values, result.present, strict=True), key=lambda row: row[0]
        )
        if filled.any()
    ]
    return Matrix(series)


def _evaluated(evaluation: Evaluation, node: Expr) -> Spanned:
    """What the expression gives; NaN and infinities are results like others."""
    try:
        with np.errstate(all="ignore"):
            return evaluation.evaluate(node)
    except RecursionError:
        raise bad("the query is nested too deeply") from None


def _samples(evaluation: Evaluation, node: Expr) -> Matrix:
    """The samples themselves, which only an instant query gives."""
    with np.errstate(all="ignore"):
        labels, spans = evaluation.spans(node)
    found: list[tuple[Labels, Series]] = []
    for span in spans:
        inside = slice(int(span.low[0]), int(span.low[0] + span.count[0]))
        times = span.block.times[inside]
        if times.size:
            found += [
                (labels[row], Series(dict(labels[row]), times, values[inside]))
                for row, values in zip(span.block.rows, span.block.values, strict=True)
            ]
    return Matrix([series for _, series in sorted(found, key=lambda one: one[0])])
