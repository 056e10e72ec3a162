"""Series that rules record: what recording rules compute, and the state of alerts."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np

from ..clock import MILLISECOND
from .matching import matches
from .series import NAME, STALE, Matcher, Series, is_stale

KEPT = 1_000
"""Samples of a series that are kept at least (chosen: four hours and more, as of scrapes)."""
_TRIMMED = 200

INSTANTS = frozenset({"ALERTS_FOR_STATE"})
"""Series whose values are simulated seconds, to which the Unix time of simulated zero is added when they are read."""

SeriesKey = tuple[tuple[str, str], ...]
"""A series' labels, its name among them, sorted by name."""


class Samples(NamedTuple):
    """The samples of one series: nanoseconds of simulated time, and values."""

    times: array[int]
    values: array[float]


@dataclass(slots=True)
class Writer:
    """Where one rule's results go.

    Attributes:
        keys: labels of the series.
        samples: of each of them; None of one that has not had any.
        present: which series had a value at the last evaluation.
    """

    keys: Sequence[SeriesKey] = ()
    samples: list[Samples | None] = field(default_factory=list)
    present: list[bool] = field(default_factory=list)


class Recordings:
    """The recorded series of one cluster.

    Attributes:
        series: labels → samples.
    """

    def __init__(self) -> None:
        self.series: dict[SeriesKey, Samples] = {}
        self._named: dict[str, list[SeriesKey]] = {}
        self._writers: dict[str, Writer] = {}

    def record(
        self, rule: str, instants: Sequence[int], keys: Sequence[SeriesKey], columns: Sequence[Sequence[float | None]]
    ) -> None:
        """Store what a rule's evaluations yielded; series of the rule that are not there any more end here.

        Args:
            rule: its name.
            instants: of the evaluations.
            keys: labels of the series; the same object as the last time where they are the same.
            columns: for each series its values, None where it is not there.
        """
        writer = self._writers.get(rule)
        if writer is None:
            if not keys:
                return
            writer = self._writers[rule] = Writer()
        if writer.keys is not keys:
            self._turn(writer, keys, instants[0])
        present = writer.present
        for place, column in enumerate(columns):
            samples = writer.samples[place]
            there = present[place]
            if None not in column:
                samples = samples or self._samples(keys[place])
                samples.times.extend(instants)
                samples.values.extend(cast(Sequence[float], column))
                there = True
            else:
                for now, value in zip(instants, column, strict=True):
                    if value is not None or there:
                        samples = samples or self._samples(keys[place])
                        samples.times.append(now)
                        samples.values.append(STALE if value is None else value)
                        there = value is not None
            present[place] = there
            writer.samples[place] = samples
            if samples is not None and len(samples.times) >= KEPT + _TRIMMED:
                del samples.times[:_TRIMMED]
                del samples.values[:_TRIMMED]

    def _turn(self, writer: Writer, keys: Sequence[SeriesKey], now: int) -> None:
        """Go on with other series."""
        before = dict(zip(writer.keys, writer.present, strict=True))
        writer.keys = keys
        writer.samples = [self.series.get(key) for key in keys]
        writer.present = [before.pop(key, False) for key in keys]
        for key, present in before.items():
            if present:
                times, stored = self.series[key]
                times.append(now)
                stored.append(STALE)

    def _samples(self, key: SeriesKey) -> Samples:
        samples = self.series.get(key)
        if samples is None:
            samples = self.series[key] = Samples(array("q"), array("d"))
            self._named.setdefault(dict(key)[NAME], []).append(key)
        return samples

    def named(self, name: str) -> Sequence[SeriesKey]:
        """The series of a name."""
        return self._named.get(name, ())

    def latest(self, name: str, labels: Mapping[str, str]) -> float | None:
        """What the last evaluation recorded under a name and exactly these labels; None if nothing."""
        samples = self.series.get(tuple(sorted([(NAME, name), *labels.items()])))
        if samples is None or not samples.values or is_stale(np.array(samples.values[-1:]))[0]:
            return None
        return samples.values[-1]

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, epoch_ms: int) -> list[Series]:
        """The recorded series that meet every condition, with their samples of a span."""
        wanted = matches(matchers)
        found = []
        for key, samples in self.series.items():
            labels = dict(key)
            if wanted(labels):
                times = np.array(samples.times, dtype=np.int64) // MILLISECOND + epoch_ms
                first, last = np.searchsorted(times, start_ms, "left"), np.searchsorted(times, end_ms, "right")
                values = np.array(samples.values)[first:last]
                if labels[NAME] in INSTANTS:
                    values[~is_stale(values)] += epoch_ms / 1000
                found.append((key, Series(labels, times[first:last], values)))
        # In which order they came to be depends on how many evaluations were done at once.
        return [series for _, series in sorted(found, key=lambda pair: pair[0])]

    def forget(self, before: int) -> None:
        """Drop the series that ended before an instant."""
        held = {key for writer in self._writers.values() for key in writer.keys}
        self.series = {
            key: samples for key, samples in self.series.items() if key in held or samples.times[-1] >= before
        }
        self._named = {}
        for key in self.series:
            self._named.setdefault(dict(key)[NAME], []).append(key)
