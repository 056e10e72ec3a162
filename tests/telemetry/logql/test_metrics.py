"""What is counted, summed and compared."""

import math

import pytest

from cluster_sim.telemetry import logql

from .small_store import SECOND, SmallStore, metric, values

A, B = {"pod": "a", "zone": "x"}, {"pod": "b", "zone": "x"}
STORE = SmallStore(
    *((at, A, f"status=200 took={at}ms") for at in (10, 20, 30, 40, 50, 60)),
    *((at, B, f"status=500 took={at * 10}ms") for at in (15, 45)),
    (70, {"pod": "c", "zone": "y"}, "no pairs"),
)
ALL = '{zone=~".+"}'
TOOK = f"{ALL} | logfmt | unwrap duration(took)"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"count_over_time({ALL}[1m])", {("a", "x"): 6, ("b", "x"): 2}),
        (f"sum(count_over_time({ALL}[1m]))", {(): 8}),
        (f"sum by (zone)(count_over_time({ALL}[1m]))", {("x",): 8}),
        (f"sum without (pod)(rate({ALL}[1m]))", {("x",): 8 / 60}),
        (f"avg(count_over_time({ALL}[1m]))", {(): 4}),
        (f"min(count_over_time({ALL}[1m]))", {(): 2}),
        (f"max(count_over_time({ALL}[1m]))", {(): 6}),
        (f"count(count_over_time({ALL}[1m]))", {(): 2}),
        (f"stddev(count_over_time({ALL}[1m]))", {(): 2}),
        (f"topk(1, count_over_time({ALL}[1m]))", {("a", "x"): 6}),
        (f"bottomk(1, count_over_time({ALL}[1m]))", {("b", "x"): 2}),
        (f"bytes_over_time({ALL}[20s])", {("a", "x"): 40, ("b", "x"): 21}),
        (f'count_over_time({ALL} |= "status=500" [30s] offset 15s)', {("b", "x"): 1}),
        (f"sum by (pod)(sum_over_time({TOOK} [1m]))", {("a",): 0.21, ("b",): 0.6}),
        (f"max_over_time({TOOK} [1m]) by (pod)", {("a",): 0.06, ("b",): 0.45}),
        (f"min_over_time({TOOK} [1m]) by (pod)", {("a",): 0.01, ("b",): 0.15}),
        (f"avg_over_time({ALL} | logfmt | unwrap status [1m]) by (pod)", {("a",): 200, ("b",): 500}),
        (f"last_over_time({TOOK} [1m]) by (zone)", {("x",): 0.06}),
        (f"first_over_time({TOOK} [1m]) by (zone)", {("x",): 0.01}),
        (
            f"quantile_over_time(0.5, {TOOK} [1m]) by (pod)",
            {("a",): 0.035, ("b",): 0.3},
        ),
        (f"count_over_time({ALL}[1m]) > 2", {("a", "x"): 6}),
        (f"count_over_time({ALL}[1m]) > bool 2", {("a", "x"): 1, ("b", "x"): 0}),
        (f"100 - sum(count_over_time({ALL}[1m])) * 2", {(): 84}),
        (f'sum(rate({ALL} |= "status=500" [1m])) / sum(rate({ALL}[1m]))', {(): 0.25}),
        (f"rate({ALL}[1m]) / on (pod) count_over_time({ALL}[1m])", {("a",): 1 / 60, ("b",): 1 / 60}),
        (f'count_over_time({ALL}[1m]) unless on (pod) count_over_time({{pod="a"}}[1m])', {("b", "x"): 2}),
        (f'count_over_time({{pod="b"}}[1m]) or count_over_time({ALL}[1m])', {("a", "x"): 6, ("b", "x"): 2}),
        ("vector(1)+vector(1)", {(): 2}),
        ("2 ^ 3 ^ 0 % 2", {(): 0}),
        ('sum(count_over_time({zone="nowhere"}[1m]))', {}),
    ],
)
def test_a_metric_query_at_a_minute(query: str, found: dict) -> None:
    assert values(STORE, query, 60) == pytest.approx(found)


def test_a_window_holds_its_end_and_not_its_beginning() -> None:
    query = 'count_over_time({pod="a"}[10s])'
    assert values(STORE, query, 20) == {("a", "x"): 1}
    assert values(STORE, query, 19.999) == {("a", "x"): 1}
    assert values(STORE, query, 70.001) == {}


def test_a_range_has_a_value_at_each_step_at_which_there_is_one() -> None:
    query = metric('count_over_time({pod=~"a|c"}[20s])')
    found = logql.over_range(STORE, query, start=0, end=100 * SECOND, step=25 * SECOND)
    assert [(labels["pod"], [(at // SECOND, value) for at, value in points]) for labels, points in found.series] == [
        ("a", [(25, 2), (50, 2), (75, 1)]),
        ("c", [(75, 1)]),
    ]


def test_a_number_is_a_scalar_at_an_instant_and_a_series_over_a_range() -> None:
    assert logql.at_instant(STORE, metric("1 + 1"), 5).kind == "scalar"
    found = logql.over_range(STORE, metric("1 + 1"), start=0, end=2, step=1)
    assert found.series == [({}, [(0, 2.0), (1, 2.0), (2, 2.0)])]


def test_dividing_by_nothing_is_no_error() -> None:
    assert values(STORE, "vector(1) / 0", 60) == {(): math.inf}
    assert math.isnan(values(STORE, "vector(0) / 0", 60)[()])


def test_lines_that_cannot_be_parsed_are_an_error_of_a_metric_query() -> None:
    with pytest.raises(logql.QueryError, match="pipeline error: 'JSONParserErr' for series"):
        values(STORE, f"sum(count_over_time({ALL} | json [1m]))", 60)
    assert values(STORE, f'sum(count_over_time({ALL} | json | __error__="" [1m]))', 60) == {}


def test_several_partners_are_an_error() -> None:
    with pytest.raises(logql.QueryError, match="many-to-one matching must be explicit"):
        values(STORE, f"count_over_time({ALL}[1m]) / on (zone) count_over_time({ALL}[1m])", 60)


def test_a_sorted_vector_is_in_the_order_of_its_values() -> None:
    found = logql.at_instant(STORE, metric(f"sort(count_over_time({ALL}[1m]))"), 60 * SECOND)
    assert [labels["pod"] for labels, _ in found.series] == ["b", "a"]
