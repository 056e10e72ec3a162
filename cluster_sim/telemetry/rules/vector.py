"""Vectors of series, and where their values are while rules are evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..promql import Matching
from ..series import NAME
from .needs import SAME

Labels = Mapping[str, str]
Signature = tuple[tuple[str, str], ...]


NEVER = 0
"""The column of what is never there."""


class Handed(dict[str, str]):
    """Of the labels of a series those that make a difference; the others are the same wherever it is used.

    Attributes:
        number, place: of the input, and of the series in it.
        named: whether the name is among them.
    """

    def __init__(self, labels: Iterable[tuple[str, str]], number: int, place: int, *, named: bool = True) -> None:
        super().__init__(labels)
        self.number = number
        self.place = place
        self.named = named


class Vector(NamedTuple):
    """Series, in an order that does not depend on which others are in sight.

    Attributes:
        labels: of each series.
        values, present: columns of its values, and of whether it is there.
    """

    labels: Sequence[Labels]
    values: Sequence[int]
    present: Sequence[int]

    def only(self, places: Iterable[int]) -> Vector:
        """Some of its series."""
        chosen = list(places)
        return Vector(
            [self.labels[place] for place in chosen],
            [self.values[place] for place in chosen],
            [self.present[place] for place in chosen],
        )

    def joined(self, other: Vector) -> Vector:
        """Its series and another's."""
        return Vector([*self.labels, *other.labels], [*self.values, *other.values], [*self.present, *other.present])

    def paired(self, matching: Matching) -> dict[Signature, list[int]]:
        """The places of series in it, by the labels that decide which series of another vector belong to them."""
        places: dict[Signature, list[int]] = {}
        for place, labels in enumerate(self.labels):
            places.setdefault(signature(labels, matching), []).append(place)
        return places


def signature(labels: Labels, matching: Matching) -> Signature:
    """What two series have to have in common."""
    if matching.on:
        return tuple([(name, labels[name]) for name in sorted(matching.labels) if name in labels])
    if SAME in labels:
        return ((SAME, labels[SAME]),)
    return tuple(sorted([pair for pair in labels.items() if pair[0] != NAME and pair[0] not in matching.labels]))


def unnamed(labels: Labels) -> Labels:
    """Labels without the series' name."""
    if isinstance(labels, Handed):
        return Handed(labels.items(), labels.number, labels.place, named=False)
    return {name: value for name, value in labels.items() if name != NAME} if NAME in labels else labels
