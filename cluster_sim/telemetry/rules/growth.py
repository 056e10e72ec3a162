"""How much counters grew within a span, as Prometheus' `increase` says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isnan
from typing import NamedTuple

import numpy as np

from ...clock import SECOND, WINDOW
from .feed import Row
from .region import Region
from .want import Place

STEP_S = WINDOW / SECOND


class Growth(NamedTuple):
    """How much every counter grew within a span.

    Attributes:
        counters: of the counters, then the number of observations of the histograms; None without two values.
        buckets: a line per histogram.
    """

    counters: list[float | None]
    buckets: Row


class Scales(NamedTuple):
    """What extrapolation to a span depends on, by slot.

    What is less than 1.1 intervals from an end of the span is extrapolated to it, and a counter not to below zero.
    Source: prometheus 2.42, promql/functions.go, extrapolatedRate.

    Attributes:
        span_s: seconds.
        scrapes: in the span.
        whole: seconds from the first scrape to the end of the span, over those from the first to the last.
        before: seconds from the beginning of the span to the first scrape, over the same.
        divisors: what recorded counters are divided by.
        histograms: whole and before, a column each.
    """

    span_s: float
    scrapes: int
    whole: list[float]
    before: list[float]
    divisors: list[float]
    histograms: tuple[Row, Row]


def scales(span: int, scrapes: int, regions: Iterable[Region], end: Mapping[Place, int]) -> Scales:
    """The scales for a span with so many scrapes in it."""
    sampled = (scrapes - 1) * STEP_S
    left = span / SECOND - sampled
    by_slot = {place: np.zeros(end[place]) for place in (Place.COUNTER, Place.HISTOGRAM)}
    divisors = [1.0] * end[Place.COUNTER]
    for region in regions:
        for place, offsets in by_slot.items():
            offsets[region.part(place)] = region.offset_s
        divisors[region.part(Place.COUNTER)] = region.divisors
    (whole, before), histograms = ((1 + o / sampled, (left - o) / sampled) for o in by_slot.values())
    column = (histograms[0][:, np.newaxis], histograms[1][:, np.newaxis])
    return Scales(span / SECOND, scrapes, whole.tolist(), before.tolist(), divisors, column)


def measure(
    scale: Scales,
    counters: Sequence[list[float]],
    histograms: Sequence[Row],
    absent: Iterable[int],
    doubtful: Iterable[tuple[Region, int]],
) -> Growth:
    """The growth of everything.

    Args:
        counters: per evaluation, the newest first, values by slot.
        histograms: likewise a line of cumulative buckets per slot.
        absent: slots of series that are not there, the histograms' after the counters'.
        doubtful: regions of whose series some may not have been there all the time or have begun again, each with how
            many of its newest scrapes followed each other without a break.
    """
    last = scale.scrapes - 1
    result: list[float | None] = [
        0.0 if a == b else ((b - a) * w + (a if a < (b - a) * z else (b - a) * z)) / d
        for a, b, w, z, d in zip(counters[last], counters[0], scale.whole, scale.before, scale.divisors, strict=True)
    ]
    first, whole, before = histograms[last], *scale.histograms
    growth = histograms[0] - first
    buckets = growth * whole + np.minimum(first, growth * before)
    result += buckets[:, -1].tolist()
    for slot in absent:
        result[slot] = None
    for region, steady in doubtful:
        _correct_counters(scale, counters, region, steady, result)
        _correct_histograms(scale, histograms, region, steady, result, buckets, len(counters[0]))
    return Growth(result, buckets)


def _correct_counters(
    scale: Scales, counters: Sequence[list[float]], region: Region, steady: int, result: list[float | None]
) -> None:
    part = region.used(Place.COUNTER)
    if part.start == part.stop:
        return
    rows = [row[part] for row in reversed(counters[: scale.scrapes])]
    for slot, values in enumerate(zip(*rows, strict=True), part.start):
        if steady < scale.scrapes or any(not a <= b for a, b in pairwise(values)):
            there = [index for index, value in enumerate(values) if not isnan(value)]
            if len(there) < 2:
                result[slot] = None
                continue
            found = [values[index] for index in there]
            growth = found[-1] - found[0] + sum(a for a, b in pairwise(found) if b < a)
            edges = Edges.of(region, there, scale)
            grown = growth * edges.whole + min(found[0], growth * edges.before)
            if edges.far and found[0] >= growth * edges.near:
                grown = growth * (edges.whole + edges.half)
            result[slot] = grown / scale.divisors[slot]


def _correct_histograms(
    scale: Scales,
    histograms: Sequence[Row],
    region: Region,
    steady: int,
    result: list[float | None],
    buckets: Row,
    first: int,
) -> None:
    part = region.used(Place.HISTOGRAM)
    if part.start == part.stop:
        return
    oldest = histograms[scale.scrapes - 1][part, -1].tolist()
    for slot, count in enumerate(oldest, part.start):
        if steady < scale.scrapes or not count:
            lines = [rows[slot] for rows in reversed(histograms[: scale.scrapes])]
            there = [index for index, line in enumerate(lines) if line[-1]]
            if len(there) < 2:
                buckets[slot] = 0.0
                result[first + slot] = None
                continue
            found = np.array([lines[index] for index in there])
            resets = found[:-1] * (found[1:] < found[:-1])
            growth = found[-1] - found[0] + resets.sum(axis=0)
            edges = Edges.of(region, there, scale)
            grown = growth * edges.whole + np.minimum(found[0], growth * edges.before)
            if edges.far:
                grown = np.where(found[0] >= growth * edges.near, growth * (edges.whole + edges.half), grown)
            buckets[slot] = grown
            result[first + slot] = float(grown[-1])


class Edges(NamedTuple):
    """How the growth between some scrapes is extrapolated to the span.

    All are over the seconds from the first of the scrapes to the last.

    Attributes:
        whole: from the first scrape to the end of the span, as far as that is extrapolated to.
        before: from the beginning of the span to the first scrape.
        near: 1.1 intervals, which is how far from the first scrape zero or the beginning may be to be extrapolated to.
        half: half an interval, which is extrapolated to otherwise.
        far: whether the beginning is farther away than that.
    """

    whole: float
    before: float
    near: float
    half: float
    far: bool

    @classmethod
    def of(cls, region: Region, there: Sequence[int], scale: Scales) -> Edges:
        """For the scrapes of those numbers, of all in the span; at least two."""
        first = scale.span_s - region.offset_s - (scale.scrapes - 1) * STEP_S
        before, last = (first + index * STEP_S for index in (there[0], there[-1]))
        sampled = last - before
        interval = sampled / (len(there) - 1)
        after = scale.span_s - last
        if after >= 1.1 * interval:
            after = interval / 2
        far = before >= 1.1 * interval
        return cls(1 + after / sampled, before / sampled, 1.1 * interval / sampled, interval / 2 / sampled, far)
