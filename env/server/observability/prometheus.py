"""Prometheus' HTTP API: queries, labels, series and metadata.

Source: https://prometheus.io/docs/prometheus/2.42/querying/api/, and a running 2.42 where the page is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import wraps

from fastapi import Response
from fastapi.responses import PlainTextResponse

from cluster_sim import Matcher, promql, traces

from . import prometheus_wire as wire
from .access import MILLISECOND, Handler, ReadAPI, Reading
from .prometheus_parameters import (
    check_timeout,
    duration_of,
    limit_of,
    matching,
    optional_time_of,
    parsed,
    span_of,
    time_of,
)
from .prometheus_wire import APIError, bad_data, invalid

MOST_STEPS = 11_000
MOST_POINTS = 1_000_000
"""Points of a result, which take a second to write (chosen; Prometheus' own limit of 50 million is for servers)."""
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
AFTER_NOW = "the time lies after the simulated now and is answered as of now; clock=wall makes the two one"
CUT = "results truncated due to limit"

api = ReadAPI("prometheus", wire.refuse)


def route(path: str, *methods: str) -> Callable[[Handler], Handler]:
    """Adds a handler whose errors are answered as Prometheus writes them."""

    def add(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(reading: Reading) -> Response:
            try:
                return handler(reading)
            except promql.QueryError as error:
                return wire.failure(APIError(error.kind, error.message))
            except APIError as error:
                return wire.failure(error)

        return api.route(path, *methods)(answered)

    return add


# ------------------------------------------------------------ queries


@route("/api/v1/query", "GET", "POST")
def query(reading: Reading) -> Response:
    """An expression at one time; without a time at the simulated now."""
    now = reading.clock.now_ms
    at = optional_time_of(reading, "time", now)
    check_timeout(reading)
    expression = parsed(reading)
    value = promql.evaluate(reading.cluster.metrics, expression, min(at, now))
    return wire.success(written(value, reading.clock.shift_ms), [AFTER_NOW] if at > now else [])


@route("/api/v1/query_range", "GET", "POST")
def query_range(reading: Reading) -> Response:
    """An expression at every step from start to end, as far as these are not after the simulated now."""
    start, end = time_of(reading, "start"), time_of(reading, "end")
    if end < start:
        raise invalid("end", "end timestamp must not be before start time")
    step = duration_of(reading, "step")
    if step <= 0:
        raise invalid("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    if (end - start) // step > MOST_STEPS:
        raise bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    check_timeout(reading)
    expression = parsed(reading)
    now = reading.clock.now_ms
    if start > now:
        promql.evaluate_range(reading.cluster.metrics, expression, start, start, step)  # for its errors
        return wire.success(wire.matrix([]), [AFTER_NOW])
    value = promql.evaluate_range(reading.cluster.metrics, expression, start, min(end, now), step)
    return wire.success(written(value, reading.clock.shift_ms))


@route("/api/v1/query_exemplars", "GET", "POST")
def query_exemplars(reading: Reading) -> Response:
    """The exemplars of the series that an expression selects."""
    start, end = span_of(reading)
    if end < start:
        raise bad_data("end timestamp must not be before start timestamp")
    chosen = [promql.selects(matchers) for matchers in selectors(promql.parse(reading.parameters.get("query")))]
    if not chosen:
        return Response(status_code=204)
    clock, epoch = reading.clock, reading.clock.epoch
    found: dict[tuple[tuple[str, str], ...], list[traces.Exemplar]] = {}
    for exemplar in traces.exemplars(
        reading.cluster, start_ns=start * MILLISECOND - epoch, end_ns=end * MILLISECOND - epoch
    ):
        labels = {"__name__": traces.BUCKET, **exemplar.labels}
        if any(selects(labels) for selects in chosen):
            found.setdefault(tuple(sorted(labels.items())), []).append(exemplar)
    rows = [
        {
            "seriesLabels": dict(labels),
            "exemplars": [
                {
                    "labels": {"trace_id": exemplar.trace_id},
                    "value": wire.number(exemplar.value_s),
                    "timestamp": clock.outward(epoch + exemplar.at_ns) // MILLISECOND / 1000,
                }
                for exemplar in found[labels]
            ],
        }
        for labels in sorted(found)
    ]
    return wire.success(wire.data(rows))


@route("/api/v1/format_query", "GET", "POST")
def format_query(reading: Reading) -> Response:
    """The expression, laid out."""
    parsed(reading)
    return wire.success(wire.data(promql.formatted(reading.parameters.get("query"))))


def selectors(expression: promql.Expr) -> Iterator[Sequence[Matcher]]:
    """The conditions of every selector in an expression."""
    if isinstance(expression, promql.Selector):
        yield expression.matchers
    for child in promql.children(expression):
        yield from selectors(child)


# ------------------------------------------------------------ what there is


@route("/api/v1/labels", "GET", "POST")
def label_names(reading: Reading) -> Response:
    """The names of the labels of the series that match, or of all."""
    names = {name for series in matching(reading) for name in series.labels}
    return listed(reading, sorted(names))


@route("/api/v1/label/{name}/values")
def label_values(reading: Reading) -> Response:
    """The values of a label."""
    name = reading.path["name"]
    if not LABEL_NAME.fullmatch(name):
        raise bad_data(f'invalid label name: "{name}"')
    values = {series.labels[name] for series in matching(reading) if name in series.labels}
    return listed(reading, sorted(values))


@route("/api/v1/series", "GET", "POST")
def series(reading: Reading) -> Response:
    """The labels of the series that match."""
    if not reading.parameters.all("match[]"):
        raise bad_data("no match[] parameter provided")
    try:
        found = {tuple(series.labels.items()) for series in matching(reading)}
    except promql.QueryError as error:
        raise invalid("match[]", error.message) from None
    return listed(reading, [dict(labels) for labels in sorted(found)])


@route("/api/v1/metadata")
def metadata(reading: Reading) -> Response:
    """Type and help of the metric families."""
    wanted, most = reading.parameters.get("metric"), limit_of(reading, "limit must be a number")
    known = reading.cluster.metrics.metadata()
    names = ([wanted] if wanted in known else []) if wanted else list(known)
    told = {name: [{"type": known[name][0], "help": known[name][1], "unit": ""}] for name in names[:most]}
    return wire.success(wire.data(told))


@route("/")
def index(reading: Reading) -> Response:
    """What clients ask for to see whether anything is there."""
    return PlainTextResponse("The HTTP API of Prometheus, under /api/v1/.\n")


@route("/-/healthy")
def healthy(reading: Reading) -> Response:
    return PlainTextResponse("Prometheus Server is Healthy.\n")


@route("/-/ready")
def ready(reading: Reading) -> Response:
    return PlainTextResponse("Prometheus Server is Ready.\n")


# ------------------------------------------------------------ answers


def listed(reading: Reading, found: Sequence[object]) -> Response:
    """A list, cut at the `limit` that newer clients send."""
    most = limit_of(reading, 'invalid parameter "limit": limit must be a number')
    cut = bool(most) and len(found) > (most or 0)
    return wire.success(wire.data(found[:most] if cut else found), [CUT] if cut else [])


def written(value: promql.Value, shift_ms: int) -> bytes:
    """The value of an expression as Prometheus writes it."""
    match value:
        case promql.Vector():
            return wire.vector(value.samples, shift_ms)
        case promql.Matrix():
            if sum(len(series.times) for series in value.series) > MOST_POINTS:
                raise APIError(
                    "execution", "query processing would load too many samples into memory in query execution"
                )
            return wire.matrix(value.series, shift_ms)
        case promql.Scalar():
            return wire.scalar(value.at_ms + shift_ms, value.value)
        case promql.String():
            return wire.string(value.at_ms + shift_ms, value.value)
