"""The vectors that expressions are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..promql import Expr, Matching
from ..series import Matcher


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """A vector."""

    @property
    def sources(self) -> tuple[Node, ...]:
        """The vectors it is computed from."""
        return ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Node):
    """Scraped series, added up by labels.

    Attributes:
        feed: number of the selector with its labels, in the plan.
        operator: `sum`, `avg` or `count`; of single series `sum`.
        span: nanoseconds over which the growth of counters is looked at; 0 for values as they are.
        per_s: what the growth is divided by.
        q: which quantile of histograms; 0 for other series.
    """

    feed: int
    operator: str = "sum"
    span: int = 0
    per_s: float = 1.0
    q: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class OfOne(Node):
    """What is computed from one other vector."""

    source: Node

    @property
    def sources(self) -> tuple[Node, ...]:
        return (self.source,)


@dataclass(frozen=True, eq=False, kw_only=True)
class Recorded(OfOne):
    """What a rule has just recorded, or those of its series that meet some conditions.

    Attributes:
        labels: added by that rule.
    """

    labels: Mapping[str, str]
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class SumOverTime(OfOne):
    """`sum_over_time` of what a rule before records, now and at the evaluations before.

    Attributes:
        name: of the recorded series.
        matchers: conditions on them.
        span: nanoseconds.
    """

    name: str
    matchers: tuple[Matcher, ...]
    span: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Aggregation(OfOne):
    """`sum`, `avg` or `count` by some labels."""

    operator: str
    by: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scaled(OfOne):
    """Arithmetic on each value and a number."""

    operator: str
    number: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Limit(OfOne):
    """A vector compared with a number: what holds is left."""

    operator: str
    number: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Together(Node):
    """Two vectors whose series find each other by their labels."""

    left: Node
    right: Node
    matching: Matching

    @property
    def sources(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, eq=False, kw_only=True)
class Arithmetic(Together):
    """Arithmetic on each pair.

    Attributes:
        expr: what it was made of.
    """

    operator: str
    expr: Expr


@dataclass(frozen=True, eq=False, kw_only=True)
class And(Together):
    """What is on the left and has its like on the right."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Or(Together):
    """What is on the left, and what on the right has no like there."""
