"""Binary operators, on numbers and between vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..series import NAME
from .errors import failed
from .frames import Bools, Floats, Frame, Labels, changed, distinct, empty, unnamed, without_name
from .nodes import COMPARISONS, Binary, Matching

_ARITHMETIC: dict[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
_COMPARING: dict[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def between_scalars(operator: str, left: Floats, right: Floats) -> Floats:
    """Numbers; comparisons give 1 or 0."""
    values, kept = _applied(operator, left, right)
    return values if kept is None else kept.astype(np.float64)


def _applied(operator: str, left: Floats, right: Floats) -> tuple[Floats, Bools | None]:
    """What arithmetic gives; or the left values, and where the comparison holds."""
    if operator in COMPARISONS:
        return left, _COMPARING[operator](left, right)
    return _ARITHMETIC[operator](left, right), None


def with_scalar(node: Binary, frame: Frame, scalar: Floats, *, swapped: bool) -> Frame:
    """A vector and a number; `swapped` if the number is on the left. Comparisons keep the vector's values."""
    left, right = (scalar, frame.values) if swapped else (frame.values, scalar)
    values, kept = _applied(node.operator, left, right)
    if kept is None:
        labels = frame.labels if _keeps_name(node) else unnamed(frame.labels)
        return distinct(Frame(labels, values, frame.present))
    if node.as_bool:
        return distinct(Frame(unnamed(frame.labels), kept.astype(np.float64), frame.present))
    return distinct(Frame(frame.labels, frame.values, frame.present & kept))


def _keeps_name(node: Binary) -> bool:
    """Whether the metric's name stays: where values do, and, by an oversight of Prometheus, with `atan2`."""
    return node.operator == "atan2" or (node.operator in COMPARISONS and not node.as_bool)


def _signature(matching: Matching) -> Callable[[Labels], Labels]:
    """The part of the labels that must be equal on both sides."""
    names = frozenset(matching.labels if matching.on else (*matching.labels, NAME))
    on = matching.on
    return lambda labels: tuple([pair for pair in labels if (pair[0] in names) == on])


def set_operation(node: Binary, left: Frame, right: Frame) -> Frame:
    """`and`, `or`, `unless`: rows of either side, by whether the other side has one with the same labels."""
    signature = _signature(node.matching)
    known: dict[Labels, int] = {}
    of_left = [known.setdefault(signature(labels), len(known)) for labels in left.labels]
    of_right = [known.setdefault(signature(labels), len(known)) for labels in right.labels]
    if node.operator == "or":
        there = _anywhere(left, of_left, len(known))
        added = right.present & ~there[of_right] if right.rows else right.present
        return distinct(
            Frame(
                left.labels + right.labels,
                np.concatenate([left.values, right.values]),
                np.concatenate([left.present, added]),
            )
        )
    if not left.rows:
        return left
    there = _anywhere(right, of_right, len(known))[of_left]
    return Frame(left.labels, left.values, left.present & (there if node.operator == "and" else ~there))


def _anywhere(frame: Frame, signatures: list[int], number: int) -> Bools:
    """Signatures × instants: where some row with the signature has a value."""
    there = np.zeros((number, frame.values.shape[1]), dtype=bool)
    for row, signature in enumerate(signatures):
        there[signature] |= frame.present[row]
    return there


def between_vectors(node: Binary, left: Frame, right: Frame) -> Frame:
    """Arithmetic or comparison of the rows that match.

    Raises:
        QueryError: `execution` if an instant has more than one candidate where one is allowed.
    """
    matching = node.matching
    swapped = matching.cardinality == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    if not many.rows or not one.rows:
        return empty(left.values.shape[1])
    signature = _signature(matching)
    of_many, of_one = [signature(labels) for labels in many.labels], [signature(labels) for labels in one.labels]
    partners = _partners(many, one, of_one, side="left" if swapped else "right")
    pairs = [(row, partner) for row, key in enumerate(of_many) for partner in partners.get(key, ())]
    if not pairs:
        return empty(left.values.shape[1])
    of_pairs = np.array(pairs)
    many_rows, one_rows = of_pairs[:, 0], of_pairs[:, 1]
    first, second = many.values[many_rows], one.values[one_rows]
    values, kept = _applied(node.operator, *((second, first) if swapped else (first, second)))
    present = many.present[many_rows] & one.present[one_rows]
    if kept is not None and node.as_bool:
        values = kept.astype(np.float64)
    elif kept is not None:
        present = present & kept
    if matching.cardinality == "one-to-one":
        _refuse_second_match([of_many[row] for row in many_rows], present)
    named = _keeps_name(node)
    labels = [_result_labels(many.labels[row], one.labels[other], matching, named=named) for row, other in pairs]
    return _merged(Frame(labels, values, present))


def _partners(many: Frame, one: Frame, signatures: list[Labels], side: str) -> dict[Labels, list[int]]:
    """The rows of the "one" side by signature; at most one of each has a value at any instant."""
    partners: dict[Labels, list[int]] = {}
    for row, key in enumerate(signatures):
        partners.setdefault(key, []).append(row)
    if len(partners) == one.rows:
        return partners
    asked = many.present.any(axis=0)
    for key, rows in partners.items():
        crowded = np.flatnonzero((one.present[rows].sum(axis=0) > 1) & asked)
        if crowded.size:
            first, second = [row for row in rows if one.present[row, crowded[0]]][:2]
            raise failed(
                f"found duplicate series for the match group {braced(key)} on the {side} hand-side of the operation: "
                f"[{braced(one.labels[second])}, {braced(one.labels[first])}];"
                "many-to-many matching not allowed: matching labels must be unique on one side"
            )
    return partners


def _refuse_second_match(signatures: list[Labels], present: Bools) -> None:
    """One-to-one: no two results of one signature at the same instant."""
    if len(set(signatures)) == len(signatures):
        return
    seen: dict[Labels, Bools] = {}
    for key, filled in zip(signatures, present, strict=True):
        if key in seen and (seen[key] & filled).any():
            raise failed("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
        seen[key] = seen[key] | filled if key in seen else filled


def _result_labels(many: Labels, one: Labels, matching: Matching, *, named: bool) -> Labels:
    """The labels of a pair's result."""
    result = many if named else without_name(many)
    if matching.cardinality == "one-to-one":
        result = tuple([pair for pair in result if (pair[0] in matching.labels) == matching.on])
    elif matching.include:
        other = dict(one)
        for name in matching.include:
            result = changed(result, name, other.get(name, ""))
    return result


def _merged(frame: Frame) -> Frame:
    """One row for each set of labels; two results with the same labels at one instant are refused."""
    try:
        return distinct(frame)
    except ValueError:
        raise failed("multiple matches for labels: grouping labels must ensure unique matches") from None


def braced(labels: Labels) -> str:
    """Labels as messages show them."""
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"
