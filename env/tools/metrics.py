"""Tools that read metrics."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from cluster_sim import Cluster

from ..answers import MOST_POINTS, figure, instant, over_time, samples
from ..observation import dashboard
from ..queries import LONGEST_PROMQL, check_promql
from .tool import Arguments, NoArguments, ServiceName, Tool

_CALLS = "sum by (client, server) (rate(traces_service_graph_request_{what}[1m]))"
_P99 = (
    "histogram_quantile(0.99, "
    "sum by (client, server, le) (rate(traces_service_graph_request_server_seconds_bucket[1m])))"
)
_SIGNALS = {
    "request_rate_hz": _CALLS.format(what="total"),
    "failed_rate_hz": _CALLS.format(what="failed_total"),
    "latency_p99_s": _P99,
}


def service_graph(cluster: Cluster, arguments: NoArguments) -> dict[str, Any]:
    """Who calls whom: every pair of client and server, with the rate of calls and of failed calls and the 99th
    percentile of the server's latency over the last minute. `user` stands for the users."""
    edges: dict[tuple[str, str], dict[str, Any]] = {}
    for edge in cluster.edges:
        client = edge.client if edge.client in cluster.services else "user"
        edges.setdefault((client, edge.server), {"client": client, "server": edge.server})
    for signal, expression in _SIGNALS.items():
        for labels, value in samples(cluster, expression):
            edge_told = edges.get((labels.get("client", ""), labels.get("server", "")))
            if edge_told is not None:
                edge_told[signal] = figure(value)
    return {"edges": list(edges.values())}


class GoldenSignals(Arguments):
    service: ServiceName | None = Field(default=None, description="one service; all without it")


def golden_signals(cluster: Cluster, arguments: GoldenSignals) -> dict[str, Any]:
    """The wall dashboard: request rate, ratio of 5xx answers and of 401 answers, latency, worker utilization and pods
    of every service (or of one) over the last minute."""
    signals = dashboard(cluster)
    return {"services": signals if arguments.service is None else {arguments.service: signals[arguments.service]}}


class QueryMetrics(Arguments):
    promql: Annotated[str, AfterValidator(check_promql)] = Field(
        max_length=LONGEST_PROMQL, description="PromQL, as of Prometheus 2.42"
    )
    last_s: float | None = Field(
        default=None, gt=0, le=7200, description="show the values over this many seconds up to now, not only now's"
    )
    step_s: float = Field(default=15.0, ge=1, le=3600, description="seconds from one of these values to the next")

    @model_validator(mode="after")
    def _points_are_few(self) -> QueryMetrics:
        if self.last_s is not None and self.last_s / self.step_s > MOST_POINTS:
            raise ValueError(f"last_s should be at most {MOST_POINTS} times step_s")
        return self


def query_metrics(cluster: Cluster, arguments: QueryMetrics) -> dict[str, Any]:
    """Asks the cluster's Prometheus, which scrapes every 15 s. The value of the PromQL expression now, or with last_s
    its values over time. `count by (__name__) ({job="payment-service"})` tells which metrics a job has, and
    `group by (job) (up)` which jobs there are."""
    if arguments.last_s is None:
        return instant(cluster, arguments.promql)
    return over_time(cluster, arguments.promql, arguments.last_s, arguments.step_s)


SERVICE_GRAPH = Tool(name="service_graph", arguments=NoArguments, answer=service_graph)
GOLDEN_SIGNALS = Tool(name="golden_signals", arguments=GoldenSignals, answer=golden_signals)
QUERY_METRICS = Tool(name="query_metrics", arguments=QueryMetrics, answer=query_metrics)
