"""How much counters grew within a span, as Prometheus' `increase` and `rate` say it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float64]


def grown(first: Row, last: Row, whole: Row, before: Row) -> Row:
    """The growth of counters that were scraped regularly and not reset, extrapolated to the whole span.

    What is less than 1.1 intervals from an end of the span is extrapolated to it, and a counter not to below zero.
    Source: prometheus 2.42, promql/functions.go, extrapolatedRate.

    Args:
        first: values of the first scrape in the span.
        last: values of the last one.
        whole: seconds from the first scrape to the end of the span, over those between these scrapes.
        before: seconds from the beginning of the span to the first scrape, over the same.
    """
    growth = last - first
    return growth * whole + np.minimum(first, growth * before)


def grown_irregularly(values: Row, times: Sequence[float], span: float) -> Row | None:
    """The same of counters that some scrapes did not find, or that were reset; None with fewer than two values.

    Args:
        values: a line per scrape that found them, oldest first.
        times: seconds from the beginning of the span to these scrapes.
        span: seconds.
    """
    if len(times) < 2:
        return None
    first, last = values[0], values[-1]
    fell = values[1:] < values[:-1]
    growth = last - first + (values[:-1] * fell).sum(axis=0)
    sampled = times[-1] - times[0]
    interval = sampled / (len(times) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_zero = np.where((growth > 0) & (first >= 0), sampled * first / growth, np.inf)
    before = np.minimum(times[0], to_zero)
    before = np.where(before < 1.1 * interval, before, interval / 2)
    after = span - times[-1]
    after = after if after < 1.1 * interval else interval / 2
    extrapolated: Row = growth * ((sampled + before + after) / sampled)
    return extrapolated
