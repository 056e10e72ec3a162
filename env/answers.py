"""Answers to an agent's queries, bounded in size; what was left out is said under `cut`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cluster_sim import Cluster, Series, promql, rfc3339, traces, unix_ms

MOST_SERIES = 50
MOST_POINTS = 120
MOST_SPANS = 60
"""Bounds of an answer (chosen: a screenful, half an hour at the scrape interval)."""


def now_ms(cluster: Cluster) -> int:
    """The simulated now, in milliseconds of Unix time."""
    return unix_ms(cluster.now, cluster.epoch_s)


def instant(cluster: Cluster, expression: str) -> dict[str, Any]:
    """An expression's value now."""
    try:
        value = promql.evaluate(cluster.metrics, expression, now_ms(cluster))
    except promql.QueryError as error:
        return {"error": error.message}
    return _told(value)


def over_time(cluster: Cluster, expression: str, last_s: float, step_s: float) -> dict[str, Any]:
    """An expression's values over the last seconds."""
    now, step = now_ms(cluster), round(step_s * 1000)
    start = now - round(last_s * 1000)
    try:
        value = promql.evaluate_range(cluster.metrics, expression, start, now, step)
    except promql.QueryError as error:
        return {"error": error.message}
    return _told(value)


def samples(cluster: Cluster, expression: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """The labels and values of an expression that is an instant vector, now."""
    value = promql.evaluate(cluster.metrics, expression, now_ms(cluster))
    assert isinstance(value, promql.Vector)
    return ((sample.labels, sample.value) for sample in value.samples)


def trace(cluster: Cluster, trace_id: str) -> dict[str, Any]:
    """The spans of one trace, a parent before its children."""
    found = traces.get(cluster, trace_id)
    if found is None:
        return {"error": "no such trace was kept; a part of all requests is, and most of those in trouble"}
    depth: dict[str, int] = {}
    for span in found.spans:
        depth[span.span_id] = depth.get(span.parent_id, -1) + 1
    rows = [_span(span, found.start, depth[span.span_id]) for span in found.spans[:MOST_SPANS]]
    told: dict[str, Any] = {"trace_id": found.trace_id, "began": rfc3339(found.start, cluster.epoch_s), "spans": rows}
    if len(found.spans) > MOST_SPANS:
        told["cut"] = f"{MOST_SPANS} of {len(found.spans)} spans are shown"
    return told


def _span(span: traces.Span, since: int, depth: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "depth": depth,
        "service": span.resource.service,
        "pod": span.resource.pod,
        "name": span.name,
        "kind": span.kind.name.lower(),
        "at_ms": figure((span.start - since) / 1e6),
        "took_ms": figure(span.duration / 1e6),
        "attributes": dict(span.attributes),
    }
    if span.failed:
        told["error"] = span.message or True
    if span.events:
        told["events"] = [{"name": event.name, **event.attributes} for event in span.events]
    return told


def trace_list(cluster: Cluster, query: traces.TraceQuery) -> dict[str, Any]:
    """Traces that a query finds, one line each, the newest first."""
    rows = []
    for found in traces.find(cluster, query):
        root = found.root
        failed = [span for span in found.spans if span.failed]
        rows.append(
            {
                "trace_id": found.trace_id,
                "began": rfc3339(found.start, cluster.epoch_s),
                "root": root.name if root else "not ended",
                "took_ms": figure((max(span.end for span in found.spans) - found.start) / 1e6),
                "spans": len(found.spans),
                "failed_in": list(dict.fromkeys(span.resource.service for span in failed)),
            }
        )
    return {"traces": rows}


def _told(value: promql.Value) -> dict[str, Any]:
    match value:
        case promql.Vector():
            rows = [{"labels": dict(s.labels), "value": figure(s.value)} for s in value.samples[:MOST_SERIES]]
            return {"result": rows} | _cut(len(rows), len(value.samples))
        case promql.Matrix():
            shown = value.series[:MOST_SERIES]
            points = min(MOST_POINTS, max(MOST_SERIES * MOST_POINTS // 4 // max(len(shown), 1), 10))
            lines = [{"labels": dict(series.labels), "points": _points(series, points)} for series in shown]
            longest = max((len(series.times) for series in shown), default=0)
            return {"result": lines} | _cut(len(lines), len(value.series), points, longest)
        case promql.Scalar() | promql.String():
            return {"result": figure(value.value) if isinstance(value, promql.Scalar) else value.value}


def _points(series: Series, most: int) -> list[tuple[str, float | str]]:
    """The newest points, as time of day and value."""
    times, values = series.times[-most:].tolist(), series.values[-most:].tolist()
    return [(clock_time(at), figure(value)) for at, value in zip(times, values, strict=True)]


def _cut(shown: int, found: int, points: int = 0, longest: int = 0) -> dict[str, str]:
    left = []
    if found > shown:
        left.append(f"{shown} of {found} series are shown; aggregate or select fewer")
    if longest > points:
        left.append(f"the newest {points} of up to {longest} points are shown; take a longer step")
    return {"cut": "; ".join(left)} if left else {}


def clock_time(at_ms: int) -> str:
    """The time of day, `09:12:15`, of an instant."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%H:%M:%S")


def figure(value: float) -> float | str:
    """A number to six digits; what JSON cannot say is text."""
    if math.isfinite(value):
        return float(f"{value:.6g}")
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
