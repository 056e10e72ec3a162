"""Vectors over the instants of a query: a row for each series, a column for each instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..series import NAME
from .errors import failed

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

Labels = tuple[tuple[str, str], ...]
"""The labels of a series sorted by name: what series are grouped and compared by."""


@dataclass(slots=True)
class Frame:
    """An instant vector at each instant of a query.

    Attributes:
        labels: of each row.
        values: rows × instants; meaningless where nothing is present.
        present: where the series has a value.
    """

    labels: list[Labels]
    values: Floats
    present: Bools

    @property
    def rows(self) -> int:
        return len(self.labels)

    def taken(self, rows: Ints | list[int]) -> Frame:
        """Some of the rows, in that order."""
        return Frame([self.labels[row] for row in rows], self.values[rows], self.present[rows])


def empty(instants: int) -> Frame:
    """A vector without series."""
    return Frame([], np.empty((0, instants)), np.empty((0, instants), dtype=bool))


def without_name(labels: Labels) -> Labels:
    """The labels but the metric's name."""
    return tuple(pair for pair in labels if pair[0] != NAME)


def unnamed(labels: Iterable[Labels]) -> list[Labels]:
    """Each row's labels but the metric's name."""
    return [without_name(row) for row in labels]


def changed(labels: Labels, name: str, value: str) -> Labels:
    """The labels with one set, or removed where the value is empty."""
    rest = dict(labels)
    if value:
        rest[name] = value
    else:
        rest.pop(name, None)
    return tuple(sorted(rest.items()))


def distinct(frame: Frame) -> Frame:
    """The same vector with one row for each set of labels.

    Raises:
        QueryError: `execution` if two series with the same labels have a value at the same instant.
    """
    if len(set(frame.labels)) == frame.rows:
        return frame
    groups: dict[Labels, list[int]] = {}
    for row, labels in enumerate(frame.labels):
        groups.setdefault(labels, []).append(row)
    values, present = [], []
    for rows in groups.values():
        filled = frame.present[rows]
        if (filled.sum(axis=0) > 1).any():
            raise failed("vector cannot contain metrics with the same labelset")
        values.append(np.where(filled, frame.values[rows], 0.0).sum(axis=0) if len(rows) > 1 else frame.values[rows[0]])
        present.append(filled.any(axis=0))
    return Frame(list(groups), np.array(values), np.array(present))


def refuse_duplicates(frame: Frame) -> None:
    """Range functions allow no two series with the same labels, not even at different instants.

    Raises:
        QueryError: `execution`.
    """
    if len(set(frame.labels)) == frame.rows:
        return
    seen: set[Labels] = set()
    for labels, filled in zip(frame.labels, np.any(frame.present, axis=1).tolist(), strict=True):
        if filled and labels in seen:
            raise failed("vector cannot contain metrics with the same labelset")
        if filled:
            seen.add(labels)


def occupied(frame: Frame) -> Frame:
    """Only the rows that have a value at some instant."""
    filled = frame.present.any(axis=1)
    return frame if filled.all() else frame.taken(np.flatnonzero(filled))
