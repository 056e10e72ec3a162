"""What rules look at: the selectors in their expressions."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from ..matching import matches
from ..metrics.spec import Column, Kind
from ..promql import Selector
from ..series import NAME, Matcher


class Unsupported(Exception):
    """What the plan does not know; the general evaluator knows it."""


class UnsupportedSeries(Unsupported):
    """A selector that matches something that the plan does not know."""

    def __init__(self, want: Want) -> None:
        super().__init__(want)
        self.want = want


class Place(IntEnum):
    """Where a series' values are kept."""

    GAUGE = 0
    COUNTER = 1
    HISTOGRAM = 2


class Want:
    """A selector of scraped series, at the instant or over a span before it.

    Attributes:
        name: of the series.
        matchers: the conditions on other labels.
        ranged: whether it is about a span.
    """

    def __init__(self, name: str, matchers: tuple[Matcher, ...], *, ranged: bool) -> None:
        self.name = name
        self.matchers = matchers
        self.ranged = ranged
        self.accepts = matches(matchers)

    @property
    def key(self) -> tuple[object, ...]:
        """What two that are the same have in common; they themselves are told apart by identity, which is quicker."""
        return self.name, self.matchers, self.ranged

    def place(self, column: Column) -> Place:
        """Where the series of a column that it matches are kept.

        Raises:
            UnsupportedSeries: nowhere.
        """
        if column.kind is Kind.CONSTANT and not self.ranged:
            return Place.GAUGE
        if column.kind is Kind.VALUE and len(column.at) == 1 and not column.since_epoch:
            if self.ranged and column.spec.kind != "gauge":
                return Place.COUNTER
            if not self.ranged and column.divisor == 1:
                return Place.GAUGE
        if column.kind is Kind.HISTOGRAM and self.ranged and not self.name.endswith("_sum"):
            return Place.HISTOGRAM
        raise UnsupportedSeries(self)


def want(selector: Selector, *, ranged: bool) -> Want:
    """What a selector looks at.

    Raises:
        Unsupported: it looks back, or does not name the metric.
    """
    names = [matcher for matcher in selector.matchers if matcher.label == NAME]
    rest = tuple(matcher for matcher in selector.matchers if matcher.label != NAME)
    if selector.offset_ms or selector.at is not None or len(names) != 1 or names[0].operator != "=":
        raise Unsupported(selector)
    return Want(names[0].value, rest, ranged=ranged)


class Wants:
    """All that the rules look at, by name."""

    def __init__(self, wants: Iterable[Want]) -> None:
        self._by_name: dict[str, list[Want]] = {}
        for one in wants:
            self._by_name.setdefault(one.name, []).append(one)

    def named(self, name: str) -> list[Want]:
        """What looks at a metric."""
        return self._by_name.get(name, [])

    def of_column(self, column: Column) -> list[Want]:
        """What looks at the series of a column."""
        if column.kind is not Kind.HISTOGRAM:
            return self.named(column.name)
        return [one for part in ("_bucket", "_count", "_sum") for one in self.named(column.name + part)]
