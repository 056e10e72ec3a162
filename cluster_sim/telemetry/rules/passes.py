"""The operations on vectors, each done for all rules and all evaluations at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ...clock import WINDOW
from ..matching import matches
from ..recordings import Recordings, SeriesKey
from ..series import STALE, is_stale
from . import nodes
from .arrays import Bools, Floats, Ints, ints
from .inputs import Groups
from .leaf import Unsupported
from .operators import ARITHMETIC, COMPARISONS
from .vector import NEVER, Labels, Signature, Vector, signature, unnamed

if TYPE_CHECKING:
    from .program import Program


class Batch(NamedTuple):
    """Some evaluations.

    Attributes:
        first: the instant of the first one.
        recordings: what was recorded before.
        values, present: a row for each, columns of series.
    """

    first: int
    recordings: Recordings
    values: Floats
    present: Bools


class Pass(Protocol):
    """One stage of a plan, for certain series."""

    def there(self, batch: Batch) -> bool:
        """Find which of its series are there at each evaluation; says whether any is."""
        ...

    def values(self, batch: Batch) -> None:
        """Compute their values; of those that are not there, anything."""
        ...


def _values(vectors: Iterable[Vector]) -> Ints:
    return ints(column for vector in vectors for column in vector.values)


def _present(vectors: Iterable[Vector]) -> Ints:
    return ints(column for vector in vectors for column in vector.present)


class Aggregations:
    """`sum`, `avg` and `count` by labels."""

    def __init__(self, program: Program, stage: Sequence[nodes.Aggregation]) -> None:
        self._groups = Groups()
        self._averages: list[int] = []
        self._counts: list[int] = []
        present: list[int] = []
        labels: list[list[Labels]] = []
        for node in stage:
            vector = program.vectors[node.source]
            groups: dict[Signature, list[int]] = {}
            for place, has in enumerate(vector.labels):
                key = tuple([(name, has[name]) for name in node.by if name in has])
                groups.setdefault(key, []).append(place)
            first = self._groups.count
            labels.append([dict(key) for key in sorted(groups)])
            for key in sorted(groups):
                self._groups.add([[vector.values[place] for place in groups[key]]])
                present += [vector.present[place] for place in groups[key]]
            if node.operator != "sum":
                into = self._averages if node.operator == "avg" else self._counts
                into += range(first, self._groups.count)
        self._sources, self._there = ints(self._groups.members), ints(present)
        self._values, self._present = program.give(stage, labels)

    def there(self, batch: Batch) -> bool:
        counts = self._groups.sums(batch.present.take(self._there, axis=1))
        batch.values[:, self._values] = counts  # where that is what is wanted it is all
        batch.present[:, self._present] = there = counts > 0
        return bool(there.any())

    def values(self, batch: Batch) -> None:
        if len(self._counts) == self._groups.count:
            return
        there = batch.present.take(self._there, axis=1)
        sums = self._groups.sums(np.where(there, batch.values.take(self._sources, axis=1), 0.0))
        if self._averages:
            sums[:, self._averages] /= self._groups.sums(there)[:, self._averages]
        if self._counts:
            sums[:, self._counts] = self._groups.sums(there)[:, self._counts]
        batch.values[:, self._values] = sums


class Scalings:
    """Arithmetic on vectors and numbers, with one operator."""

    def __init__(self, program: Program, stage: Sequence[nodes.Scaled]) -> None:
        vectors = [program.vectors[node.source] for node in stage]
        self._function = ARITHMETIC[stage[0].operator]
        self._sources, self._there = _values(vectors), _present(vectors)
        self._numbers = np.array([node.number for node, of in zip(stage, vectors, strict=True) for _ in of.labels])
        labels = [[unnamed(has) for has in vector.labels] for vector in vectors]
        self._values, self._present = program.give(stage, labels)

    def there(self, batch: Batch) -> bool:
        batch.present[:, self._present] = there = batch.present.take(self._there, axis=1)
        return bool(there.any())

    def values(self, batch: Batch) -> None:
        batch.values[:, self._values] = self._function(batch.values.take(self._sources, axis=1), self._numbers)


class Filter:
    """A pass that computes no values, or those together with which are there."""

    def values(self, batch: Batch) -> None:
        """There are none."""


class Limits(Filter):
    """Comparisons of vectors with numbers, with one operator."""

    def __init__(self, program: Program, stage: Sequence[nodes.Limit]) -> None:
        vectors = [program.vectors[node.source] for node in stage]
        self._holds = COMPARISONS[stage[0].operator]
        self._sources, self._there = _values(vectors), _present(vectors)
        self._numbers = np.array([node.number for node, of in zip(stage, vectors, strict=True) for _ in of.labels])
        self._present = program.keep(stage, vectors)

    def there(self, batch: Batch) -> bool:
        holds = self._holds(batch.values.take(self._sources, axis=1), self._numbers)
        holds &= batch.present.take(self._there, axis=1)
        batch.present[:, self._present] = holds
        return False  # the values are there already


class Arithmetics:
    """Arithmetic on pairs of series, with one operator."""

    def __init__(self, program: Program, stage: Sequence[nodes.Arithmetic]) -> None:
        self._function = ARITHMETIC[stage[0].operator]
        lefts: list[Vector] = []
        rights: list[Vector] = []
        labels: list[list[Labels]] = []
        for node in stage:
            left, right = program.vectors[node.left], program.vectors[node.right]
            ours, theirs = left.paired(node.matching), right.paired(node.matching)
            if any(len(places) > 1 for side in (ours, theirs) for places in side.values()):
                raise Unsupported(node.expr)
            pairs = [key for key in ours if key in theirs]
            lefts.append(left.only(ours[key][0] for key in pairs))
            rights.append(right.only(theirs[key][0] for key in pairs))
            on = node.matching.on or node.matching.labels
            labels.append([dict(key) if on else unnamed(left.labels[ours[key][0]]) for key in pairs])
        self._left, self._left_there = _values(lefts), _present(lefts)
        self._right, self._right_there = _values(rights), _present(rights)
        self._values, self._present = program.give(stage, labels)

    def there(self, batch: Batch) -> bool:
        there = batch.present.take(self._left_there, axis=1)
        there &= batch.present.take(self._right_there, axis=1)
        batch.present[:, self._present] = there
        return bool(there.any())

    def values(self, batch: Batch) -> None:
        values = batch.values
        values[:, self._values] = self._function(values.take(self._left, axis=1), values.take(self._right, axis=1))


class Likes:
    """For each series of some vectors, whether any of those of others that belong to it is there."""

    def __init__(self) -> None:
        self._likes: list[list[int]] = []
        self._columns: list[Ints] = []

    def add(self, vector: Vector, others: Vector, node: nodes.Together) -> None:
        """The series of one more vector."""
        theirs = others.paired(node.matching)
        for labels in vector.labels:
            places = theirs.get(signature(labels, node.matching), ())
            self._likes.append([others.present[place] for place in places])

    def arrange(self) -> None:
        """Get ready."""
        most = max((len(likes) for likes in self._likes), default=0)
        self._columns = [
            ints(likes[place] if place < len(likes) else NEVER for likes in self._likes) for place in range(most)
        ]

    def any(self, present: Bools) -> Bools:
        """For each evaluation and each of the series."""
        found = np.zeros((len(present), len(self._likes)), dtype=np.bool_)
        for columns in self._columns:
            found |= present.take(columns, axis=1)
        return found


class Ands(Filter):
    """What is on the left and has its like on the right."""

    def __init__(self, program: Program, stage: Sequence[nodes.And]) -> None:
        lefts = [program.vectors[node.left] for node in stage]
        self._there = _present(lefts)
        self._likes = Likes()
        for node, left in zip(stage, lefts, strict=True):
            self._likes.add(left, program.vectors[node.right], node)
        self._likes.arrange()
        self._present = program.keep(stage, lefts)

    def there(self, batch: Batch) -> bool:
        there = batch.present.take(self._there, axis=1)
        if there.any():
            there &= self._likes.any(batch.present)
            batch.present[:, self._present] = there
        return False


class Ors(Filter):
    """What is on the left, and what on the right has no like there."""

    def __init__(self, program: Program, stage: Sequence[nodes.Or]) -> None:
        rights = [program.vectors[node.right] for node in stage]
        self._there = _present(rights)
        self._likes = Likes()
        for node, right in zip(stage, rights, strict=True):
            self._likes.add(right, program.vectors[node.left], node)
        self._likes.arrange()
        self._present = program.keep(stage, rights)
        for node in stage:  # so far only what is on the right
            program.vectors[node] = program.vectors[node.left].joined(program.vectors[node])

    def there(self, batch: Batch) -> bool:
        there = batch.present.take(self._there, axis=1)
        if there.any():
            there &= ~self._likes.any(batch.present)
            batch.present[:, self._present] = there
        return False


class SumsOverTime(Filter):
    """`sum_over_time` of what rules before record."""

    def __init__(self, program: Program, stage: Sequence[nodes.SumOverTime]) -> None:
        self._places: dict[SeriesKey, int] = {}
        self._parts: list[tuple[slice, slice, int, Ints]] = []
        values: list[int] = []
        present: list[int] = []
        for node in stage:
            vector = program.vectors[node.source]
            keys = [tuple(sorted(labels.items())) for labels in vector.labels]
            columns = list(zip(vector.values, vector.present, strict=True))
            accepts = matches(node.matchers)
            for key in program.remembered[node.name]:
                if key not in keys and accepts(dict(key)):  # it ended before the scrapes that are in sight
                    keys.append(key)
                    columns.append((0, NEVER))
            for key, (value, there) in zip(keys, columns, strict=True):
                if self._places.setdefault(key, len(values)) == len(values):
                    values.append(value)
                    present.append(there)
            given = program.give([node], [[unnamed(dict(key)) for key in keys]])
            self._parts.append((*given, node.span // WINDOW, ints(self._places[key] for key in keys)))
        self._sources, self._there = ints(values), ints(present)
        self._before = max(before for _, _, before, _ in self._parts)

    def there(self, batch: Batch) -> bool:
        known, samples = self._recorded(batch)
        for values, present, before, places in self._parts:
            # One value after the other is added, from the oldest on, so that absent ones make no difference.
            spans = _spans(samples[self._before - before :, places], before)
            batch.values[:, values] = spans.cumsum(axis=2)[..., -1]
            batch.present[:, present] = _spans(known[self._before - before :, places], before).any(axis=2)
        return False

    def _recorded(self, batch: Batch) -> tuple[Bools, Floats]:
        """Which series have a value at the evaluations that are looked back to and at these, and what; 0 of others."""
        first = batch.first - self._before * WINDOW
        samples = np.full((self._before + len(batch.values), len(self._places)), STALE)
        for key, place in self._places.items():
            found = batch.recordings.series.get(key)
            if found is not None:
                begin = bisect_left(found.times, first)
                rows = (np.array(found.times[begin:], dtype=np.int64) - first) // WINDOW
                samples[rows, place] = found.values[begin:]
        known = ~is_stale(samples)
        known[self._before :] = batch.present.take(self._there, axis=1)
        samples[self._before :] = batch.values.take(self._sources, axis=1)
        samples[~known] = 0.0
        return known, samples


def _spans(rows: NDArray[Any], before: int) -> NDArray[Any]:
    """Each row that has so many before it, together with these: rows × columns × the rows of a span."""
    return np.lib.stride_tricks.sliding_window_view(rows, before + 1, axis=0)


PASSES: dict[type[nodes.Node], Any] = {
    nodes.Aggregation: Aggregations,
    nodes.SumOverTime: SumsOverTime,
    nodes.Scaled: Scalings,
    nodes.Arithmetic: Arithmetics,
    nodes.Limit: Limits,
    nodes.And: Ands,
    nodes.Or: Ors,
}
"""How each kind is computed; the values of what is recorded are there."""
