"""What is kept of spans: the records that were made, packed, for an hour and within bounds."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim import FAULTS, Cluster, seven_services
from cluster_sim.clock import SECOND
from cluster_sim.engine import spans
from cluster_sim.engine.call import KEPT, SAMPLED
from cluster_sim.engine.chunk import chunk_of
from cluster_sim.engine.log import RETENTION
from cluster_sim.engine.spans import CAPACITY, CHUNK, LAYOUT, MOST_KEPT, NOBODY, RECORD_BYTES, SPAN, USER, SpanLog

RANGES = {"q": (-(2**63), 2**63 - 1), "H": (0, 2**16 - 1), "B": (0, 2**8 - 1)}

any_record = st.tuples(*(st.integers(*RANGES[kind]) | st.sampled_from(RANGES[kind]) for _, kind in LAYOUT))


def records(count: int, *, every_s: float = 1.0, kept_of: int = 0) -> np.ndarray:
    """Records of calls at regular intervals, so many in ten of them kept for their trouble."""
    rows = np.zeros(count, SPAN)
    place = np.arange(count)
    rows["number"] = place
    rows["end"] = (place * every_s * SECOND).astype(np.int64)
    rows["start"] = rows["end"] - 20_000_000
    rows["caller_start"] = rows["start"] - 1_000_000
    rows["edge"] = place % 7
    rows["caller"] = np.where(place % 7, place % 5, USER)
    rows["sampled"] = np.where(place % 10 < kept_of, KEPT, SAMPLED)
    return rows


def log_of(rows: np.ndarray, step: int | None = None) -> SpanLog:
    """A log that got its records so many at once."""
    log = SpanLog()
    for begin in range(0, len(rows), step or len(rows)):
        log.extend(rows[begin : begin + (step or len(rows))])
    return log


# ---------------------------------------------------------------- packing


@given(st.lists(any_record, min_size=1, max_size=30))
def test_any_records_come_back_from_a_chunk_as_they_were(some: list[tuple[int, ...]]) -> None:
    """Whatever is in their fields."""
    rows = np.array(some, SPAN)
    chunk = chunk_of(rows)
    assert chunk.rows().tobytes() == rows.tobytes()
    for name, _ in LAYOUT:
        assert chunk.column(name).tolist() == rows[name].tolist()


def test_a_chunk_takes_little_more_than_half_of_what_its_records_take() -> None:
    """Of a cluster at work."""
    cluster = Cluster(seven_services(20), seed=3)
    cluster.run_for(120)
    rows = cluster.recorder.spans.rows()
    assert {USER, NOBODY} <= set(rows["edge"].tolist()) | set(rows["caller"].tolist())
    assert len(chunk_of(rows).columns) < 0.6 * RECORD_BYTES * len(rows)


# ---------------------------------------------------------------- order and batches


def test_records_are_made_in_the_order_of_time() -> None:
    """Each at its end."""
    cluster = Cluster(seven_services(20), seed=3)
    cluster.run_for(120)
    ends = cluster.recorder.spans.rows()["end"]
    assert len(ends) > CHUNK
    assert np.all(np.diff(ends) >= 0)


@pytest.mark.parametrize("step", [1, 100, CHUNK - 1, CHUNK, 5 * CHUNK + 3])
def test_it_does_not_matter_how_many_records_come_at_once(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The same records leave the same bytes and the same snapshot, also where some of them go again."""
    monkeypatch.setattr(spans, "CAPACITY", 6 * CHUNK)
    monkeypatch.setattr(spans, "MOST_KEPT", 2 * CHUNK)
    rows = records(9 * CHUNK + 50, every_s=0.01, kept_of=5)
    whole, stepped = log_of(rows), log_of(rows, step)
    assert stepped.packed() == whole.packed()
    assert pickle.dumps(stepped) == pickle.dumps(whole)
    assert 0 < len(whole.rows()) < len(rows)


def test_records_handed_over_in_bulk_are_those_that_events_leave() -> None:
    """The second half of a run, taken from one cluster and given to the log of another."""
    cluster = Cluster(seven_services(20), seed=3)
    cluster.run_for(60)
    half = pickle.loads(pickle.dumps(cluster.recorder.spans))
    before = len(half.rows())
    cluster.run_for(180)
    half.extend(cluster.recorder.spans.rows()[before:])
    assert half.packed() == cluster.recorder.spans.packed()


