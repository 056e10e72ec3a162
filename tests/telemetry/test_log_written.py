"""What the programs wrote: access lines are those that would have been written at the time, among the other records."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cluster_sim import FAULTS, Cluster, seven_services
from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.engine.call import KEPT, SAMPLED
from cluster_sim.engine.failures import DENIALS, STATUS, Failure
from cluster_sim.engine.log import LogRecord
from cluster_sim.engine.spans import GIVEN_UP, SERVED, SPAN
from cluster_sim.telemetry.logs import Written, recent
from tests.support.storms import SERVICES, Blow, shop, strike


class Notes(list[Any]):
    """The notes of a span log, which writes the access line of each answer at once."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.lines: dict[str, list[LogRecord]] = {name: [] for name in cluster.services}

    def append(self, note: Any) -> None:
        """Take a note, and write the line if there is one."""
        super().append(note)
        if len(note) == 4:
            call, _, now, failure = note
            edge, replica = call.edge, call.replica
            status = STATUS[failure] if failure else 200
            told = not failure or failure in DENIALS
            if told and call.flow.sampled == SAMPLED and now - call.start >= edge.logged_from:
                data = (edge.index, status, now - call.start, call.flow.number)
                self.lines[replica.service.name].append(LogRecord(now, replica.name, "access", data))


def watched(cluster: Cluster) -> Notes:
    """Have the access lines of a cluster written from now on."""
    cluster.fast_forward = False  # whoever computes ahead takes no notes
    cluster.recorder.spans.fresh = notes = Notes(cluster)
    return notes


def derived(cluster: Cluster, service: str) -> list[LogRecord]:
    """The access lines as they are read."""
    records = Written(cluster, 0, cluster.now).records(cluster.service(service))
    return [record for record in records if record.event == "access"]


# ---------------------------------------------------------------- access lines


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_access_lines_are_those_that_would_have_been_written(fault: str | None) -> None:
    """Healthy and in every incident."""
    cluster = Cluster(seven_services(20), seed=6)
    notes = watched(cluster)
    cluster.run_for(60)
    if fault is not None:
        FAULTS[fault].inject(cluster)
    cluster.run_for(150)
    for name in cluster.services:
        assert derived(cluster, name) == notes.lines[name]
    assert sum(len(lines) for lines in notes.lines.values()) > 500


def test_refused_tokens_and_slow_queries_are_among_them() -> None:
    """An answer of 401 has an access line of its own; a query has one if it was slow."""
    cluster = Cluster(seven_services(20), seed=6)
    notes = watched(cluster)
    FAULTS["jwt_partial_rotation"].inject(cluster)
    cluster.service("postgres-db").replicas[0].set_slow(15.0)
    cluster.run_for(150)
    for name in cluster.services:
        assert derived(cluster, name) == notes.lines[name]
    statuses = {line.data[1] for lines in notes.lines.values() for line in lines}
    assert statuses == {200, 401}
    queries = notes.lines["postgres-db"]
    assert len(queries) > 20
    assert min(int(str(line.data[2])) for line in queries) >= 500 * MILLISECOND
    assert not notes.lines["redis-cache"]
    shown = recent(cluster, "postgres-db", limit=10_000, grep="duration:")
    assert len(shown) == len(queries)


def test_access_lines_are_those_of_the_time_also_through_storms() -> None:
    """Restarts, cancellations and deploys in the middle of calls."""
    cluster = Cluster(shop(), seed=11)
    notes = watched(cluster)
    cluster.run_for(5)
    for turn, kind in enumerate(("restart", "cancel", "slow", "scale", "errors", "evict", "roll") * 3):
        strike(cluster, Blow(kind, SERVICES[turn % len(SERVICES)], (turn * 7 % 10) / 10, 4.0))
    for name in cluster.services:
        assert derived(cluster, name) == notes.lines[name]
    assert sum(len(lines) for lines in notes.lines.values()) > 100


