"""A trace shows what went wrong: waits, timeouts, retries, refusals, misses, denials."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from cluster_sim import Cluster
from cluster_sim.clock import SECOND
from cluster_sim.telemetry import traces
from cluster_sim.telemetry.logs import recent
from cluster_sim.telemetry.traces import Kind, Span, Trace, TraceQuery


def _children(trace: Trace, parent: Span) -> list[Span]:
    return [span for span in trace.spans if span.parent_id == parent.span_id]


def test_without_connections_a_request_waits_for_the_pool_times_out_and_ends_in_500(
    short_of_connections: Cluster,
) -> None:
    """The wait lasts as long as the pool's timeout, says so in the pool's words, and the user sees its 500."""
    query = TraceQuery(
        service="payment-service", operation="HikariDataSource.getConnection", tags={"error": "true"}, limit=1000
    )
    found = traces.find(short_of_connections, query)
    assert len(found) > 10
    ended: Counter[object] = Counter()
    for trace in found:
        wait = [span for span in trace.spans if span.name == query.operation and span.failed][-1]
        assert wait.duration == 3 * SECOND
        assert "Connection is not available, request timed out after 3000ms" in wait.message
        assert wait.events[0].attributes["exception.type"] == "java.sql.SQLTransientConnectionException"
        (server,) = [span for span in trace.spans if span.span_id == wait.parent_id]
        assert (server.kind, server.attributes["http.response.status_code"]) == (Kind.SERVER, 500)
        assert server.end == wait.end
        assert server.message == wait.message
        if trace.root is not None:
            ended[trace.root.attributes["http.response.status_code"]] += 1
    assert ended[500] > 5


def test_a_caller_that_gave_up_is_outlived_by_the_work_it_asked_for(short_of_connections: Cluster) -> None:
    """checkout waits 2.5 s for payment, which waits 3 s for a connection: zombie work."""
    query = TraceQuery(service="checkout-service", operation="POST /v1/charges", tags={"error": "true"}, limit=1000)
    zombies = 0
    for trace in traces.find(short_of_connections, query):
        for client in trace.spans:
            if client.name == query.operation and client.kind is Kind.CLIENT and client.duration == 2.5 * SECOND:
                assert "Read timed out" in client.message
                (server,) = _children(trace, client) or (client,)
                zombies += server.end > client.end
    assert zombies > 3


def test_a_cache_out_of_memory_shows_misses_a_slow_query_and_a_refused_write(out_of_memory: Cluster) -> None:
    """What misses is read from the database, which takes longer, and cannot be written back."""
    hits: list[int] = []
    misses: list[int] = []
    refused = 0
    for trace in traces.find(out_of_memory, TraceQuery(service="inventory-service", limit=10_000)):
        reads = [s for s in trace.spans if s.name == "MGET" and s.kind is Kind.CLIENT and not s.failed]
        for read in reads:
            (server,) = [span for span in trace.spans if span.span_id == read.parent_id] or (None,)
            if server is None or server.failed:
                continue
            siblings = [span.name for span in _children(trace, server)]
            missed = read.attributes["cache.misses"] != 0
            assert ("SELECT stock" in siblings) == missed
            (misses if missed else hits).append(server.duration)
        writes = [s for s in trace.spans if s.name == "SET" and s.kind is Kind.SERVER and s.failed]
        refused += len(writes)
        assert all("command not allowed when used memory > 'maxmemory'" in write.message for write in writes)
    assert refused > 50
    assert sorted(misses)[len(misses) // 2] > 10 * sorted(hits)[len(hits) // 2]


def test_a_half_finished_rotation_shows_which_auth_pod_signs_with_another_key(half_rotated: Cluster) -> None:
    """A token fresh from one pod is refused with 401 by another one exactly where their keys differ."""
    key = {r.name: r.keys.signing for r in half_rotated.service("auth-service").replicas if r.keys is not None}
    seen: Counter[tuple[bool, int]] = Counter()
    query = TraceQuery(
        service="auth-service", operation="POST /v1/login", start_ns=half_rotated.now - 30 * SECOND, limit=9999
    )
    for trace in traces.find(half_rotated, query):
        served = [span for span in trace.spans if span.resource.service == "auth-service" and span.kind is Kind.SERVER]
        if [span.name for span in served[:2]] == ["POST /v1/login", "GET /v1/session"] and not served[0].failed:
            login, check = served[:2]
            differ = key[login.resource.pod] != key[check.resource.pod]
            seen[differ, int(check.attributes["http.response.status_code"])] += 1
    assert set(seen) == {(True, 401), (False, 200)}
    assert min(seen.values()) > 2


def test_a_retry_shows_both_attempts_one_after_the_other(stormy: Cluster) -> None:
    """The second attempt has its number and begins after the first has failed."""
    retries = 0
    for trace in traces.kept(stormy):
        for again in trace.spans:
            attempt = again.attributes.get("http.request.resend_count")
            if attempt != 1:
                continue
            firsts = [
                span
                for span in trace.spans
                if (span.name, span.parent_id, span.kind) == (again.name, again.parent_id, again.kind)
                and "http.request.resend_count" not in span.attributes
            ]
            waits = [span for span in trace.spans if span.parent_id == again.parent_id and span.name == "connect"]
            assert any(first.failed and first.end < again.start for first in firsts + waits)
            retries += 1
    assert retries > 20


def test_an_open_breaker_refuses_in_no_time(stormy: Cluster) -> None:
    """A call that was not permitted has a span of its own, of no length and without a server's side."""
    refusals = [
        (trace, span)
        for trace in traces.kept(stormy)
        for span in trace.spans
        if span.attributes.get("error.type") == "gobreaker.ErrOpenState" and span.kind is Kind.CLIENT
    ]
    assert len(refusals) > 5
    for trace, span in refusals:
        assert span.duration == 0
        assert _children(trace, span) == []


