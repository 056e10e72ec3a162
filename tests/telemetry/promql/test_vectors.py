"""Aggregations, operators and functions of instant vectors, on facts that can be checked by hand."""

from __future__ import annotations

import math

import pytest

from cluster_sim.telemetry.promql import QueryError, Scalar, String, Vector, evaluate

from .memory import MemorySource, series, source

T = 1_741_953_600_000


def gauges(name: str, **values: float) -> list:
    """One series a value, labelled `pod`; a name's part before `_` is its `job`."""
    return [series(name, {"pod": pod, "job": pod[0]}, [T], [value]) for pod, value in values.items()]


@pytest.fixture
def pods() -> MemorySource:
    """Used of limited memory, of three pods of two jobs."""
    tiers = (("a", "x", 10), ("b", "y", 20))
    limits = [series("limit", {"job": job, "tier": tier}, [T], [value]) for job, tier, value in tiers]
    return source(*gauges("used", a1=1, a2=5, b1=10), *gauges("spare", a1=9, a2=5, b1=10), *limits)


def found(pods: MemorySource, query: str) -> dict[tuple, float]:
    """The values of a vector by their labels."""
    result = evaluate(pods, query, T)
    assert isinstance(result, Vector)
    return {tuple(sample.labels.values()): sample.value for sample in result.samples}


def failure(pods: MemorySource, query: str) -> str:
    """The message of an execution error."""
    with pytest.raises(QueryError) as caught:
        evaluate(pods, query, T)
    assert caught.value.kind == "execution"
    return caught.value.message


def test_aggregations_keep_the_labels_they_are_told_to(pods):
    """`by` keeps them, `without` all others, and neither keeps the name."""
    assert found(pods, "sum by (job) (used)") == {("a",): 6, ("b",): 10}
    assert found(pods, "sum without (pod) (used)") == {("a",): 6, ("b",): 10}
    assert found(pods, "max(used)") == {(): 10}
    assert found(pods, "count by (__name__) ({job='a'})") == {("limit",): 1, ("spare",): 2, ("used",): 2}
    assert found(pods, "sum(nonexistent)") == {}


def test_the_first_few_keep_their_labels(pods):
    """And come in order."""
    assert list(found(pods, "topk(2, used)").values()) == [10, 5]
    assert found(pods, "bottomk by (job) (1, used)") == {("used", "a", "a1"): 1, ("used", "b", "b1"): 10}
    assert found(pods, 'count_values("mb", used)') == {("1",): 1, ("5",): 1, ("10",): 1}
    assert found(pods, "quantile(0.5, used)") == {(): 5}
    assert failure(pods, "topk(1e20, used)") == "Scalar value 1e+20 overflows int64"


def test_equal_values_have_exactly_their_mean():
    """No sum that is rounded comes between."""
    assert found(source(*gauges("x", a=0.1, b=0.1, c=0.1)), "avg(x)") == {(): 0.1}


def test_operators_match_by_labels(pods):
    """All of them, some of them, or many to one."""
    assert found(pods, "used + spare") == {("a", "a1"): 10, ("a", "a2"): 10, ("b", "b1"): 20}
    assert found(pods, "used / on(job) group_left(tier) limit") == {
        ("a", "a1", "x"): 0.1,
        ("a", "a2", "x"): 0.5,
        ("b", "b1", "y"): 0.5,
    }
    assert found(pods, "sum by (job) (used) == on(job) (limit - 4)") == {("a",): 6}
    assert found(pods, "used > 4") == {("used", "a", "a2"): 5, ("used", "b", "b1"): 10}
    assert found(pods, "used > bool 4") == {("a", "a1"): 0, ("a", "a2"): 1, ("b", "b1"): 1}


def test_sets_are_made_by_labels(pods):
    """The name does not count."""
    assert found(pods, "used and spare > 9") == {("used", "b", "b1"): 10}
    assert found(pods, "used unless spare > 9").keys() == {("used", "a", "a1"), ("used", "a", "a2")}
    assert found(pods, "used > 5 or on(job) spare") == {
        ("used", "b", "b1"): 10,
        ("spare", "a", "a1"): 9,
        ("spare", "a", "a2"): 5,
    }


