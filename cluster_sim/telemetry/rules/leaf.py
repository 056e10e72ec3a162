"""What rules look at: the selectors of scraped series in their expressions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ..metrics.spec import Column, Kind
from ..promql import Selector
from ..series import NAME, Matcher


class Unsupported(Exception):
    """What a plan does not know; the general evaluator knows it.

    Attributes:
        what: a leaf or an expression.
    """

    def __init__(self, what: object) -> None:
        super().__init__(what)
        self.what = what


class Place(IntEnum):
    """How the values of a series are read."""

    GAUGE = 0
    CONSTANT = 1
    COUNTER = 2
    HISTOGRAM = 3


@dataclass(frozen=True, slots=True)
class Leaf:
    """A selector of scraped series, at the instant or over a span before it.

    Attributes:
        name: of the series.
        matchers: the conditions on other labels.
        ranged: whether it is about a span.
    """

    name: str
    matchers: tuple[Matcher, ...]
    ranged: bool

    def place(self, column: Column) -> Place:
        """How the series of a column that it matches are read.

        Raises:
            Unsupported: in no way that a plan knows.
        """
        if column.kind is Kind.CONSTANT and not self.ranged:
            return Place.CONSTANT
        if column.kind is Kind.VALUE and len(column.at) == 1 and not column.since_epoch:
            if self.ranged and column.spec.kind != "gauge":
                return Place.COUNTER
            if not self.ranged and column.divisor == 1:
                return Place.GAUGE
        if column.kind is Kind.HISTOGRAM and self.ranged and not self.name.endswith("_sum"):
            return Place.HISTOGRAM
        raise Unsupported(self)


def leaf_of(selector: Selector, *, ranged: bool) -> Leaf:
    """What a selector looks at.

    Raises:
        Unsupported: it looks back, or does not name the metric.
    """
    names = [matcher for matcher in selector.matchers if matcher.label == NAME]
    rest = tuple(matcher for matcher in selector.matchers if matcher.label != NAME)
    if selector.offset_ms or selector.at is not None or len(names) != 1 or names[0].operator != "=":
        raise Unsupported(selector)
    return Leaf(names[0].value, rest, ranged)
