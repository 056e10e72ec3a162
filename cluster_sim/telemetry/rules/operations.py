"""The steps of a plan that compute vectors from vectors."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import inf, nan

from ..promql import Matching
from ..series import NAME
from .step import NOTHING, Labels, Step, Values, kept, unnamed, vector
from .want import Unsupported


class Aggregation(Step):
    """`sum`, `avg`, `count`, `min` or `max` by some labels."""

    def __init__(self, function: Callable[[list[float]], float], by: tuple[str, ...], source: Step) -> None:
        self.function = function
        self.by = by
        self.source = source
        self.sources = (source,)
        self._seen: Sequence[Labels] | None = None
        self._given: Values = NOTHING
        self._groups: list[list[int]] = []
        self._values: Values = NOTHING

    def values(self) -> Values:
        given = self.source.values()
        if self.source.labels is not self._seen:
            self._seen = self.source.labels
            groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
            for slot, labels in enumerate(self._seen):
                groups.setdefault(tuple((n, labels[n]) for n in self.by if n in labels), []).append(slot)
            self.labels = kept(self.labels, [dict(key) for key in groups])
            self._groups = list(groups.values())
            self._given = NOTHING
            self._values = NOTHING
        if given is not self._given:
            self._given = given
            self._values = self._aggregated(given) if given else NOTHING
        return self._values

    def _aggregated(self, given: Values) -> Values:
        function = self.function
        result: list[float | None] = []
        for group in self._groups:
            members = [value for slot in group if (value := given[slot]) is not None]
            result.append(function(members) if members else None)
        return vector(result)


def average(values: list[float]) -> float:
    """The mean."""
    return sum(values) / len(values)


AGGREGATIONS: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": average,
    "count": lambda values: float(len(values)),
    "min": min,
    "max": max,
}
"""By operator. Of values among which a NaN is, `min` and `max` would differ from Prometheus'."""


def divided(left: float, right: float) -> float:
    """A quotient, by zero too."""
    if right:
        return left / right
    return nan if left == 0 or left != left or right != right else inf if left > 0 else -inf


ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divided,
}

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class Limit(Step):
    """A vector compared with a number: what holds is left."""

    def __init__(self, source: Step, holds: Callable[[float, float], bool], number: float) -> None:
        self.source = source
        self.sources = (source,)
        self.holds = holds
        self.number = number
        # A share of nothing is not above a limit, whatever it is a share of.
        share = isinstance(source, Arithmetic) and source.function is divided and holds is operator.gt and number >= 0
        self._numerator = source.left if isinstance(source, Arithmetic) and share else None
        self._given: Values = NOTHING
        self._values: Values = NOTHING

    def values(self) -> Values:
        if self._numerator is not None and not any(self._numerator.values()):
            return NOTHING
        given = self.source.values()
        self.labels = self.source.labels
        if given is not self._given:
            self._given = given
            holds, number = self.holds, self.number
            self._values = NOTHING
            for value in given:
                if value is not None and holds(value, number):
                    self._values = [v if v is not None and holds(v, number) else None for v in given]
                    break
        return self._values


class Scaled(Step):
    """A vector and a number: arithmetic on each value."""

    def __init__(self, source: Step, function: Callable[[float], float]) -> None:
        self.source = source
        self.sources = (source,)
        self.function = function
        self._seen: Sequence[Labels] | None = None

    def values(self) -> Values:
        given = self.source.values()
        if self.source.labels is not self._seen:
            self._seen = self.source.labels
            self.labels = [unnamed(labels) for labels in self._seen]
        return vector([None if value is None else self.function(value) for value in given])


class Pairing:
    """Which series of two vectors belong together."""

    def __init__(self, matching: Matching) -> None:
        self.on = matching.on
        self.names = frozenset(matching.labels)

    def signature(self, labels: Labels) -> tuple[tuple[str, str], ...]:
        """What they have to have in common."""
        return tuple(sorted(pair for pair in labels.items() if self._counts(pair[0])))

    def result(self, labels: Labels) -> Labels:
        """The labels of the result of arithmetic on a pair, from those of either."""
        return dict(self.signature(labels))

    def _counts(self, name: str) -> bool:
        return name in self.names if self.on else name != NAME and name not in self.names


