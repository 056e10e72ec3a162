"""The metrics of a cluster as Prometheus scrapes them, and a short account of one service's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from ..specs import Language
from .metrics import application, graph, kubernetes, postgres, redis
from .metrics.page import TARGET_LABELS, UP, Page

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..engine.service import Service

DETAIL_LIMIT = 200
"""Figures of one service above which its pods are added up (chosen: a dozen pods of a Java service with a pool)."""

_HIDDEN = TARGET_LABELS | {"metrics_path", "url_scheme", "server_k8s_pod_name"}


class ClusterCollector(Collector):
    """The metric families of one cluster, or of some of its services, as of its simulated now."""

    def __init__(self, cluster: Cluster, services: list[Service] | None = None) -> None:
        self.cluster = cluster
        self.services = list(cluster.services.values()) if services is None else services

    def collect(self) -> Iterator[Metric]:
        """The families, by name."""
        return self.page().metrics()

    def page(self) -> Page:
        """Everything that the targets expose."""
        page = Page()
        for service in self.services:
            for replica in service.replicas:
                match service.spec.language:
                    case Language.POSTGRES:
                        postgres.write(page, self.cluster, replica)
                    case Language.REDIS:
                        redis.write(page, self.cluster, replica)
                    case _:
                        application.write(page, self.cluster, replica)
        kubernetes.write(page, self.cluster, self.services)
        graph.write(page, self.cluster, frozenset(service.name for service in self.services))
        return page


def registry(cluster: Cluster) -> CollectorRegistry:
    """A registry of its own for a cluster."""
    own = CollectorRegistry(auto_describe=False)
    own.register(ClusterCollector(cluster))
    return own


def exposition(cluster: Cluster, openmetrics: bool = False) -> bytes:
    """The page that a scrape of the whole cluster gets, in the Prometheus text format or in OpenMetrics."""
    # All names are plain: told that UTF-8 is allowed, prometheus_client does not look for what to escape in them.
    generate = generate_openmetrics if openmetrics else generate_latest
    return generate(registry(cluster), escaping=ALLOWUTF8)


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