# ---------------------------------------------------------------- among the other records


def served(at: int, number: int, edge: int, pod: int, **fields: int) -> np.ndarray:
    """The record of a call that took ten milliseconds."""
    row = np.zeros(1, SPAN)
    values = {"number": number, "start": at - 10 * MILLISECOND, "end": at, "edge": edge, "pod": pod}
    for name, value in ({"sampled": SAMPLED, "kind": SERVED} | values | fields).items():
        row[name] = value
    return row


def crowded(cluster: Cluster) -> list[str]:
    """Let several things be written at two instants; returns who wrote them in the order in which they are read."""
    edge = next(edge for edge in cluster.edges if edge.server == "auth-service")
    log, spans = cluster.service("auth-service").log, cluster.recorder.spans
    pod = cluster.service("auth-service").replicas[0].uid
    at = cluster.now
    cluster.run_for(2)
    log.fresh.clear()
    spans.fresh.clear()
    spans.extend(served(at + 1, 1, edge.index, pod))
    spans.extend(served(at + 1, 2, edge.index, pod, failure=Failure.EXPIRED))
    spans.extend(served(at + 1, 3, edge.index, pod, sampled=KEPT))
    spans.extend(served(at + 1, 4, edge.index, pod, failure=Failure.SERVER_ERROR))
    spans.extend(served(at + 1, 5, edge.index, pod, kind=GIVEN_UP))
    spans.extend(served(at + 2, 6, edge.index, pod))
    for after, event in ((0, "a"), (1, "b"), (1, "c"), (3, "d")):
        log.append(LogRecord(at + after, "someone", event, (0, 0, 0, 0)))
    return ["a", "b", "c", "access 1", "access 2", "access 6", "d"]


def told(record: LogRecord) -> str:
    """An event, of access lines with the number of the request."""
    return f"{record.event} {record.data[3]}" if record.event == "access" else record.event


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_one_instant_access_lines_come_last_in_the_order_of_their_spans(newest_first: bool) -> None:
    """In both directions."""
    cluster = Cluster(seven_services(20), seed=6, noise=0)
    cluster.run_for(0.001)
    at = cluster.now
    expected = crowded(cluster)
    written = Written(cluster, at, at + 3, newest_first=newest_first)
    found = [told(record) for record in written.records(cluster.service("auth-service"))]
    assert found == (expected[::-1] if newest_first else expected)
    inner = Written(cluster, at + 1, at + 1, newest_first=newest_first)
    found = [told(record) for record in inner.records(cluster.service("auth-service"))]
    assert found == (expected[1:5][::-1] if newest_first else expected[1:5])


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_record_comes_with_the_one_before_it_of_the_same_instant(cluster: Cluster, newest_first: bool) -> None:
    """The first of an instant with none, also where the span of time begins there."""
    for service in cluster.services.values():
        records = list(Written(cluster, 0, cluster.now).records(service))
        middle = records[len(records) // 2].at
        for first in (0, middle):
            pairs = list(Written(cluster, first, cluster.now, newest_first=newest_first).pairs(service))
            chosen = [record for record in records if record.at >= first]
            before = [None, *(one if one.at == other.at else None for one, other in pairwise(chosen))]
            expected = list(zip(chosen, before, strict=True)) if chosen else []
            assert pairs == (expected[::-1] if newest_first else expected)


def test_both_directions_and_every_span_of_time_show_the_same_records(cluster: Cluster) -> None:
    """Cut into pieces, nothing is lost and nothing comes twice."""
    cuts = [*range(0, cluster.now, 37 * SECOND), cluster.now + 1]
    for service in cluster.services.values():
        whole = list(Written(cluster, 0, cluster.now).records(service))
        pieces = [list(Written(cluster, a, b - 1).records(service)) for a, b in pairwise(cuts)]
        assert [record for piece in pieces for record in piece] == whole
        assert list(Written(cluster, 0, cluster.now, newest_first=True).records(service)) == whole[::-1]
