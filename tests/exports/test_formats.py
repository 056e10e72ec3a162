"""Logs, traces and tables as other programs read them."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

from cluster_sim.clock import EPOCH_UNIX_S, SECOND, unix_s
from cluster_sim.exports.rca import LOG_COLUMNS, TRACE_COLUMNS
from cluster_sim.services import SERVICES
from cluster_sim.telemetry import traces
from cluster_sim.telemetry.logs import Written, render

EPOCH_NS = EPOCH_UNIX_S * SECOND


def rows(path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- logs


def test_every_line_of_every_service_is_there_in_the_order_of_time(written, episode):
    """Nothing is lost, and nothing comes twice."""
    entries = [json.loads(line) for line in (written / "logs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["timestamp"] for entry in entries] == sorted(entry["timestamp"] for entry in entries)
    for service in SERVICES:
        log = list(Written(episode.cluster, 0, episode.cluster.now).records(episode.cluster.service(service)))
        ours = [entry["line"] for entry in entries if entry["service"] == service]
        assert ours == render(episode.cluster, service, log)
        assert {entry["pod"] for entry in entries if entry["service"] == service} == {record.source for record in log}


def test_structured_lines_come_with_their_fields(written):
    """JSON and logfmt are parsed; levels are of one small set."""
    entries = [json.loads(line) for line in (written / "logs.jsonl").read_text(encoding="utf-8").splitlines()]
    by_service = {service: [e for e in entries if e["service"] == service and "fields" in e] for service in SERVICES}
    assert all(entry["fields"] == json.loads(entry["line"]) for entry in by_service["inventory-service"])
    logfmt = next(entry for entry in by_service["config-service"] if "GET" in entry["line"])
    assert logfmt["fields"]["msg"] == "GET /v1/settings 200"
    assert logfmt["fields"]["http.response.status_code"] == "200"
    assert not by_service["postgres-db"]
    assert {entry["level"] for entry in entries} <= {
        *("debug", "verbose", "info", "notice", "warning", "error", "fatal", "panic")
    }


# ---------------------------------------------------------------- traces


def test_otlp_has_every_trace_with_hexadecimal_ids(written, episode):
    """Each line is a message; spans lie within the episode."""
    ids = set()
    services = set()
    for line in (written / "traces.otlp.jsonl").read_text(encoding="utf-8").splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            attributes = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
            services.add(attributes["service.name"]["stringValue"])
            for span in resource["scopeSpans"][0]["spans"]:
                assert len(bytes.fromhex(span["traceId"])) == 16
                assert len(bytes.fromhex(span["spanId"])) == 8
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                assert EPOCH_NS <= start <= end <= EPOCH_NS + episode.cluster.now
                ids.add((span["traceId"], span["spanId"]))
    assert services == set(traces.services(episode.cluster))
    assert ids == _jaeger_ids(written)


def _jaeger_ids(written) -> set[tuple[str, str]]:
    document = json.loads((written / "traces.jaeger.json").read_text(encoding="utf-8"))
    return {(span["traceID"], span["spanID"]) for trace in document["data"] for span in trace["spans"]}


def test_jaeger_holds_whole_traces(written, episode):
    """Processes are described, and a trace of it is what the trace reader gives."""
    document = json.loads((written / "traces.jaeger.json").read_text(encoding="utf-8"))
    assert len(document["data"]) > 100
    for trace in document["data"]:
        assert {span["processID"] for span in trace["spans"]} == set(trace["processes"])
    last = document["data"][-1]
    found = traces.get(episode.cluster, last["traceID"])
    assert found is not None
    assert [span.span_id for span in found.spans] == [span["spanID"] for span in last["spans"]]
    starts = [min(span["startTime"] for span in trace["spans"]) for trace in document["data"]]
    assert starts == sorted(starts)


# ---------------------------------------------------------------- tables


def test_the_table_has_time_and_indicators_of_every_service(written, episode):
    """A row per 15 s, whole seconds, no gap and no cell missing where something was measured all the time."""
    table = rows(written / "data.csv")
    names = list(table[0])
    assert names[0] == "time"
    assert all(name.count("_") == 1 for name in names[1:])
    for service in SERVICES:
        assert {f"{service}_{indicator}" for indicator in ("cpu", "workload", "error", "ready")} <= set(names)
    assert {f"payment-service_{name}" for name in ("latency-50", "latency-90", "pending")} <= set(names)
    assert {"redis-cache_mem", "redis-cache_misses", "postgres-db_connections"} <= set(names)
    times = [int(row["time"]) for row in table]
    assert times[0] == EPOCH_UNIX_S + 30
    assert {after - before for before, after in pairwise(times)} == {15}
    assert times[-1] <= unix_s(episode.cluster.now) < times[-1] + 15
    assert all(row["redis-cache_cpu"] and row["payment-service_workload"] for row in table)


def test_the_table_shows_the_fault_after_the_injection(written, episode):
    """The cache fills up after `inject_time`, and writes to it fail only then."""
    text = (written / "inject_time.txt").read_text()
    inject_time = int(text)
    assert text == f"{inject_time}\n"
    assert inject_time == int(unix_s(episode.onset))
    table = rows(written / "data.csv")
    before = [row for row in table if int(row["time"]) < inject_time]
    after = [row for row in table if int(row["time"]) >= inject_time]
    assert max(float(row["redis-cache_mem"]) for row in before) < 0.5 * float(after[-1]["redis-cache_mem"])
    assert max(float(row["redis-cache_error"]) for row in before) < 0.5 < float(after[-1]["redis-cache_error"])


def test_tables_of_logs_and_traces_have_the_columns_of_the_layout(written, episode):
    """RE2's names; nanoseconds for logs, microseconds for traces."""
    logs = rows(written / "logs.csv")
    assert tuple(logs[0]) == LOG_COLUMNS
    assert len(logs) == len((written / "logs.jsonl").read_text(encoding="utf-8").splitlines())
    assert int(logs[0]["timestamp"]) == EPOCH_NS
    assert int(logs[-1]["timestamp"]) <= EPOCH_NS + episode.cluster.now
    assert {row["container_name"] for row in logs} == set(SERVICES)
    assert any("OutOfMemoryError" in row["error"] for row in logs)
    spans = rows(written / "traces.csv")
    assert tuple(spans[0]) == TRACE_COLUMNS
    assert {(row["traceID"], row["spanID"]) for row in spans} == _jaeger_ids(written)
    assert all(int(row["startTime"]) // 1000 == int(row["startTimeMillis"]) for row in spans)
    assert {row["statusCode"] for row in spans} == {"0", "2"}
