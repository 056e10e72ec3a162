"""Traces are found by id and by what they are like; reading changes nothing and the same seed gives the same traces."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster_sim import Cluster, seven_services
from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.telemetry import traces
from cluster_sim.telemetry.collector import exposition
from cluster_sim.telemetry.traces import Kind, TraceQuery
from tests.support.storms import SERVICES, Blow, shop, strike


def test_a_trace_is_found_by_its_id(cluster: Cluster) -> None:
    """Whatever is listed can be fetched, in either case of the digits."""
    for trace in list(traces.kept(cluster))[:20]:
        assert traces.get(cluster, trace.trace_id) == trace
        assert traces.get(cluster, trace.trace_id.upper()) == trace


@pytest.mark.parametrize("wrong", ["", "0", "f" * 32, "f" * 33, "xyz", "-1", " 12", "\uff11"])
def test_no_trace_has_a_made_up_id(healthy: Cluster, wrong: str) -> None:
    """An id that is none, or nobody's, finds nothing."""
    assert traces.get(healthy, wrong) is None


def test_a_search_finds_what_has_one_such_span_and_nothing_else(short_of_connections: Cluster) -> None:
    """All conditions are met by one and the same span."""
    query = TraceQuery(
        service="payment-service",
        operation="POST /v1/payments",
        tags={"error": "true", "http.response.status_code": "500"},
        start_ns=200 * SECOND,
        min_ns=3 * SECOND,
        max_ns=4 * SECOND,
        limit=10_000,
    )

    def meets(trace: traces.Trace) -> bool:
        return any(
            span.resource.service == query.service
            and span.name == query.operation
            and span.failed
            and span.attributes.get("http.response.status_code") == 500
            and query.start_ns <= span.start
            and query.min_ns <= span.duration <= query.max_ns
            for span in trace.spans
        )

    expected = [trace for trace in traces.kept(short_of_connections) if meets(trace)]
    assert traces.find(short_of_connections, query) == expected
    assert len(expected) > 10


def test_a_search_gives_the_newest_first_up_to_its_limit(healthy: Cluster) -> None:
    """The requests that were sent last."""
    everything = traces.find(healthy, TraceQuery(service="auth-service", limit=10_000))
    starts = [trace.start for trace in everything]
    assert starts == sorted(starts, reverse=True)
    assert traces.find(healthy, TraceQuery(service="auth-service", limit=7)) == everything[:7]
    assert traces.find(healthy, TraceQuery(service="auth-service", limit=0)) == []


def test_a_search_ends_where_it_is_told_to(healthy: Cluster) -> None:
    """Times are those of the span that is looked for, both included."""
    query = TraceQuery(service="user", start_ns=100 * SECOND, end_ns=160 * SECOND, limit=10_000)
    starts = [trace.start for trace in traces.find(healthy, query)]
    assert len(starts) > 50
    assert all(query.start_ns <= start <= (query.end_ns or 0) for start in starts)


def test_nobody_has_made_spans_of_an_unknown_name(healthy: Cluster) -> None:
    """Unknown services, operations and tags find nothing and are no error."""
    assert traces.find(healthy, TraceQuery(service="nobody")) == []
    assert traces.find(healthy, TraceQuery(service="user", operation="nothing")) == []
    assert traces.find(healthy, TraceQuery(service="user", tags={"no.such": "tag"})) == []
    assert traces.operations(healthy, "nobody") == []


def test_the_lists_of_services_and_operations_are_those_of_the_spans(cluster: Cluster) -> None:
    """What may be searched for is what there is."""
    seen: dict[str, set[tuple[str, Kind]]] = {}
    for trace in traces.kept(cluster):
        for span in trace.spans:
            seen.setdefault(span.resource.service, set()).add((span.name, span.kind))
    assert traces.services(cluster) == sorted(seen)
    for service, operations in seen.items():
        assert set(traces.operations(cluster, service)) == operations


