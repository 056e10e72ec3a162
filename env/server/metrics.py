"""The server's own metric families, `incident_env_…`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from ..sessions import SessionStore

if TYPE_CHECKING:
    from .runner import EpisodeRunner

DURATION_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class SessionCollector(Collector):
    """What the session store counts."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store

    def collect(self) -> Iterable[Metric]:
        store = self.store
        yield GaugeMetricFamily("incident_env_sessions", "Sessions open now.", len(store))
        yield GaugeMetricFamily("incident_env_session_capacity", "Sessions that may be open at once.", store.capacity)
        yield CounterMetricFamily("incident_env_sessions_opened", "Sessions opened.", store.opened)
        closed = CounterMetricFamily("incident_env_sessions_closed", "Sessions closed.", labels=["reason"])
        for reason, count in sorted(store.closed.items()):
            closed.add_metric([reason], count)
        yield closed


class CrewCollector(Collector):
    """How the work is spread over processes."""

    def __init__(self, runner: EpisodeRunner) -> None:
        self.runner = runner

    def collect(self) -> Iterable[Metric]:
        crew = self.runner.crew
        running, lost = (0, 0) if crew is None else (len(crew.workers), crew.lost)
        yield GaugeMetricFamily("incident_env_worker_processes", "Worker processes running.", running)
        yield CounterMetricFamily("incident_env_worker_processes_lost", "Worker processes that ended early.", lost)
        rebuilt = CounterMetricFamily("incident_env_episodes_rebuilt", "Episodes simulated again.", labels=["reason"])
        for reason, count in sorted(self.runner.rebuilt.items()):
            rebuilt.add_metric([reason], count)
        yield rebuilt


class WithoutCreated(Collector):
    """A collector's families without the `_created` series, which double the page and tell nothing here."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

    def collect(self) -> Iterable[Metric]:
        for family in self.registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class ServerMetrics:
    """Counters of this server process, in a registry of their own."""

    def __init__(self, store: SessionStore) -> None:
        counted = CollectorRegistry()
        self.resets = Counter("incident_env_resets", "Episodes begun.", ["task_id"], registry=counted)
        self.steps = Counter("incident_env_steps", "Steps taken.", ["action_type"], registry=counted)
        self.reads = Counter("incident_env_reads", "Reads over MCP.", ["tool"], registry=counted)
        self.refusals = Counter("incident_env_refusals", "Requests refused.", ["code"], registry=counted)
        self.websockets = Counter("incident_env_websockets", "WebSocket connections accepted.", registry=counted)
        self.durations = Histogram(
            "incident_env_operation_duration_seconds",
            "Time from request to answer, waiting for a worker included.",
            ["operation"],
            buckets=DURATION_BUCKETS_S,
            registry=counted,
        )
        self.registry = CollectorRegistry()
        self.registry.register(WithoutCreated(counted))
        self.registry.register(SessionCollector(store))

    def refused(self, code: str) -> None:
        self.refusals.labels(code=code).inc()

    @contextmanager
    def timed(self, operation: str) -> Iterator[None]:
        """Observes how long an operation took that was not refused."""
        began_s = time.perf_counter()
        yield
        self.durations.labels(operation=operation).observe(time.perf_counter() - began_s)

    def exposition(self, openmetrics: bool = False) -> bytes:
        return (generate_openmetrics if openmetrics else generate_latest)(self.registry)