def test_ambiguous_matches_are_refused_as_prometheus_words_it(pods):
    """Which side has too many is told."""
    assert failure(pods, "limit * on(job) used") == (
        'found duplicate series for the match group {job="a"} on the right hand-side of the operation: '
        '[{__name__="used", job="a", pod="a2"}, {__name__="used", job="a", pod="a1"}];'
        "many-to-many matching not allowed: matching labels must be unique on one side"
    )
    assert failure(pods, "used * on(job) limit") == (
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    )
    assert failure(pods, "used * on(job) group_left(pod) limit") == (
        "multiple matches for labels: grouping labels must ensure unique matches"
    )
    assert failure(pods, 'abs({__name__=~"used|spare"})') == "vector cannot contain metrics with the same labelset"


def test_labels_can_be_made_of_others(pods):
    """Groups of the whole match; an empty label is none."""
    assert found(pods, 'label_replace(limit, "tier", "${1}-$2", "job", "(.)()")') == {
        ("limit", "a", "a-"): 10,
        ("limit", "b", "b-"): 20,
    }
    assert found(pods, 'label_join(limit, "both", "/", "job", "tier") ')[("limit", "a/x", "a", "x")] == 10
    assert "same labelset" in failure(pods, 'label_replace(used, "pod", "", "pod", ".*")')
    assert "invalid destination label name" in failure(pods, 'label_replace(used, "a-b", "", "job", "")')
    assert "longer than" in failure(pods, f'label_join(used, "pod", "{"x" * 900}", "pod", "pod", "pod")')


def test_what_is_absent_has_the_labels_it_was_asked_with(pods):
    """Those asked for by equality."""
    assert found(pods, 'absent(gone{job="a", tier!="b"})') == {("a",): 1}
    assert found(pods, "absent(used)") == {}


def test_numbers_strings_and_vectors_of_one(pods):
    """A vector of several is no number."""
    assert evaluate(pods, "1 + 2 * 3", T) == Scalar(T, 7.0)
    assert evaluate(pods, "'text'", T) == String(T, "text")
    assert evaluate(pods, "time()", T) == Scalar(T, T / 1000)
    assert found(pods, "vector(scalar(limit{job='a'}))") == {(): 10}
    assert math.isnan(found(pods, "vector(scalar(limit))")[()])


def test_sorting_orders_an_instant_vector(pods):
    """NaN comes last either way."""
    assert list(found(pods, "sort(used)").values()) == [1, 5, 10]
    assert list(found(pods, "sort_desc(used)").values()) == [10, 5, 1]


def test_quantiles_of_a_histogram_lie_within_its_buckets():
    """Linear inside a bucket; the last bucket answers with its lower bound."""
    buckets = source(
        *(series("b_bucket", {"le": le}, [T], [count]) for le, count in (("1", 10), ("2", 30), ("+Inf", 40)))
    )
    assert found(buckets, "histogram_quantile(0.5, b_bucket)") == {(): 1.5}
    assert found(buckets, "histogram_quantile(0.1, b_bucket)") == {(): 0.4}
    assert found(buckets, "histogram_quantile(0.99, b_bucket)") == {(): 2}
    assert found(buckets, "histogram_quantile(2, b_bucket)") == {(): math.inf}
    assert math.isnan(found(buckets, 'histogram_quantile(0.5, b_bucket{le!="+Inf"})')[()])


def test_dates_are_read_in_utc(pods):
    """14 March 2025 was a Friday, at noon."""
    parts = {name: found(pods, f"{name}()")[()] for name in ("year", "month", "day_of_month", "day_of_week", "hour")}
    assert parts == {"year": 2025, "month": 3, "day_of_month": 14, "day_of_week": 5, "hour": 12}
    assert found(pods, "days_in_month(vector(1709164800))") == {(): 29}
    assert "not supported" in failure(pods, "hour(vector(NaN))")