def test_dependencies_are_calls_that_are_declared(healthy: Cluster) -> None:
    """Who calls whom in traces is who may, and each pair is counted as often as its server spans occur."""
    links = traces.dependencies(healthy, 0, healthy.now)
    declared = {("user" if e.client == "users" else e.client, e.server) for e in healthy.edges}
    assert {(link.parent, link.child) for link in links} == declared
    spans = [span for trace in traces.kept(healthy) for span in trace.spans if span.kind is Kind.SERVER]
    assert sum(link.calls for link in links) == len(spans)
    assert traces.dependencies(healthy, healthy.now, healthy.now) == []


def test_exemplars_belong_to_buckets_that_exist(cluster: Cluster) -> None:
    """Every exemplar's series is on the page of metrics, its value in its bucket, and its trace has that span."""
    series = {
        frozenset(sample.labels.items())
        for family in text_string_to_metric_families(exposition(cluster).decode())
        if family.name == "http_server_request_duration_seconds"
        for sample in family.samples
    }
    latest = traces.latest_exemplars(cluster)
    assert len({tuple(one.labels.items()) for one in latest}) == len(latest) > 20
    for one in latest:
        assert frozenset(one.labels.items()) in series
        assert one.value_s <= float(one.labels["le"])
        trace = traces.get(cluster, one.trace_id)
        assert trace is not None
        assert any(
            span.resource.pod == one.labels["pod"] and (span.end, span.duration / SECOND) == (one.at_ns, one.value_s)
            for span in trace.spans
        )


def test_the_latest_exemplars_are_the_last_of_all(healthy: Cluster) -> None:
    """Of a bucket's requests the last one stands for it."""
    last = {tuple(one.labels.items()): one for one in traces.exemplars(healthy)}
    latest = {tuple(one.labels.items()): one for one in traces.latest_exemplars(healthy)}
    started = {r.name: r.started for s in healthy.services.values() for r in s.replicas}
    assert latest == {key: one for key, one in last.items() if one.at_ns >= started[one.labels["pod"]]}


def test_exemplars_of_a_span_of_time_lie_in_it(healthy: Cluster) -> None:
    """Both ends are included."""
    chosen = traces.exemplars(healthy, start_ns=100 * SECOND, end_ns=130 * SECOND)
    assert chosen == [one for one in traces.exemplars(healthy) if 100 * SECOND <= one.at_ns <= 130 * SECOND]
    assert len(chosen) > 20


def _read_everything(cluster: Cluster) -> None:
    list(traces.kept(cluster))
    traces.find(cluster, TraceQuery(service="user", tags={"error": "true"}))
    traces.services(cluster)
    traces.dependencies(cluster, 0, cluster.now)
    traces.latest_exemplars(cluster)


def test_reading_leaves_the_snapshot_as_it_was(unread: Cluster) -> None:
    """Not a byte of the cluster changes."""
    before = unread.snapshot()
    _read_everything(unread)
    assert unread.snapshot() == before


def test_a_branch_and_a_run_in_small_steps_leave_the_same_spans() -> None:
    """However time is cut up, and whether or not the state was saved on the way."""
    whole, stepped = (Cluster(seven_services(20), seed=9) for _ in range(2))
    whole.run_for(60)
    for _ in range(120):
        stepped.run_for(0.25)
    branch = stepped.branch()
    for _ in range(300):
        branch.run_for(0.1)
    assert branch.recorder.spans.packed() == whole.recorder.spans.packed()


def test_spans_survive_whatever_befalls_a_cluster(all_sampled: None) -> None:
    """Restarts, cancellations and deploys in the middle of calls leave traces that can be read."""
    cluster = Cluster(shop(), seed=11)
    cluster.run_for(5)
    kinds = (
        "restart",
        "cancel",
        "evict",
        "slow",
        "timeout",
        "scale",
        "restart",
        "drop_idle",
        "flush",
        "errors",
        "roll",
    )
    for turn, kind in enumerate(kinds * 2):
        strike(cluster, Blow(kind, SERVICES[turn % len(SERVICES)], (turn * 7 % 10) / 10, 2.0))
        for trace in traces.kept(cluster):
            assert len([span for span in trace.spans if not span.parent_id]) <= 1
            assert len({span.span_id for span in trace.spans}) == len(trace.spans)
            assert all(0 <= span.start <= span.end <= cluster.now for span in trace.spans)
    assert cluster.now > 10 * MILLISECOND