class Together(Step, ABC):
    """Two vectors."""

    def __init__(self, left: Step, right: Step, matching: Matching) -> None:
        self.left = left
        self.right = right
        self.sources = (left, right)
        self.pairing = Pairing(matching)
        self._seen: tuple[object, object] = (None, None)
        self._given: tuple[Values, Values] = (NOTHING, NOTHING)
        self._values: Values = NOTHING

    def values(self) -> Values:
        left = self.left.values()
        if not left and not self.right_alone:
            return NOTHING
        right = self.right.values()
        if self._seen[0] is not self.left.labels or self._seen[1] is not self.right.labels:
            self._seen = (self.left.labels, self.right.labels)
            self._pair(self.left.labels, self.right.labels)
            self._given = (NOTHING, NOTHING)
            self._values = self._combined(left, right)
        elif left is not self._given[0] or right is not self._given[1]:
            self._values = self._combined(left, right)
        self._given = (left, right)
        return self._values

    right_alone = False
    """Whether there may be a result without anything on the left."""

    @abstractmethod
    def _pair(self, left: Sequence[Labels], right: Sequence[Labels]) -> None: ...

    @abstractmethod
    def _combined(self, left: Values, right: Values) -> Values: ...

    def _slots(self, side: Sequence[Labels]) -> dict[tuple[tuple[str, str], ...], list[int]]:
        slots: dict[tuple[tuple[str, str], ...], list[int]] = {}
        for slot, labels in enumerate(side):
            slots.setdefault(self.pairing.signature(labels), []).append(slot)
        return slots


class Arithmetic(Together):
    """Arithmetic on each pair."""

    def __init__(self, left: Step, right: Step, matching: Matching, function: Callable[[float, float], float]) -> None:
        super().__init__(left, right, matching)
        self.function = function

    def _pair(self, left: Sequence[Labels], right: Sequence[Labels]) -> None:
        ours, theirs = self._slots(left), self._slots(right)
        if any(len(slots) > 1 for side in (ours, theirs) for slots in side.values()):
            raise Unsupported("several series on one side")
        pairs = [(slots[0], theirs[key][0]) for key, slots in ours.items() if key in theirs]
        self._pairs = pairs
        self.labels = kept(self.labels, [self.pairing.result(left[slot]) for slot, _ in pairs])

    def _combined(self, left: Values, right: Values) -> Values:
        if not right:
            return NOTHING
        function = self.function
        result: list[float | None] = []
        for i, j in self._pairs:
            a, b = left[i], right[j]
            result.append(None if a is None or b is None else function(a, b))
        return vector(result)


class And(Together):
    """What is on the left and has its like on the right."""

    def _pair(self, left: Sequence[Labels], right: Sequence[Labels]) -> None:
        theirs = self._slots(right)
        self._likes = [theirs.get(self.pairing.signature(labels), []) for labels in left]
        self.labels = left

    def _combined(self, left: Values, right: Values) -> Values:
        if not right:
            return NOTHING
        return vector(
            [
                value if any(right[slot] is not None for slot in likes) else None
                for value, likes in zip(left, self._likes, strict=True)
            ]
        )


class Or(Together):
    """What is on the left, and what on the right has no like there."""

    right_alone = True

    def _pair(self, left: Sequence[Labels], right: Sequence[Labels]) -> None:
        ours = self._slots(left)
        self._likes = [ours.get(self.pairing.signature(labels), []) for labels in right]
        self._sizes = (len(left), len(right))
        self.labels = [*left, *right]

    def _combined(self, left: Values, right: Values) -> Values:
        left = left or (None,) * self._sizes[0]
        right = right or (None,) * self._sizes[1]
        others = (
            None if any(left[slot] is not None for slot in likes) else value
            for value, likes in zip(right, self._likes, strict=True)
        )
        return vector([*left, *others])
