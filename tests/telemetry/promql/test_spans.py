"""Functions of range vectors, on numbers that can be checked by hand."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.telemetry.promql import QueryError, Vector, evaluate, evaluate_range

from .memory import series, source

T = 1_741_953_600_000


def at_end(query: str, samples: Sequence[float], every_ms: int = 15_000) -> float | None:
    """The value at the last sample's instant, of a series `x`."""
    times = [T + every_ms * i for i in range(len(samples))]
    result = evaluate(source(series("x", {}, times, samples)), query, times[-1])
    assert isinstance(result, Vector)
    return result.samples[0].value if result.samples else None


def test_a_rate_is_per_second_and_covers_the_whole_span():
    """Ten a sample, every fifteen seconds."""
    assert at_end("rate(x[1m])", [100, 110, 120, 130, 140]) == pytest.approx(40 / 60)
    assert at_end("increase(x[1m])", [100, 110, 120, 130, 140]) == pytest.approx(40)


def test_a_reset_counts_from_zero():
    """What was reached before it is kept."""
    assert at_end("increase(x[1m])", [100, 110, 5, 15, 25]) == pytest.approx(10 + 5 + 10 + 10)
    assert at_end("resets(x[1m])", [100, 110, 5, 15, 2]) == 2
    assert at_end("irate(x[1m])", [100, 110, 120, 130, 30]) == pytest.approx(30 / 15)
    assert at_end("delta(x[1m])", [100, 110, 5, 15, 25]) == pytest.approx(-75)


def test_extrapolation_stops_half_an_interval_beyond_the_samples():
    """Where the span goes on for longer than 1.1 intervals, and at zero for counters."""
    assert at_end("increase(x[10m])", [1000, 1010, 1020]) == pytest.approx(20 * (30 + 7.5) / 30)
    assert at_end("increase(x[10m])", [2, 12, 22]) == pytest.approx(20 * (30 + 3) / 30)
    assert at_end("delta(x[10m])", [2, 12, 22]) == pytest.approx(20 * (30 + 7.5) / 30)


def test_one_sample_has_no_rate():
    """Two are needed."""
    for name in ("rate", "increase", "irate", "delta", "idelta", "deriv"):
        assert at_end(f"{name}(x[1m])", [5]) is None
    assert at_end("changes(x[1m])", [5]) == 0


def test_a_line_is_followed():
    """Slope and prediction of y = 3 + 2 t."""
    line = [3 + 2 * 15 * i for i in range(5)]
    assert at_end("deriv(x[1m])", line) == pytest.approx(2)
    assert at_end("predict_linear(x[1m], 60)", line) == pytest.approx(line[-1] + 120)
    assert at_end("deriv(x[1m])", [7, 7, 7]) == 0


def test_statistics_of_a_span():
    """Of 1, 2, 4, 9."""
    found = {name: at_end(f"{name}_over_time(x[1m])", [1, 2, 4, 9]) for name in ("sum", "avg", "min", "max", "stdvar")}
    assert found == {"sum": 16, "avg": 4, "min": 1, "max": 9, "stdvar": pytest.approx((9 + 4 + 0 + 25) / 4)}
    assert at_end("quantile_over_time(0.5, x[1m])", [1, 2, 4, 9]) == 3
    assert at_end("changes(x[1m])", [1, 1, 2, 2]) == 1


def test_nan_is_ignored_by_extremes_only():
    """As Prometheus does."""
    samples = [1.0, math.nan, 3.0]
    assert at_end("max_over_time(x[1m])", samples) == 3
    assert at_end("min_over_time(x[1m])", samples) == 1
    assert math.isnan(at_end("sum_over_time(x[1m])", samples) or 0)
    assert math.isnan(at_end("max_over_time(x[1m])", [math.nan]) or 0)


def test_sums_lose_no_small_parts():
    """1e16 and two ones, taken away again."""
    assert at_end("sum_over_time(x[5m])", [1e16, 1, 1, -1e16]) == 2
    assert at_end("avg_over_time(x[5m])", [0.1] * 7) == 0.1
    assert at_end("avg_over_time(x[5m])", [1.5e308, 1.5e308, 1.5e308]) == 1.5e308
    assert at_end("sum_over_time(x[5m])", [math.inf, 1.0]) == math.inf


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.integers(1, 70), st.integers(1, 40))
def test_all_spans_at_once_are_what_each_is_alone(samples, span, step):
    """Sums, means and extremes of overlapping spans against plain Python."""
    times = [T + 1000 * i for i in range(len(samples))]
    found = source(series("x", {}, times, samples))
    plainly: dict[str, Callable[[list[float]], float]] = {
        "sum": math.fsum,
        "avg": statistics.fmean,
        "min": min,
        "max": max,
    }
    for name, plain in plainly.items():
        result = evaluate_range(found, f"{name}_over_time(x[{span}s])", T, times[-1] + 5000, step * 1000)
        for at, value in zip(result.series[0].times, result.series[0].values, strict=True):
            part = [y for t, y in zip(times, samples, strict=True) if at - span * 1000 <= t <= at]
            assert value == pytest.approx(plain(part), rel=1e-12, abs=1e-12 * max(map(abs, part)))


def test_smoothing_factors_must_lie_between_zero_and_one():
    """The data are not to blame, but Prometheus finds out while it evaluates."""
    with pytest.raises(QueryError) as caught:
        at_end("holt_winters(x[1m], 1, 0.5)", [1, 2, 3])
    assert (caught.value.kind, "smoothing factor" in caught.value.message) == ("execution", True)


def test_what_prometheus_gets_wrong_is_refused():
    """2.42 moves a fixed span with the steps, and looks for times where it loaded nothing: neither is imitated."""
    found = source(series("x", {}, [T, T + 1000, T + 2000], np.arange(3.0).tolist()))
    assert isinstance(evaluate(found, "predict_linear(x[1m] @ end(), 5)", T + 2000), Vector)
    with pytest.raises(QueryError, match="not supported"):
        evaluate_range(found, "predict_linear(x[1m] @ end(), 5)", T, T + 2000, 1000)
    with pytest.raises(QueryError, match="not supported"):
        evaluate(found, "timestamp(x @ end() offset 1s)", T + 2000)


def test_a_name_that_goes_may_not_leave_two_alike():
    """Two metrics with the same labels have no rates side by side; their last values keep their names."""
    found = source(*(series(name, {"a": "b"}, [T, T + 1000], [1, 2]) for name in ("x", "y")))
    with pytest.raises(QueryError, match="vector cannot contain metrics with the same labelset"):
        evaluate(found, '{a="b"}'.join(("rate(", "[1m])")), T + 1000)
    result = evaluate(found, 'last_over_time({a="b"}[1m])', T + 1000)
    assert isinstance(result, Vector)
    assert len(result.samples) == 2
