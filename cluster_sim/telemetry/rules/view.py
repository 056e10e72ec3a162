"""A plan applied to the targets in sight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...clock import WINDOW
from ..recordings import Recordings, SeriesKey
from .arrays import Bools, Floats
from .growth import Growth, Span
from .inputs import Inputs, labels_of
from .part import InSight
from .passes import Batch
from .plan import Plan
from .program import program_of
from .reader import Reader
from .sight import Sight
from .vector import NEVER, Handed, unnamed

Column = list[float | None]
"""The values of a series at some evaluations; None where it is not there."""


class Known(NamedTuple):
    """What follows from which scraped series are there at some evaluations.

    Attributes:
        seen: which are, as bytes.
        counts: of how many of them each input is the sum.
        values, present: of all vectors, as far as it follows.
    """

    seen: bytes
    counts: Floats
    values: Floats
    present: Bools


class Computation:
    """What is computed of certain series, wherever they are read from."""

    def __init__(self, plan: Plan, targets: Sequence[InSight], reader: Reader, recordings: Recordings) -> None:
        self._plan = plan
        self._targets = targets
        self._recordings = recordings
        self._inputs = Inputs(plan, targets, reader)
        series = self._inputs.series()
        remembered = tuple([tuple(sorted(recordings.named(name))) for name in plan.remembered])
        self._program = program_of(plan, series, ((),) * len(remembered))
        if not self._program.knows(remembered):
            self._program = program_of(plan, series, remembered)
        self._keys: dict[int, SeriesKey] = {}
        self._known: Known | None = None

    def of(self, targets: Sequence[InSight]) -> bool:
        """Whether these have the same series."""
        return len(targets) == len(self._targets) and all(
            one is other or (one.labels == other.labels and one.part.like(other.part))
            for one, other in zip(targets, self._targets, strict=True)
        )

    def run(self, first: int, now: Floats, there: Bools, growth: Mapping[int, Growth]) -> Batch:
        """Compute everything for some evaluations.

        Args:
            first: the instant of the first one.
            now, there: scraped values, and whether they are there.
            growth: of counters, by span.
        """
        seen = b"".join([there.tobytes(), *(one.present.tobytes() for one in growth.values())])
        known = self._known
        if known is None or known.seen != seen or len(known.counts) != len(there):
            known = self._known = self._settled(seen, there, growth)
        batch = Batch(first, self._recordings, known.values.copy(), known.present.copy())
        self._inputs.values(now, growth, known.counts, batch.values)
        self._program.run(batch)
        return batch

    def _settled(self, seen: bytes, there: Bools, growth: Mapping[int, Growth]) -> Known:
        values = np.zeros((len(there), self._program.values))
        present = np.zeros((len(there), self._program.present), dtype=np.bool_)
        first = NEVER + 1
        counts = self._inputs.there(there, growth, present[:, first : first + self._inputs.count])
        self._program.settle(Batch(0, self._recordings, values, present))
        return Known(seen, counts, values, present)

    def recorded(self, batch: Batch) -> Iterator[tuple[Sequence[SeriesKey], Sequence[Column]]]:
        """What each recording rule yields, rule by rule: labels of series, and their values."""
        rows = self._program.recording
        columns = rows.all(batch)
        for keys, begin, end in zip(self._program.keys, rows.ends[:-1], rows.ends[1:], strict=True):
            yield keys, columns[begin:end]

    def alerting(self, batch: Batch) -> list[tuple[list[SeriesKey], list[Column]]]:
        """Likewise of each alert rule, without series that are never there."""
        rows = self._program.alerting
        found: list[tuple[list[SeriesKey], list[Column]]] = [([], []) for _ in rows.ends[:-1]]
        rule = 0
        for row, column in rows.some(batch):
            while row >= rows.ends[rule + 1]:
                rule += 1
            keys, columns = found[rule]
            keys.append(self._key(row))
            columns.append(column)
        return found

    def _key(self, row: int) -> SeriesKey:
        """The labels of a series that an alert rule yields."""
        key = self._keys.get(row)
        if key is None:
            labels = self._program.alerting.labels[row]
            if isinstance(labels, Handed):
                one, keys = self._plan.inputs[labels.number], self._inputs.keys[labels.number]
                whole = labels_of(self._plan, one, keys[labels.place])
                labels = whole if labels.named else unnamed(whole)
            key = self._keys[row] = tuple(sorted(labels.items()))
        return key


class View:
    """A plan for the series that some targets have.

    Attributes:
        computation: of these series.
    """

    def __init__(
        self,
        plan: Plan,
        sight: Sight,
        targets: Sequence[InSight],
        recordings: Recordings,
        phase: int,
        before: View | None,
    ) -> None:
        """With the computation of the view before, if it is of the same series."""
        self._reader = Reader(targets, sight)
        self._spans = {span: Span(span, span // WINDOW + phase, self._reader.offset_s) for span in plan.spans}
        self.computation: Computation
        if before is not None and before.computation.of(targets):
            self.computation = before.computation
        else:
            self.computation = Computation(plan, targets, self._reader, recordings)

    def evaluate(self, sight: Sight, instants: Sequence[int], depth: int) -> Batch:
        """Compute everything for some evaluations, each of which looks back to so many."""
        count = len(instants)
        with np.errstate(all="ignore"):
            now, there, counters = self._reader.read(sight, count, depth)
            growth = {span: over.growth(counters, count) for span, over in self._spans.items()}
            return self.computation.run(instants[0], now, there, growth)
