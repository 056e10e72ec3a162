"""The metrics of a cluster as Prometheus scrapes them, and a short account of one service's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from ..clock import unix_s
from .metrics import application
from .metrics.exporter import TARGET_LABELS
from .metrics.page import UP, Page
from .metrics.targets import everything
from .traces import latest_exemplars

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..engine.service import Service

DETAIL_LIMIT = 200
"""Figures of one service above which its pods are added up (chosen: a dozen pods of a Java service with a pool)."""

_HIDDEN = TARGET_LABELS | {"metrics_path", "url_scheme", "server_k8s_pod_name"}


class ClusterCollector(Collector):
    """The metric families of one cluster, or of some of its services, as of its simulated now.

    Attributes:
        with_exemplars: whether buckets carry the trace of a request that they counted.
    """

    def __init__(
        self, cluster: Cluster, services: list[Service] | None = None, *, with_exemplars: bool = False
    ) -> None:
        self.cluster = cluster
        self.services = services
        self.with_exemplars = with_exemplars

    def collect(self) -> Iterator[Metric]:
        """The families, by name."""
        page = self.page()
        if self.with_exemplars:
            _add_exemplars(page, self.cluster)
        return page.metrics()

    def page(self) -> Page:
        """Everything that the targets expose."""
        return Page(everything(self.cluster, self.services), self.cluster.now, self.cluster.epoch_s)


def _add_exemplars(page: Page, cluster: Cluster) -> None:
    told = {
        frozenset(exemplar.labels.items()): Exemplar(
            {"trace_id": exemplar.trace_id}, exemplar.value_s, unix_s(exemplar.at_ns, cluster.epoch_s)
        )
        for exemplar in latest_exemplars(cluster)
    }
    family = page.families.get(application.REQUESTS.name)
    if family is not None:
        family.samples = [
            sample._replace(exemplar=told.get(frozenset(sample.labels.items()))) if "le" in sample.labels else sample
            for sample in family.samples
        ]


def registry(cluster: Cluster, *, with_exemplars: bool = False) -> CollectorRegistry:
    """A registry of its own for a cluster."""
    own = CollectorRegistry(auto_describe=False)
    own.register(ClusterCollector(cluster, with_exemplars=with_exemplars))
    return own


def exposition(cluster: Cluster, openmetrics: bool = False) -> bytes:
    """The page that a scrape of the whole cluster gets: Prometheus text, or OpenMetrics, which has exemplars."""
    # All names are plain: told that UTF-8 is allowed, prometheus_client does not look for what to escape in them.
    generate = generate_openmetrics if openmetrics else generate_latest
    return generate(registry(cluster, with_exemplars=openmetrics), escaping=ALLOWUTF8)


def detail(cluster: Cluster, service_name: str) -> dict[str, float]:
    """The figures of one service that somebody who investigates it looks at: `name{label="value",...}` → value.

    Labels of the target are left out, except for the pod where there are several. Requests are added up over the
    pods, and so is everything else where there are very many; histograms are given without their buckets.
    """
    service = cluster.service(service_name)
    page = ClusterCollector(cluster, [service]).page()
    figures = _figures(page, service_name, by_pod=len(service.replicas) > 1)
    return figures if len(figures) <= DETAIL_LIMIT else _figures(page, service_name, by_pod=False)


def _figures(page: Page, service_name: str, *, by_pod: bool) -> dict[str, float]:
    figures: dict[str, float] = {}
    for metric in page.metrics():
        spec = page.specs[metric.name]
        if not spec.detailed:
            continue
        hidden = _HIDDEN - {"pod"} if by_pod and spec is not application.REQUESTS else _HIDDEN
        if spec.name.startswith("pg_"):
            hidden = hidden | {"server"}
        for sample in metric.samples:
            if sample.name.endswith("_bucket") or (spec.states and not sample.value):
                continue
            if spec is UP and sample.labels.get("service") != service_name:
                continue
            name = _flat(sample, hidden)
            figures[name] = figures.get(name, 0.0) + sample.value
    return figures


def _flat(sample: Sample, hidden: frozenset[str]) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()) if name not in hidden)
    return f"{sample.name}{{{labels}}}" if labels else sample.name
