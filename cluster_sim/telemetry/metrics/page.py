"""The page of metrics that a scrape of everything would get now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from .exporter import Exporter, Reading
from .spec import BOUNDS, Column, Kind, MetricSpec

UP = MetricSpec(name="up", help="Whether the last scrape of the target succeeded.")
SCRAPED = MetricSpec(
    name="scrape_samples_scraped", help="Samples the target exposed at the last scrape.", detailed=False
)
RELABELED = MetricSpec(
    name="scrape_samples_post_metric_relabeling",
    help="Samples of the last scrape that were left after metric relabeling.",
    detailed=False,
)
DURATION = MetricSpec(name="scrape_duration_seconds", help="Duration of the last scrape.", detailed=False)
ADDED = MetricSpec(
    name="scrape_series_added", help="Series of the last scrape that were not there before.", detailed=False
)

FAMILIES = (UP, DURATION, SCRAPED, RELABELED, ADDED)
"""What a scrape adds to the series of every target."""


class Page:
    """The families of some targets, in the order in which they are first written."""

    def __init__(self, exporters: Iterable[Exporter], now: int, epoch_s: int) -> None:
        self.epoch_s = epoch_s
        self.families: dict[str, Metric] = {}
        self.specs: dict[str, MetricSpec] = {}
        for exporter in exporters:
            self._add(exporter, now)

    def metrics(self) -> Iterator[Metric]:
        """The families by name."""
        for name in sorted(self.families):
            yield self.families[name]

    def _add(self, exporter: Exporter, now: int) -> None:
        key, reading = exporter.look(now)
        labels = exporter.labels(key)
        written = 0
        if reading is not None:
            for column in exporter.columns(key):
                written += self._write(column, reading, {**labels, **column.labels})
        for spec, value in ((UP, reading is not None), (SCRAPED, written), (RELABELED, written)):
            self._samples(spec).append(Sample(spec.name, dict(labels), float(value)))

    def _samples(self, spec: MetricSpec) -> list[Sample]:
        family = self.families.get(spec.name)
        if family is None:
            family = self.families[spec.name] = Metric(spec.name, spec.help, spec.kind)
            self.specs[spec.name] = spec
        return family.samples

    def _write(self, column: Column, reading: Reading, labels: dict[str, str]) -> int:
        """Add the samples of a column; returns how many."""
        if column.kind is Kind.HISTOGRAM:
            return self._write_histogram(column, reading, labels)
        if column.kind is Kind.COUNT:
            value: float = sum(sum(_counts(reading, at)) for at in column.at)
        else:
            value = sum(reading.values[at] for at in column.at) / column.divisor + column.constant
            if column.since_epoch:
                value += self.epoch_s
        self._samples(column.spec).append(Sample(column.name, labels, float(value)))
        return 1

    def _write_histogram(self, column: Column, reading: Reading, labels: dict[str, str]) -> int:
        counts = [sum(bucket) for bucket in zip(*(_counts(reading, at) for at in column.at), strict=True)]
        if not any(counts):
            return 0
        samples = self._samples(column.spec)
        bucket = f"{column.name}_bucket"
        total = 0
        for bound, count in zip(BOUNDS, counts, strict=True):
            total += count
            samples.append(Sample(bucket, {**labels, "le": bound}, float(total)))
        seconds = sum(reading.values[at] for at in column.at) / 1e9
        samples.append(Sample(f"{column.name}_count", labels, float(total)))
        samples.append(Sample(f"{column.name}_sum", labels, seconds))
        return len(BOUNDS) + 2


def _counts(reading: Reading, histogram: int) -> list[int]:
    return reading.counts[histogram * len(BOUNDS) : (histogram + 1) * len(BOUNDS)]
