"""What is kept of a service's log."""

import pickle

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.log import BLOCK, RETENTION, Log, LogRecord


def record(number: int, at: int | None = None) -> LogRecord:
    return LogRecord(
        number * SECOND if at is None else at, f"pod-{number % 3}", "event", (number, Failure.TIMEOUT, "kid")
    )


def log_of(records: list[LogRecord]) -> Log:
    log = Log()
    for one in records:
        log.append(one)
    return log


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_what_was_written_is_read(count: int) -> None:
    records = [record(number) for number in range(count)]
    assert list(log_of(records)) == records


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_span_is_cut_out_of_it(newest_first: bool) -> None:
    records = [record(number) for number in range(3 * BLOCK + 7)]
    for first, last in ((0, 10), (BLOCK - 3, BLOCK + 3), (10, 3 * BLOCK), (3 * BLOCK, 10**6), (10**6, 10**7)):
        found = list(log_of(records).span(first * SECOND, last * SECOND, newest_first=newest_first))
        assert (found[::-1] if newest_first else found) == records[first : last + 1]


def test_an_hour_is_kept_and_not_much_more() -> None:
    log = log_of([record(number) for number in range(2 * RETENTION // SECOND)])
    kept = [one.at for one in log]
    assert kept[-1] - kept[0] >= RETENTION - SECOND
    assert kept[-1] - kept[0] <= RETENTION + 2 * BLOCK * SECOND


def test_a_storm_does_not_fill_the_memory() -> None:
    log = log_of([record(number, at=number) for number in range(BLOCK * 1100)])
    assert len(list(log)) <= 1025 * BLOCK


def test_the_same_records_are_packed_to_the_same_bytes_also_after_a_snapshot() -> None:
    records = [record(number) for number in range(3 * BLOCK)]
    whole = log_of(records)
    resumed = pickle.loads(pickle.dumps(log_of(records[: BLOCK + 100])))
    for one in pickle.loads(pickle.dumps(records[BLOCK + 100 :])):
        resumed.append(one)
    assert [block.rows for block in resumed.blocks] == [block.rows for block in whole.blocks]
