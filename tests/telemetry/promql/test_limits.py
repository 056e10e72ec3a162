"""Queries that ask for too much are refused for what they ask, not for how long they took."""

from __future__ import annotations

import pytest

from cluster_sim.telemetry.promql import QueryError, Vector, evaluate, evaluate_range

from .memory import MemorySource, series, source

T = 1_741_953_600_000
TOO_MUCH = "query processing would load too many samples into memory in query execution"


@pytest.fixture(scope="module")
def crowd() -> MemorySource:
    """A thousand series of two minutes."""
    times = [T + 15_000 * i for i in range(9)]
    return source(*(series("x", {"pod": f"pod-{i}", "text": "a" * 30}, times, range(9)) for i in range(1000)))


@pytest.mark.parametrize(
    "query",
    [
        "max_over_time(sum_over_time(x[1d:1s])[1d:1s])",
        "sum_over_time(x[100y:1ms])",
        "stddev_over_time(vector(1)[10d:1s])",
        "+".join(["x"] * 150),
        "count_over_time((" + "+".join(["x"] * 20) + ")[10m:1s])",
    ],
)
def test_work_is_bounded(crowd, query):
    """The same query over the same data always ends the same."""
    for _ in range(2):
        with pytest.raises(QueryError, match=TOO_MUCH) as caught:
            evaluate(crowd, query, T + 120_000)
        assert caught.value.kind == "execution"


def test_steps_are_bounded(crowd):
    """A million of one number, or thousands of a thousand series."""
    with pytest.raises(QueryError, match=TOO_MUCH):
        evaluate_range(crowd, "1", T, T + 10**9, 1)
    with pytest.raises(QueryError, match=TOO_MUCH):
        evaluate_range(crowd, "x", T, T + 110_000, 10)


def test_an_allowance_can_be_given(crowd):
    """Callers with less patience."""
    assert isinstance(evaluate(crowd, "sum(x)", T), Vector)
    with pytest.raises(QueryError, match=TOO_MUCH):
        evaluate(crowd, "sum(x)", T, most_work=1000)


@pytest.mark.parametrize(
    "query",
    [
        'x{text=~"(a+)+$"}',
        'x{text=~"(a*)*(a*)*(a*)*b"}',
        'x{text=~"' + "(a*)*" * 800 + '"}',
        'label_replace(x, "made", "$1", "text", "((a+)+)+b?")',
    ],
)
def test_patterns_that_make_others_backtrack_do_not(crowd, query):
    """RE2 is linear in the text."""
    result = evaluate(crowd, query, T)
    assert isinstance(result, Vector)


def test_too_large_patterns_and_too_many_conditions_are_refused(crowd):
    """Before anything is read."""
    for query in (
        'label_replace(x, "made", "$1", "text", "' + "(.*)" * 500 + '")',
        "x{" + ",".join(f'pod!="{i}"' for i in range(100)) + "}",
        'x{pod=~"' + "a" * 5000 + '"}',
    ):
        with pytest.raises(QueryError):
            evaluate(crowd, query, T)