def test_when_a_log_is_read_or_saved_does_not_matter() -> None:
    """Reading packs nothing and drops nothing."""
    read, unread = (Cluster(seven_services(20), seed=3) for _ in range(2))
    for _ in range(40):
        read.run_for(3)
        read.recorder.spans.rows()
        pickle.dumps(read.recorder.spans)
    unread.run_for(120)
    assert pickle.dumps(read.recorder.spans) == pickle.dumps(unread.recorder.spans)


@pytest.mark.parametrize(("first", "last"), [(0, 10), (CHUNK - 2, CHUNK + 2), (500, 3000), (0, 10**6), (9000, 9001)])
def test_the_chunks_of_a_span_of_time_hold_all_its_records(first: int, last: int) -> None:
    """And perhaps some more."""
    rows = records(3 * CHUNK + 5)
    found = [end for c in log_of(rows).chunks(first * SECOND, last * SECOND) for end in c.column("end").tolist()]
    wanted = [end for end in rows["end"].tolist() if first * SECOND <= end <= last * SECOND]
    assert [end for end in found if first * SECOND <= end <= last * SECOND] == wanted
    assert len(found) <= len(wanted) + 3 * CHUNK


# ---------------------------------------------------------------- what goes


def test_sampled_requests_are_kept_for_an_hour_also_in_an_incident_that_lasts_as_long() -> None:
    """At four times the records a healthy cluster makes, three of four of them kept for their trouble."""
    rows = records(round(1.25 * 3600 * 40), every_s=1 / 40, kept_of=7)
    log = log_of(rows, 5000)
    kept = log.rows()
    sampled = kept[kept["sampled"] == SAMPLED]
    now = int(rows["end"][-1])
    wanted = rows[(rows["sampled"] == SAMPLED) & (rows["end"] >= now - RETENTION)]
    assert sampled[-len(wanted) :].tobytes() == wanted.tobytes()
    assert len(pickle.dumps(log)) < 2_500_000


def test_what_is_older_than_an_hour_goes() -> None:
    """Up to a chunk that is partly younger."""
    rows = records(5 * CHUNK, every_s=2.0)
    oldest = int(log_of(rows).rows()["end"][0])
    assert int(rows["end"][-1]) - oldest <= RETENTION + 2 * CHUNK * 2 * SECOND


def test_of_requests_kept_for_their_trouble_the_newest_are_there() -> None:
    """Nothing of the sampled ones goes with the others."""
    rows = records(MOST_KEPT // CHUNK * 2 * CHUNK, every_s=0.001, kept_of=8)
    kept = log_of(rows, 10_000).rows()
    assert (kept["sampled"] == SAMPLED).sum() == (rows["sampled"] == SAMPLED).sum()
    trouble = kept[kept["sampled"] == KEPT]
    assert trouble.tobytes() == rows[rows["sampled"] == KEPT][-len(trouble) :].tobytes()
    assert MOST_KEPT - CHUNK <= len(trouble) <= MOST_KEPT + CHUNK


def test_a_flood_does_not_fill_the_memory() -> None:
    """The newest records stay."""
    rows = records(2 * CAPACITY, every_s=1e-4)
    kept = log_of(rows).rows()
    assert CAPACITY - CHUNK <= len(kept) <= CAPACITY + CHUNK
    assert kept.tobytes() == rows[-len(kept) :].tobytes()


def test_the_items_of_a_call_are_those_it_was_made_with_however_late_its_span_is_packed():
    """A cart that is asked for item by item grows shorter while earlier calls wait to be made bytes."""
    fault = FAULTS["n_plus_one"]

    def spans(*, fast_forward: bool) -> bytes:
        cluster = Cluster(fault.spec(seven_services()), 5, fast_forward=fast_forward)
        cluster.run_for(600)  # computed at once, other records come together in one batch
        fault.inject(cluster)
        cluster.run_for(200)
        return cluster.recorder.spans.packed()

    assert spans(fast_forward=True) == spans(fast_forward=False)
