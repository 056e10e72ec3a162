"""Every trace is a tree of one user's request: one root, children inside their parents, ids that tell spans apart."""

from __future__ import annotations

from cluster_sim import Cluster, seven_services
from cluster_sim.clock import SECOND
from cluster_sim.engine import spans as engine_spans
from cluster_sim.engine.replica import BUCKETS_S, SUM, empty_histogram
from cluster_sim.telemetry import traces
from cluster_sim.telemetry.traces import Kind, Span, Trace


def _by_id(trace: Trace) -> dict[str, Span]:
    return {span.span_id: span for span in trace.spans}


def _gave_up(client: Span) -> bool:
    """Whether a caller has no answer: neither a good one nor an error that the server sent."""
    return client.failed and "http.response.status_code" not in client.attributes


def test_a_finished_request_has_one_root_which_is_the_users_span(cluster: Cluster) -> None:
    """The user's span comes first and everything else hangs below it."""
    seen = 0
    for trace in traces.kept(cluster):
        roots = [span for span in trace.spans if not span.parent_id]
        assert len(roots) <= 1
        if roots:
            seen += 1
            assert roots[0] is trace.spans[0] is trace.root
            assert roots[0].resource.service == "user"
            assert roots[0].start == trace.start
    assert seen > 20


def test_span_ids_are_unique_within_a_trace_and_trace_ids_within_a_cluster(stormy: Cluster) -> None:
    """Retries and repeated calls over one edge do not share an id."""
    kept = list(traces.kept(stormy))
    assert len({trace.trace_id for trace in kept}) == len(kept) > 500
    for trace in kept:
        assert len(_by_id(trace)) == len(trace.spans)
        assert "" not in _by_id(trace)


def test_a_child_lies_inside_its_parent_unless_the_parent_gave_up(stormy: Cluster) -> None:
    """Only the server's side of a call that was given up outlives its caller's side."""
    zombies = 0
    for trace in traces.kept(stormy):
        spans = _by_id(trace)
        for span in trace.spans:
            parent = spans.get(span.parent_id)
            if parent is None:
                continue
            assert parent.start <= span.start
            if span.end > parent.end:
                assert span.kind is Kind.SERVER
                assert _gave_up(parent)
                zombies += 1
    assert zombies > 20


def test_a_parent_comes_before_its_children(stormy: Cluster) -> None:
    """A reader who goes through the spans in order always knows the parent."""
    for trace in traces.kept(stormy):
        seen: set[str] = set()
        present = _by_id(trace)
        for span in trace.spans:
            assert span.parent_id in seen or span.parent_id not in present
            seen.add(span.span_id)


def test_both_sides_of_an_answered_call_tell_the_same(stormy: Cluster) -> None:
    """The client's span and the server's begin and end together (there is no network time) and name one status."""
    pairs = 0
    for trace in traces.kept(stormy):
        spans = _by_id(trace)
        for span in trace.spans:
            client = spans.get(span.parent_id)
            if span.kind is not Kind.SERVER or client is None or _gave_up(client):
                continue
            assert (span.start, span.end) == (client.start, client.end)
            status = span.attributes.get("http.response.status_code")
            assert client.attributes.get("http.response.status_code") == status
            assert client.attributes["server.address"] == span.resource.service
            pairs += 1
    assert pairs > 1000


def test_every_span_but_the_users_names_its_pod(cluster: Cluster) -> None:
    """Who made a span is in its resource."""
    for trace in traces.kept(cluster):
        for span in trace.spans:
            if span.resource.service == "user":
                assert span.resource.pod == ""
            else:
                assert span.resource.attributes["k8s.pod.name"] == span.resource.pod
                assert span.resource.pod.startswith(span.resource.service)


def test_the_server_spans_of_all_requests_are_the_histograms(all_sampled: None) -> None:
    """With every request sampled, the durations of server spans give the buckets and sums of the pods' histograms."""
    cluster = Cluster(seven_services(20), seed=4, noise=0)
    cluster.run_for(90)
    histograms: dict[tuple[str, str], list[int]] = {}
    for trace in traces.kept(cluster):
        for span in trace.spans:
            if span.kind is Kind.SERVER and not span.failed:
                histogram = histograms.setdefault((span.resource.pod, span.name), empty_histogram())
                histogram[SUM] += span.duration
                histogram[_bucket(span.duration)] += 1
    counted = 0
    for edge in cluster.edges:
        for replica in cluster.service(edge.server).replicas:
            name = edge.method if edge.server == "redis-cache" else f"{edge.method} {edge.route}"
            found = histograms.get((replica.name, name), empty_histogram())
            counted += sum(found[:SUM])
            served = [0] * len(found)
            for other in cluster.edges:
                if (other.server, other.method, other.route) == (edge.server, edge.method, edge.route):
                    served = [a + b for a, b in zip(served, replica.served[other.slot], strict=True)]
            assert found == served
    assert counted > 5000


def _bucket(duration: int) -> int:
    """The bucket of a duration, found without the simulator's help."""
    return sum(duration > round(bound * SECOND) for bound in BUCKETS_S)


def test_one_request_in_eight_is_kept_whole_and_nothing_else_of_a_healthy_cluster() -> None:
    """Head sampling takes every eighth; trouble is what adds to it."""
    cluster = Cluster(seven_services(20), seed=1, noise=0)
    cluster.run_for(120)
    roots = [trace.root for trace in traces.kept(cluster)]
    heads = [root for root in roots if root is not None and root.attributes["sampler.type"] == "head"]
    assert abs(len(heads) - cluster.workload.arrived / 8) < 10
    assert len(roots) - len(heads) < 0.02 * cluster.workload.arrived


def test_traces_are_whole_also_while_the_oldest_records_go(monkeypatch, all_sampled: None) -> None:
    """The newest is there, and no trace has two roots."""
    monkeypatch.setattr(engine_spans, "CAPACITY", 2 * engine_spans.CHUNK)
    cluster = Cluster(seven_services(20), seed=2)
    cluster.run_for(120)
    newest = next(iter(traces.kept(cluster)))
    assert newest.start > cluster.now - 5 * SECOND
    for trace in traces.kept(cluster):
        assert len([span for span in trace.spans if not span.parent_id]) <= 1
