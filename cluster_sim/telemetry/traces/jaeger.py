"""Traces in the JSON of Jaeger's query service.

Source: jaegertracing/jaeger, model/json/model.go (the shape) and model/converter/json (what becomes of OpenTelemetry's
kinds and states: the tags `span.kind`, `otel.status_code`, `otel.status_description` and `error`).
"""

from __future__ import annotations

from typing import Any

from .span import Attributes, Span, Trace, Value

_MICROSECOND = 1000


def trace_json(trace: Trace, epoch_ns: int) -> dict[str, Any]:
    """A trace; `epoch_ns` is the Unix time in nanoseconds of simulated zero."""
    processes: dict[tuple[str, str], str] = {}
    described: dict[str, Any] = {}
    spans = []
    for span in trace.spans:
        key = (span.resource.service, span.resource.pod)
        if key not in processes:
            name = processes[key] = f"p{len(processes) + 1}"
            attributes = {k: v for k, v in span.resource.attributes.items() if k != "service.name"}
            described[name] = {"serviceName": span.resource.service, "tags": _tags(attributes)}
        spans.append(_span(trace.trace_id, span, processes[key], epoch_ns))
    return {"traceID": trace.trace_id, "spans": spans, "processes": described, "warnings": None}


def _span(trace_id: str, span: Span, process: str, epoch_ns: int) -> dict[str, Any]:
    # Both ends are cut to whole microseconds, so that a child still lies inside its parent.
    start = (epoch_ns + span.start) // _MICROSECOND
    references = []
    if span.parent_id:
        references.append({"refType": "CHILD_OF", "traceID": trace_id, "spanID": span.parent_id})
    tags: dict[str, Value] = {**span.attributes, "span.kind": span.kind.name.lower()}
    if span.failed:
        tags |= {"otel.status_code": "ERROR", "error": True}
        if span.message:
            tags["otel.status_description"] = span.message
    return {
        "traceID": trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": references,
        "startTime": start,
        "duration": (epoch_ns + span.end) // _MICROSECOND - start,
        "tags": _tags(tags),
        "logs": [
            {
                "timestamp": (epoch_ns + event.at) // _MICROSECOND,
                "fields": _tags({"event": event.name, **event.attributes}),
            }
            for event in span.events
        ],
        "processID": process,
        "warnings": None,
    }


def _tags(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "type": _type(value), "value": value} for key, value in attributes.items()]


def _type(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    return "float64" if isinstance(value, float) else "string"
