"""Aggregation operators: `sum by (job) (…)` and its relatives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..series import NAME
from .errors import failed
from .frames import Bools, Floats, Frame, Ints, Labels, changed, empty
from .nodes import Aggregate
from .numerals import shortest
from .over_time import quantiles
from .relabelling import LABEL_NAME

_LARGEST_INT = 9223372036854774784.0
"""The largest float that an int64 holds."""


class Groups:
    """The rows of a vector, by the labels that an aggregation keeps.

    Attributes:
        labels: of each group, in the order of their first rows.
        of_row: each row's group.
    """

    def __init__(self, frame: Frame, by: tuple[str, ...], *, without: bool) -> None:
        self.frame = frame
        known: dict[Labels, int] = {}
        named = frozenset((*by, NAME) if without else by)
        if not named and not without:
            self.of_row = np.zeros(frame.rows, dtype=np.int64)
            known[()] = 0
        else:
            numbers = [
                known.setdefault(tuple([pair for pair in labels if (pair[0] in named) != without]), len(known))
                for labels in frame.labels
            ]
            self.of_row = np.array(numbers, dtype=np.int64)
        self.labels = list(known)

    def rows(self) -> list[Ints]:
        """The rows of each group, in order."""
        order = np.argsort(self.of_row, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.of_row, minlength=len(self.labels)))[:-1])

    def reduced(self, ufunc: np.ufunc, values: Floats) -> Floats:
        """Each group's rows put together, one after the other."""
        order = np.argsort(self.of_row, kind="stable")
        starts = np.searchsorted(self.of_row[order], np.arange(len(self.labels)))
        if ufunc is np.add and values.shape[1] == 1:
            # A single column would be added pairwise, to other last digits.
            sums: Floats = np.bincount(self.of_row, weights=values[:, 0], minlength=len(self.labels)).astype(np.float64)
            return sums[:, None]
        result: Floats = ufunc.reduceat(values[order], starts, axis=0)
        return result

    def layers(self) -> Iterator[tuple[Ints, Ints]]:
        """First rows of all groups, second rows of all, …: the rows, and the groups that have one."""
        rows = self.rows()
        for position in range(max(map(len, rows), default=0)):
            groups = [group for group, members in enumerate(rows) if len(members) > position]
            yield np.array([rows[group][position] for group in groups]), np.array(groups)


def aggregate(node: Aggregate, frame: Frame, parameter: Floats | str | None) -> Frame:
    """The aggregation at each instant.

    Raises:
        QueryError: `execution` for a parameter out of range.
    """
    operator = node.operator
    if operator == "count_values":
        assert isinstance(parameter, str)
        return _count_values(node, frame, parameter)
    if operator in ("topk", "bottomk"):
        assert isinstance(parameter, np.ndarray)
        return _extremes(node, frame, parameter)
    if not frame.rows:
        return empty(frame.values.shape[1])
    groups = Groups(frame, node.labels, without=node.without)
    counts = groups.reduced(np.add, frame.present.astype(np.float64))
    filled = counts > 0
    match operator:
        case "sum":
            values = groups.reduced(np.add, np.where(frame.present, frame.values, 0.0))
        case "count":
            values = counts
        case "group":
            values = np.ones_like(counts)
        case "max":
            values = groups.reduced(np.fmax, np.where(frame.present, frame.values, np.nan))
        case "min":
            values = groups.reduced(np.fmin, np.where(frame.present, frame.values, np.nan))
        case "avg":
            values = _mean(groups)
        case "stdvar":
            values = _variance(groups)
        case "stddev":
            values = np.sqrt(_variance(groups))
        case _:
            assert isinstance(parameter, np.ndarray)
            values = _quantile(groups, parameter)
    return Frame(groups.labels, values, filled)


def _mean(groups: Groups) -> Floats:
    """A running mean, as Prometheus 2.42 takes it: exact for equal values, and large ones do not overflow."""
    frame = groups.frame
    count = np.zeros((len(groups.labels), frame.values.shape[1]))
    mean = np.zeros_like(count)
    for rows, which in groups.layers():
        value, filled, old = frame.values[rows], frame.present[rows], mean[which]
        n = count[which] + filled
        stuck = np.isinf(old) & ((value == old) | np.isfinite(value))
        mean[which] = np.where(filled & ~stuck, old + (value / n - old / n), old)
        count[which] = n
    return mean


def _variance(groups: Groups) -> Floats:
    """Welford's method, in the order of the rows as Prometheus 2.42 has it."""
    frame = groups.frame
    count = np.zeros((len(groups.labels), frame.values.shape[1]))
    mean, squares = np.zeros_like(count), np.zeros_like(count)
    for rows, which in groups.layers():
        value, filled, old = frame.values[rows], frame.present[rows], mean[which]
        n = count[which] + filled
        difference = value - old
        new = np.where(n == 1, value, old + difference / n)
        added = np.where(n == 1, 0.0, squares[which] + difference * (value - new))
        mean[which] = np.where(filled, new, old)
        squares[which] = np.where(filled, added, squares[which])
        count[which] = n
    return squares / count


def _quantile(groups: Groups, q: Floats) -> Floats:
    frame = groups.frame
    return np.array([quantiles(frame.values[rows], frame.present[rows], q) for rows in groups.rows()])


def _extremes(node: Aggregate, frame: Frame, k: Floats) -> Frame:
    """`topk` and `bottomk`: the rows themselves, where they are among the first; earlier rows win ties."""
    fits = np.abs(k) <= _LARGEST_INT
    if not fits.all():
        wrong = float(k[~fits][0])
        raise failed(f"Scalar value {wrong if np.isfinite(wrong) else shortest(wrong)} overflows int64")
    if not frame.rows:
        return frame
    sign = -1.0 if node.operator == "topk" else 1.0
    chosen: Bools = np.zeros_like(frame.present)
    ordered: list[int] = []
    wanted = np.trunc(k)
    for rows in Groups(frame, node.labels, without=node.without).rows():
        absent = ~frame.present[rows]
        order = np.lexsort((sign * frame.values[rows], absent), axis=0)
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(len(rows))[:, None], axis=0)
        chosen[rows] = ~absent & (place < wanted)
        ordered += [int(row) for row in rows[order[:, 0]]]
    result = Frame(frame.labels, frame.values, chosen)
    return result.taken(ordered) if k.size == 1 else result


def _count_values(node: Aggregate, frame: Frame, label: str) -> Frame:
    """How many series have each value, which becomes a label."""
    if not LABEL_NAME.fullmatch(label):
        raise failed(f'invalid label name "{label}"')
    instants = frame.values.shape[1]
    counts: dict[Labels, Floats] = {}
    named = frozenset((*node.labels, NAME) if node.without else (*node.labels, label))
    for row, labels in enumerate(frame.labels):
        filled = frame.present[row]
        seen, where = np.unique(frame.values[row, filled], return_inverse=True)
        columns = np.flatnonzero(filled)
        for number, value in enumerate(seen):
            full = changed(labels, label, shortest(float(value)))
            kept = tuple([pair for pair in full if (pair[0] in named) != node.without])
            counted = counts.setdefault(kept, np.zeros(instants))
            counted[columns[where == number]] += 1.0
    if not counts:
        return empty(instants)
    values = np.array(list(counts.values()))
    return Frame(list(counts), values, values > 0)
