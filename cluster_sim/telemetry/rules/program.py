"""What is computed from the inputs of a plan, for certain series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np

from ..matching import matches
from ..recordings import SeriesKey
from .arrays import ints
from .needs import ALL
from .nodes import Node, Recorded
from .part import Pairs
from .passes import PASSES, Batch, Pass
from .plan import Plan, Stage
from .vector import NEVER, Handed, Labels, Vector

_KNOWN = 128
"""Programs that are kept (chosen)."""


class Rows:
    """The series that rules yield, one rule after the other.

    Attributes:
        labels: of each series.
        ends: where each rule's begin, and the end of the last one's.
    """

    def __init__(self, vectors: Sequence[Vector]) -> None:
        self.labels = [labels for vector in vectors for labels in vector.labels]
        self.ends = [0, *accumulate(len(vector.labels) for vector in vectors)]
        self._values = ints(column for vector in vectors for column in vector.values)
        self._present = ints(column for vector in vectors for column in vector.present)

    def all(self, batch: Batch) -> list[list[float | None]]:
        """The values of each series at each evaluation, None where it is not there."""
        found: list[list[float | None]] = batch.values.take(self._values, axis=1).T.tolist()
        there = batch.present.take(self._present, axis=1)
        if there.all():
            return found
        for row in np.flatnonzero(~there.all(axis=0)).tolist():
            found[row] = _where(found[row], there[:, row].tolist())
        return found

    def some(self, batch: Batch) -> list[tuple[int, list[float | None]]]:
        """Likewise of the series that are there at any of the evaluations, each after its number."""
        there = batch.present.take(self._present, axis=1)
        if not there.any():
            return []
        return [
            (row, _where(batch.values[:, self._values[row]].tolist(), there[:, row].tolist()))
            for row in np.flatnonzero(there.any(axis=0)).tolist()
        ]


def _where(values: Sequence[float | None], there: Sequence[bool]) -> list[float | None]:
    return [value if present else None for value, present in zip(values, there, strict=True)]


class Program:
    """What is computed from the inputs of a plan, for certain series.

    Attributes:
        remembered: by name, the labels of series that were recorded before, for those that are looked back at.
        values, present: how many columns there are.
        vectors: where each vector is.
        recording, alerting: what the rules of either kind yield.
        keys: for each recording rule the labels of what it records.
    """

    def __init__(
        self, plan: Plan, series: Sequence[Sequence[Pairs]], remembered: Sequence[Sequence[SeriesKey]]
    ) -> None:
        """For series of which, input by input, these labels make a difference."""
        self.remembered = dict(zip(plan.remembered, remembered, strict=True))
        self.vectors: dict[Node, Vector] = {}
        self.values = 0
        self.present = NEVER + 1
        for number, (one, needed, of_input) in enumerate(zip(plan.inputs, plan.needs, series, strict=True)):
            labels: list[Labels] = [Handed(pairs, number, place) for place, pairs in enumerate(of_input)]
            self.give([one], [[dict(pairs) for pairs in of_input] if ALL in needed else labels])
        self._passes = self._made(plan.stages)
        self._late = self._made(plan.late)
        self._guards = None
        if plan.guards is not None:
            self._guards = ints(column for node in plan.guards for column in self.vectors[node].present)
        self.recording = Rows([self.vectors[node] for node in plan.recording])
        self.alerting = Rows([self.vectors[node] for node in plan.alerting])
        self.keys = [
            tuple([tuple(sorted(labels.items())) for labels in self.vectors[node].labels]) for node in plan.recording
        ]
        self._known = {key for keys in self.keys for key in keys}

    def knows(self, remembered: Iterable[Sequence[SeriesKey]]) -> bool:
        """Whether it would be the same if these had been recorded under the names that are looked back at."""
        return self._known.issuperset(key for keys in remembered for key in keys)

    def settle(self, batch: Batch) -> None:
        """Find which series are there, as far as that follows from which inputs are."""
        for one, settled in self._passes:
            if settled:
                one.there(batch)

    def run(self, batch: Batch) -> None:
        """Compute everything from the inputs, once it is settled what can be."""
        for one, settled in self._passes:
            if settled or one.there(batch):
                one.values(batch)
        if self._guards is None or batch.present.take(self._guards, axis=1).any():
            for one, _ in self._late:
                if one.there(batch):
                    one.values(batch)

    # ------------------------------------------------------------ for passes

    def _made(self, stages: Sequence[Stage]) -> list[tuple[Pass, bool]]:
        made: list[tuple[Pass, bool]] = []
        for stage in stages:
            before = self.values, self.present
            if stage.kind is Recorded:
                for node in stage.nodes:
                    assert isinstance(node, Recorded)
                    self.vectors[node] = _recorded(node, self.vectors[node.source])
            else:
                one = PASSES[stage.kind](self, stage.nodes)
                if before != (self.values, self.present):
                    made.append((one, stage.settled))
        return made

    def give(self, nodes: Sequence[Node], labels: Sequence[Sequence[Labels]]) -> tuple[slice, slice]:
        """Columns for more vectors, for their values and for whether they are there."""
        begin = self.values, self.present
        for node, of_node in zip(nodes, labels, strict=True):
            values, present = self.values, self.present
            self.values += len(of_node)
            self.present += len(of_node)
            self.vectors[node] = Vector(of_node, range(values, self.values), range(present, self.present))
        return slice(begin[0], self.values), slice(begin[1], self.present)

    def keep(self, nodes: Sequence[Node], vectors: Sequence[Vector]) -> slice:
        """Columns for which of the series of some vectors are there, in vectors of the same values."""
        begin = self.present
        for node, vector in zip(nodes, vectors, strict=True):
            present = self.present
            self.present += len(vector.labels)
            self.vectors[node] = vector._replace(present=range(present, self.present))
        return slice(begin, self.present)


def _recorded(node: Recorded, vector: Vector) -> Vector:
    accepts = matches(node.matchers)
    labels = [{**has, **node.labels} for has in vector.labels]
    return vector._replace(labels=labels).only(place for place, has in enumerate(labels) if accepts(has))


@lru_cache(maxsize=_KNOWN)
def program_of(
    plan: Plan, series: tuple[tuple[Pairs, ...], ...], remembered: tuple[tuple[SeriesKey, ...], ...]
) -> Program:
    """The program for certain series; the same for all clusters."""
    return Program(plan, series, remembered)
