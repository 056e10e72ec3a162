"""The steps of a plan: each computes a vector from others, again only where something has changed.

A vector is a list of values, None where a series is not there, beside the labels of the series, which stay the same
object as long as they are the same. A step gives the same list again where what it looks at is the same as before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ..series import NAME

Labels = Mapping[str, str]
Values = Sequence[float | None]

NOTHING: Values = ()
"""The values of a vector in which no series is there."""


class Step(ABC):
    """One step.

    Attributes:
        labels: of the series; known after the first evaluation.
        sources: the steps it computes from, if it looks at nothing else; else None.
    """

    labels: Sequence[Labels] = ()
    sources: tuple[Step, ...] | None = None

    @abstractmethod
    def values(self) -> Values:
        """The values now: one for each of `labels`, or `NOTHING`."""


def vector(values: list[float | None]) -> Values:
    for value in values:
        if value is not None:
            return values
    return NOTHING


def kept(before: Sequence[Labels], after: list[Labels]) -> Sequence[Labels]:
    """The object that stood for the same labels before, if they are the same."""
    return before if before == after else after


def unnamed(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != NAME}
