"""What a metric is called, and which series a target has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, NamedTuple

from ...engine.replica import BUCKETS_S

Labels = Mapping[str, str]

BOUNDS = (*(f"{bound:.1f}" if bound == int(bound) else f"{bound:g}" for bound in BUCKETS_S), "+Inf")
"""Values of the label `le`, as client libraries write them."""


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric family.

    Attributes:
        name: as it is exposed, except that a counter's `_total` is left off.
        kind: `unknown` also stands for the counters of exporters that do not end in `_total`.
        detailed: whether an investigation of the service shows it.
        states: whether its samples of 0 say no more than that another state has a 1 (or all the rest).
    """

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram", "summary", "unknown"] = "gauge"
    detailed: bool = True
    states: bool = False

    @property
    def series(self) -> str:
        """The name of its samples."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Kind(Enum):
    """How a column's values follow from what a scrape recorded."""

    VALUE = auto()
    """A recorded value, or several added up."""
    COUNT = auto()
    """The number of observations in recorded histograms."""
    HISTOGRAM = auto()
    """Recorded histograms added up: cumulative buckets, count and sum. It exists from its first observation on."""
    CONSTANT = auto()
    """Always the same."""


class Column(NamedTuple):
    """A series of a target, or a histogram's whole set.

    Attributes:
        name: of its samples; of a histogram without `_bucket`, `_count` and `_sum`.
        labels: its own, beside those of the target.
        at: positions among the recorded values, or numbers of recorded histograms.
        divisor: recorded values are divided by it.
        constant: the value that a constant has.
        since_epoch: whether the value is an instant, to which the Unix time of simulated zero is added.
    """

    spec: MetricSpec
    name: str
    labels: Labels
    kind: Kind
    at: tuple[int, ...] = ()
    divisor: float = 1.0
    constant: float = 0.0
    since_epoch: bool = False


class Layout:
    """The series of a target, declared in the order in which its values are recorded.

    Attributes:
        histograms, values: how many were declared to be recorded; each histogram also records its sum as a value.
    """

    def __init__(self, histograms: int = 0) -> None:
        self.columns: list[Column] = []
        self.histograms = histograms
        self.values = histograms

    def hidden(self, values: int) -> None:
        """Values that are recorded and not exposed."""
        self.values += values

    def value(
        self,
        spec: MetricSpec,
        labels: Labels | None = None,
        *,
        name: str = "",
        divisor: float = 1.0,
        since_epoch: bool = False,
    ) -> None:
        """The next recorded value."""
        at = (self.values,)
        self.columns.append(Column(spec, name or spec.series, labels or {}, Kind.VALUE, at, divisor, 0, since_epoch))
        self.values += 1

    def states(self, spec: MetricSpec, label: str, states: Iterable[str], labels: Labels) -> None:
        """The next values, one for each value of a label."""
        for state in states:
            self.value(spec, {**labels, label: state})

    def summary(self, spec: MetricSpec, labels: Labels | None = None) -> None:
        """The next two values: a count, and a sum in nanoseconds; a summary without quantiles."""
        self.value(spec, labels, name=f"{spec.name}_count")
        self.value(spec, labels, name=f"{spec.name}_sum", divisor=1e9)

    def again(self, spec: MetricSpec, at: int, labels: Labels | None = None, *, divisor: float = 1.0) -> None:
        """A value that has been recorded already."""
        self.columns.append(Column(spec, spec.series, labels or {}, Kind.VALUE, (at,), divisor))

    def constant(self, spec: MetricSpec, labels: Labels | None = None, value: float = 1.0) -> None:
        """A value that only changes together with the series there are."""
        self.columns.append(Column(spec, spec.series, labels or {}, Kind.CONSTANT, constant=value))

    def count(self, spec: MetricSpec, histograms: tuple[int, ...], labels: Labels | None = None) -> None:
        """The number of observations in recorded histograms."""
        self.columns.append(Column(spec, spec.series, labels or {}, Kind.COUNT, histograms))

    def histogram(self, spec: MetricSpec, histograms: tuple[int, ...], labels: Labels | None = None) -> None:
        """Recorded histograms of durations, added up."""
        self.columns.append(Column(spec, spec.name, labels or {}, Kind.HISTOGRAM, histograms))
