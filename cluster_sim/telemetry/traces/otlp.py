"""Traces in OTLP's JSON encoding: the body that an exporter posts to `/v1/traces`.

Source: opentelemetry-proto, trace/v1/trace.proto, and the OTLP specification's section on JSON: ids are hexadecimal,
64-bit integers are text, enumerations are numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .span import Attributes, Span, Trace, Value

_SCOPE = "cluster_sim"
_STATUS_ERROR = 2


def traces_json(traces: Iterable[Trace], epoch_ns: int) -> dict[str, Any]:
    """Some traces, grouped by who made the spans; `epoch_ns` is the Unix time in nanoseconds of simulated zero."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for trace in traces:
        for span in trace.spans:
            key = (span.resource.service, span.resource.pod)
            if key not in groups:
                groups[key] = {
                    "resource": {"attributes": _attributes(span.resource.attributes)},
                    "scopeSpans": [{"scope": {"name": _SCOPE}, "spans": []}],
                }
            groups[key]["scopeSpans"][0]["spans"].append(_span(trace.trace_id, span, epoch_ns))
    return {"resourceSpans": list(groups.values())}


def _span(trace_id: str, span: Span, epoch_ns: int) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if span.failed:
        status["code"] = _STATUS_ERROR
        if span.message:
            status["message"] = span.message
    written: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(epoch_ns + span.start),
        "endTimeUnixNano": str(epoch_ns + span.end),
        "attributes": _attributes(span.attributes),
        "status": status,
    }
    if span.events:
        written["events"] = [
            {
                "timeUnixNano": str(epoch_ns + event.at),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ]
    return written


def _attributes(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
