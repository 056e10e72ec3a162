"""How much counters grew within a span, as Prometheus' `increase` says it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...clock import SECOND, WINDOW
from .arrays import Bools, Floats

STEP_S = WINDOW / SECOND


class Growth(NamedTuple):
    """Evaluations × counters.

    Attributes:
        values: by how much they grew; 0 where that is not known.
        present: whether it is known, which takes two scrapes.
    """

    values: Floats
    present: Bools


class Span:
    """What extrapolation to a span depends on, beside the counters.

    What is less than 1.1 intervals from an end of the span is extrapolated to it, and a counter not to below zero.
    Source: prometheus 2.42, promql/functions.go, extrapolatedRate.

    Attributes:
        seconds: its length.
        scrapes: of each counter in it.
    """

    def __init__(self, span: int, scrapes: int, offset_s: Floats) -> None:
        """For counters whose newest scrape was `offset_s` before the evaluation."""
        self.seconds = span / SECOND
        self.scrapes = scrapes
        self._offset_s = offset_s
        sampled = (scrapes - 1) * STEP_S
        # Seconds from the first scrape to the end, and from the beginning to it, over those from the first to the last.
        self._whole = 1 + offset_s / sampled
        self._before = (self.seconds - sampled - offset_s) / sampled

    def growth(self, counters: Floats, count: int) -> Growth:
        """The growth within the span before each of the last evaluations.

        Args:
            counters: evaluations × counters, the last ones and at least `scrapes - 1` more.
            count: how many are wanted.
        """
        begin = len(counters) - count - self.scrapes + 1
        first, last = counters[begin : begin + count], counters[-count:]
        growth = last - first
        values = np.multiply(growth, self._before)
        np.minimum(first, values, out=values)
        growth *= self._whole
        values += growth
        np.maximum(values, 0.0, out=values)
        there = last >= 0
        uneven = there != (first >= 0)
        falls = counters[begin + 1 :] < counters[begin:-1]
        if falls.any():
            for step in range(self.scrapes - 1):
                uneven |= falls[step : step + count]
        if uneven.any():
            rows, lines = np.divmod(np.flatnonzero(uneven), uneven.shape[1])
            spans = counters[rows[:, np.newaxis] + np.arange(begin, begin + self.scrapes), lines[:, np.newaxis]]
            values[rows, lines], there[rows, lines] = self._uneven(spans, self._offset_s[lines])
        return Growth(values, there)

    def _uneven(self, spans: Floats, offset_s: Floats) -> tuple[Floats, Bools]:
        """The growth within spans in which a counter was not there all the time, or began again; a span a row."""
        there = spans >= 0
        scrapes = there.sum(axis=1)
        enough: Bools = scrapes >= 2
        first = there.argmax(axis=1)
        last = self.scrapes - 1 - there[:, ::-1].argmax(axis=1)
        every = np.arange(len(spans))
        begun, newest = spans[every, first], spans[every, last]
        resets = np.zeros(len(spans))
        before = spans[:, 0]
        for now in spans.T[1:]:
            gone = now < 0
            resets += np.where((now < before) & ~gone, before, 0.0)
            before = np.where(gone, before, now)
        growth = newest - begun + resets
        start = self.seconds - offset_s - (self.scrapes - 1) * STEP_S
        to_first, to_last = start + first * STEP_S, start + last * STEP_S
        sampled = to_last - to_first
        interval = sampled / (scrapes - 1)
        near = 1.1 * interval
        after = self.seconds - to_last
        after = np.where(after >= near, interval / 2, after)
        covered = 1 + after / sampled
        values = growth * covered + np.minimum(begun, growth * (to_first / sampled))
        halfway = (to_first >= near) & (begun >= growth * (near / sampled))
        values = np.where(halfway, growth * (covered + interval / 2 / sampled), values)
        return np.where(enough, values, 0.0), enough
