"""What selectors see: the newest sample, staleness, spans, other times."""

from __future__ import annotations

import pytest

from cluster_sim.telemetry.promql import Matrix, QueryError, Vector, evaluate, evaluate_range
from cluster_sim.telemetry.series import STALE

from .memory import MemorySource, series, source

T = 1_741_953_600_000
STEP = 15_000


def values(found: MemorySource, query: str, at_ms: int, **options) -> dict[str, float]:
    """The values of a vector by their label `a`."""
    result = evaluate(found, query, at_ms, **options)
    assert isinstance(result, Vector)
    return {sample.labels.get("a", ""): sample.value for sample in result.samples}


@pytest.fixture
def gauge() -> MemorySource:
    """Samples 0 to 8, every 15 seconds."""
    return source(series("x", {"a": "one"}, [T + STEP * i for i in range(9)], range(9)))


def test_the_newest_sample_counts_for_five_minutes(gauge):
    """Exactly five minutes is not too old; Prometheus 3 leaves the edge out."""
    last = T + 8 * STEP
    assert values(gauge, "x", last + 300_000) == {"one": 8}
    assert values(gauge, "x", last + 300_001) == {}
    assert values(gauge, "x", last + 300_000, left_open=True) == {}
    assert values(gauge, "x", last + 30_001, lookback_ms=30_000) == {}
    assert values(gauge, "x", T - 1) == {}


def test_a_staleness_marker_ends_a_series_at_once():
    """Until it has a sample again."""
    found = source(series("x", {"a": "one"}, [T, T + 10, T + 20, T + 30], [1.0, STALE, STALE, 4.0]))
    assert [values(found, "x", T + offset) for offset in (5, 10, 25, 30)] == [{"one": 1}, {}, {}, {"one": 4}]


def test_markers_are_not_samples_of_a_span():
    """They are skipped, so that rates go on over them."""
    found = source(series("x", {"a": "one"}, [T, T + 10, T + 20, T + 30], [1.0, STALE, 3.0, 4.0]))
    assert values(found, "count_over_time(x[1m])", T + 30) == {"one": 3}
    result = evaluate(found, "x[1m]", T + 30)
    assert isinstance(result, Matrix)
    assert result.series[0].values.tolist() == [1, 3, 4]


def test_an_ordinary_nan_is_a_sample():
    """Only the marker's bits end a series."""
    found = source(series("x", {"a": "one"}, [T, T + 10], [1.0, float("nan")]))
    assert str(values(found, "x", T + 10)) == "{'one': nan}"


def test_spans_hold_both_their_ends_or_in_prometheus_3_only_the_last(gauge):
    """A minute has five samples, or four."""
    at = T + 8 * STEP
    assert values(gauge, "count_over_time(x[1m])", at) == {"one": 5}
    assert values(gauge, "count_over_time(x[1m])", at, left_open=True) == {"one": 4}
    assert values(gauge, "count_over_time(x[1m:15s])", at) == {"one": 5}
    assert values(gauge, "count_over_time(x[1m:15s])", at, left_open=True) == {"one": 4}


def test_offsets_and_at_look_at_other_times(gauge):
    """Offset is relative to `@`."""
    at = T + 4 * STEP
    assert values(gauge, "x offset 30s", at) == {"one": 2}
    assert values(gauge, "x offset -30s", at) == {"one": 6}
    assert values(gauge, f"x @ {T / 1000 + 75}", at) == {"one": 5}
    assert values(gauge, f"x @ {T / 1000 + 75} offset 15s", at) == {"one": 4}


def test_start_and_end_are_those_of_the_range_query(gauge):
    """Inside subqueries as well."""
    result = evaluate_range(gauge, "x @ start() * 10 + max_over_time((x @ end())[30s:15s])", T, T + 4 * STEP, STEP)
    assert result.series[0].values.tolist() == [4] * 5


def test_subqueries_take_multiples_of_their_step(gauge):
    """Whatever the instant is."""
    result = evaluate(gauge, "timestamp(x)[1m:20s]", T + 4 * STEP + 7)
    assert isinstance(result, Matrix)
    assert [at % 20_000 for at in result.series[0].times.tolist()] == [0, 0, 0]


def test_the_default_step_of_subqueries_can_be_set(gauge):
    """It is the server's evaluation interval."""
    at = T + 8 * STEP
    assert values(gauge, "count_over_time(x[2m:])", at) == {"one": 3}
    assert values(gauge, "count_over_time(x[2m:])", at, subquery_step_ms=15_000) == {"one": 9}


def test_a_range_query_leaves_out_what_is_not_there(gauge):
    """Steps without a value have no point, series without a point are not there."""
    result = evaluate_range(gauge, "x > 5", T, T + 8 * STEP, STEP)
    assert result.series[0].times.tolist() == [T + 6 * STEP, T + 7 * STEP, T + 8 * STEP]
    assert evaluate_range(gauge, "x > 50", T, T + 8 * STEP, STEP).series == []


@pytest.mark.parametrize(
    ("query", "start", "end", "step"), [("x", T, T - 1, STEP), ("x", T, T, 0), ("x[5m]", T, T, 1), ("'x'", T, T, 1)]
)
def test_range_queries_that_cannot_be_are_bad_data(gauge, query, start, end, step):
    """Reversed spans, steps of nothing, and what is no vector."""
    with pytest.raises(QueryError) as caught:
        evaluate_range(gauge, query, start, end, step)
    assert caught.value.kind == "bad_data"


def test_series_sampled_at_different_instants_are_answered_together():
    """Each target has its own offset, and gaps of its own."""
    found = source(
        series("x", {"a": "one"}, [T, T + STEP, T + 2 * STEP], [1, 2, 3]),
        series("x", {"a": "two"}, [T + 5, T + STEP + 5, T + 2 * STEP + 5], [10, 20, 30]),
        series("x", {"a": "three"}, [T + 5, T + 2 * STEP + 5], [100, 300]),
        series("x", {"a": "four"}, [T + 5, T + STEP + 5, T + 2 * STEP + 5], [7, STALE, 9]),
    )
    assert values(found, "x", T + STEP + 1) == {"one": 2, "two": 10, "three": 100, "four": 7}
    assert values(found, "sum_over_time(x[1m])", T + 2 * STEP + 5) == {"one": 6, "two": 60, "three": 400, "four": 16}
