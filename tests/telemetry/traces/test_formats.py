"""Traces in Jaeger's and OTLP's JSON say what the spans say, in types that other programs read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cluster_sim import Cluster
from cluster_sim.telemetry import traces

EPOCH_NS = 1_741_942_800_000_000_000


def _in_base64(message: dict[str, Any]) -> dict[str, Any]:
    """OTLP's JSON as protobuf's own mapping has it: ids in base64 instead of hexadecimal digits."""
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return message


def test_otlp_json_is_read_by_the_official_messages(cluster: Cluster) -> None:
    """Every field is known, of its type and in its range, and nothing is lost on the way."""
    some = list(traces.kept(cluster))[:200]
    text = json.dumps(_in_base64(traces.otlp.traces_json(some, EPOCH_NS)))
    message = json_format.Parse(text, ExportTraceServiceRequest())
    read = {
        (span.trace_id.hex(), span.span_id.hex()): (span, resource.resource)
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert len(read) == sum(len(trace.spans) for trace in some)
    for trace in some:
        for span in trace.spans:
            told, resource = read[trace.trace_id, span.span_id]
            assert told.parent_span_id.hex() == span.parent_id
            assert (told.name, told.kind) == (span.name, span.kind)
            assert told.start_time_unix_nano == EPOCH_NS + span.start
            assert told.end_time_unix_nano == EPOCH_NS + span.end
            assert (told.status.code == told.status.STATUS_CODE_ERROR) == span.failed
            assert told.status.message == (span.message if span.failed else "")
            assert len(told.events) == len(span.events)
            kinds = {str: "string_value", int: "int_value", bool: "bool_value", float: "double_value"}
            for attribute in told.attributes:
                value = span.attributes[attribute.key]
                assert getattr(attribute.value, kinds[type(value)]) == value
            assert len(told.attributes) == len(span.attributes)
            names = {attribute.key: attribute.value.string_value for attribute in resource.attributes}
            assert names["service.name"] == span.resource.service


def test_otlp_ids_are_hexadecimal_and_times_are_text(healthy: Cluster) -> None:
    """As the specification of OTLP's JSON asks, and unlike protobuf's own mapping."""
    (trace,) = traces.find(healthy, traces.TraceQuery(service="user", limit=1))
    spans = [
        span
        for resource in traces.otlp.traces_json([trace], EPOCH_NS)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    for span in spans:
        assert len(bytes.fromhex(span["traceId"])) == 16
        assert len(bytes.fromhex(span["spanId"])) == 8
        assert isinstance(span["startTimeUnixNano"], str)
        assert isinstance(span["kind"], int)


def test_jaeger_spans_point_to_their_parents_and_processes(cluster: Cluster) -> None:
    """References, processes, and whole microseconds in which a child still lies inside its parent."""
    for trace in list(traces.kept(cluster))[:200]:
        told = traces.jaeger.trace_json(trace, EPOCH_NS)
        spans = {span["spanID"]: span for span in told["spans"]}
        assert len(spans) == len(trace.spans)
        for span in trace.spans:
            as_told = spans[span.span_id]
            process = told["processes"][as_told["processID"]]
            assert process["serviceName"] == span.resource.service
            assert as_told["traceID"] == told["traceID"] == trace.trace_id
            assert as_told["startTime"] == (EPOCH_NS + span.start) // 1000
            assert abs(as_told["duration"] * 1000 - span.duration) < 1000
            parents = [(ref["refType"], ref["traceID"], ref["spanID"]) for ref in as_told["references"]]
            assert parents == ([("CHILD_OF", trace.trace_id, span.parent_id)] if span.parent_id else [])
            parent = spans.get(span.parent_id)
            if parent is not None and trace.root is not None and span.end <= trace.root.end:
                assert parent["startTime"] <= as_told["startTime"]


@pytest.mark.parametrize("state", ["short_of_connections"])
def test_jaeger_tags_have_types_and_errors_are_marked(state: str, request: pytest.FixtureRequest) -> None:
    """`error` is a bool, a status a whole number, and an exception a log of its span."""
    cluster: Cluster = request.getfixturevalue(state)
    found = traces.find(cluster, traces.TraceQuery(service="payment-service", tags={"error": "true"}, limit=20))
    types = {str: "string", int: "int64", bool: "bool", float: "float64"}
    marked = 0
    for trace in found:
        for span, as_told in zip(trace.spans, traces.jaeger.trace_json(trace, EPOCH_NS)["spans"], strict=True):
            tags = {tag["key"]: tag for tag in as_told["tags"]}
            assert len(tags) == len(as_told["tags"])
            assert all(tag["type"] == types[type(tag["value"])] for tag in as_told["tags"])
            assert tags["span.kind"]["value"] == span.kind.name.lower()
            assert ("error" in tags) == span.failed
            for event, log in zip(span.events, as_told["logs"], strict=True):
                fields = {field["key"]: field["value"] for field in log["fields"]}
                assert fields == {"event": event.name, **event.attributes}
                marked += 1
    assert marked > 20