def test_waiting_for_a_worker_is_the_first_part_of_being_served(stormy: Cluster) -> None:
    """The wait begins with the server's span."""
    waits = 0
    for trace in traces.kept(stormy):
        servers = {span.span_id: span for span in trace.spans if span.kind is Kind.SERVER}
        for span in trace.spans:
            if span.name == "wait for worker" and span.parent_id in servers:
                assert span.start == servers[span.parent_id].start
                assert span.resource == servers[span.parent_id].resource
                assert span.end > span.start
                waits += 1
    assert waits > 100


@pytest.mark.parametrize("service", ["payment-service", "auth-service", "inventory-service"])
@pytest.mark.parametrize("state", ["short_of_connections", "out_of_memory", "half_rotated"])
def test_the_log_lines_of_a_request_carry_the_ids_of_its_trace(
    state: str, service: str, request: pytest.FixtureRequest
) -> None:
    """A failure's line leads to a trace that has the very span in which the line was written."""
    cluster: Cluster = request.getfixturevalue(state)
    entries = [json.loads(line) for line in recent(cluster, service, limit=400) if line.startswith("{")]
    told = 0
    for entry in entries:
        if "span_id" not in entry:
            continue
        trace = traces.get(cluster, entry["trace_id"])
        assert trace is not None
        (span,) = [span for span in trace.spans if span.span_id == entry["span_id"]]
        assert span.kind is Kind.SERVER
        assert span.resource.pod == entry["k8s.pod.name"]
        assert span.attributes["http.response.status_code"] == int(entry["http.response.status_code"])
        assert span.attributes["http.route"] == entry["http.route"]
        if "exception" in entry and span.failed:
            assert span.message in entry["exception"]
        told += 1
    assert told > 10


def test_a_failed_call_of_a_failing_request_is_in_a_trace_with_the_words_of_the_log(
    short_of_connections: Cluster,
) -> None:
    """The client's complaint in the log is an exception of the trace."""
    lines = recent(short_of_connections, "payment-service", limit=400, grep="database call failed")
    for entry in map(json.loads, lines):
        trace = traces.get(short_of_connections, entry["trace_id"])
        assert trace is not None
        said = {
            f"{event.attributes['exception.type']}: {event.attributes['exception.message']}"
            for span in trace.spans
            for event in span.events
        }
        assert entry["exception"] in said
    assert len(lines) > 10
