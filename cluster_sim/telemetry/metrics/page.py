"""A page of metrics in the making: the families declared, and the samples written to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from ...engine.replica import BUCKETS_S, SUM
from ..identity import NAMESPACE

if TYPE_CHECKING:
    from ...engine.replica import Replica

Labels = Mapping[str, str]

_BOUNDS = (*(f"{bound:.1f}" if bound == int(bound) else f"{bound:g}" for bound in BUCKETS_S), "+Inf")

TARGET_LABELS = frozenset({"job", "instance", "namespace", "pod", "container", "service", "node"})
"""The labels that a scrape gives to every series of a target."""


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


UP = MetricSpec(name="up", help="Whether the last scrape of the target succeeded.")
SCRAPED = MetricSpec(
    name="scrape_samples_scraped", help="Samples the target exposed at the last scrape.", detailed=False
)
RELABELED = MetricSpec(
    name="scrape_samples_post_metric_relabeling",
    help="Samples of the last scrape that were left after metric relabeling.",
    detailed=False,
)


class Page:
    """The families of one scrape of a cluster, in the order in which they are first written."""

    def __init__(self) -> None:
        self.families: dict[str, Metric] = {}
        self.specs: dict[str, MetricSpec] = {}

    def samples(self, spec: MetricSpec) -> list[Sample]:
        """The samples of a family so far."""
        family = self.families.get(spec.name)
        if family is None:
            family = self.families[spec.name] = Metric(spec.name, spec.help, spec.kind)
            self.specs[spec.name] = spec
        return family.samples

    def metrics(self) -> Iterator[Metric]:
        """The families by name."""
        for name in sorted(self.families):
            yield self.families[name]


class Target:
    """Something that is scraped: it writes its samples with the labels of the target.

    Attributes:
        labels: of the target.
        written: samples so far.
    """

    def __init__(self, page: Page, labels: Labels) -> None:
        self.page = page
        self.labels = labels
        self.written = 0

    def write(self, spec: MetricSpec, value: float, labels: Labels | None = None) -> None:
        """Add a sample."""
        merged = {**self.labels, **labels} if labels else dict(self.labels)
        self.page.samples(spec).append(Sample(spec.series, merged, float(value)))
        self.written += 1

    def write_states(self, spec: MetricSpec, label: str, states: Iterable[tuple[str, float]], labels: Labels) -> None:
        """Add a sample for each value of a label."""
        for state, value in states:
            self.write(spec, value, {**labels, label: state})

    def write_histogram(self, spec: MetricSpec, histogram: list[int], labels: Labels) -> None:
        """Add a histogram of durations: counts per bucket, the last for +Inf, then the sum in nanoseconds."""
        samples = self.page.samples(spec)
        merged = {**self.labels, **labels}
        bucket = f"{spec.name}_bucket"
        total = 0
        for bound, count in zip(_BOUNDS, histogram, strict=False):
            total += count
            samples.append(Sample(bucket, {**merged, "le": bound}, float(total)))
        samples.append(Sample(f"{spec.name}_count", merged, float(total)))
        samples.append(Sample(f"{spec.name}_sum", merged, histogram[SUM] / 1e9))
        self.written += len(_BOUNDS) + 2

    def write_summary(self, spec: MetricSpec, count: int, seconds: float, labels: Labels | None = None) -> None:
        """Add a summary without quantiles."""
        merged = {**self.labels, **labels} if labels else dict(self.labels)
        samples = self.page.samples(spec)
        samples.append(Sample(f"{spec.name}_count", merged, float(count)))
        samples.append(Sample(f"{spec.name}_sum", merged, seconds))
        self.written += 2

    def close(self, *, up: bool) -> None:
        """Add what the scrape itself knows of the target."""
        scraped = self.written if up else 0
        self.write(UP, up)
        self.write(SCRAPED, scraped)
        self.write(RELABELED, scraped)


def listening(replica: Replica) -> bool:
    """Whether a pod's process answers at all: one that has yet to become ready for the first time does not."""
    return replica.alive and (replica.ready or replica.busy > 0)


def pod_target(page: Page, replica: Replica, *, job: str, port: int, container: str) -> Target:
    """A target in a pod."""
    return Target(
        page,
        {
            "job": job,
            "instance": f"{replica.ip}:{port}",
            "namespace": NAMESPACE,
            "pod": replica.name,
            "container": container,
            "service": replica.service.name,
            "node": replica.node,
        },
    )
