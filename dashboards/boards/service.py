"""One HTTP service: rate, errors, duration, the calls around it, its pods and their resources."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.telemetry.metrics import application, graph, kubernetes

from ..board import Board
from ..panels import GREEN, ORANGE, RED, Query, logs, states_panel, timeseries_panel
from ..promql import mean, rate, select, share, total
from .red import DENIED_STEPS, ERROR_STEPS, LATENCY_STEPS, denied_share, error_share, latency, requests

OURS = 'service="$service"'


def build() -> Dashboard:
    """The dashboard."""
    board = Board("service", "Service", "Rate, errors and duration of one service, its dependencies and its pods.")
    values = f"label_values({select(application.REQUESTS, part='count')}, service)"
    board.choose("service", "Service", values, "payment-service")
    _red(board)
    _neighbours(board)
    _pods(board)
    _resources(board)
    board.row("Logs").add(
        logs(
            "Warnings and errors",
            '{service="$service"} | detected_level=~"warn|error|fatal"',
            description="Lines of the service's pods above level info.",
        )
    )
    return board.build()


def _red(board: Board) -> None:
    board.row("Rate, errors, duration").add(
        timeseries_panel(
            "Rate by route",
            Query(requests(OURS, "http_request_method, http_route"), "{{http_request_method}} {{http_route}}"),
            description="Answers per second.",
            unit="reqps",
        ),
        timeseries_panel(
            "Errors by route",
            Query(error_share(OURS, "http_route"), "{{http_route}} 5xx"),
            Query(denied_share(OURS, "http_route"), "{{http_route}} 401"),
            description="Share of answers that are 5xx or 401.",
            unit="percentunit",
            steps=ERROR_STEPS,
        ),
        timeseries_panel(
            "Duration",
            Query(latency(0.5, OURS), "p50"),
            Query(latency(0.9, OURS), "p90"),
            Query(latency(0.99, OURS), "p99"),
            description="Quantiles of the time to an answer, over all routes.",
            unit="s",
            steps=LATENCY_STEPS,
        ),
        timeseries_panel(
            "Answers by status",
            Query(requests(OURS, "http_response_status_code"), "{{http_response_status_code}}"),
            description="Answers per second.",
            unit="reqps",
            stacked=True,
        ),
        timeseries_panel(
            "p99 by route",
            Query(latency(0.99, OURS, "http_route"), "{{http_route}}"),
            description="99th percentile of the time to an answer.",
            unit="s",
            steps=LATENCY_STEPS,
        ),
        timeseries_panel(
            "In flight by pod",
            Query(total(select(application.ACTIVE_REQUESTS, OURS), by="pod"), "{{pod}}"),
            description="Requests that a pod has taken on and not answered.",
            unit="none",
        ),
    )


def _neighbours(board: Board) -> None:
    calls, callers = 'client="$service"', 'server="$service"'
    board.row("Calls").add(
        timeseries_panel(
            "Calls by caller",
            Query(rate(graph.REQUESTS, callers, by="client"), "{{client}}"),
            description="Calls per second to this service.",
            unit="reqps",
            span=6,
        ),
        timeseries_panel(
            "Failed as callers saw it",
            Query(_failed(callers, "client"), "{{client}}"),
            description="Share of calls: 5xx, timeouts and refused connections.",
            unit="percentunit",
            span=6,
            steps=ERROR_STEPS,
        ),
        timeseries_panel(
            "Calls to others",
            Query(rate(graph.REQUESTS, calls, by="server"), "{{server}}"),
            description="Calls per second that this service makes.",
            unit="reqps",
            span=6,
        ),
        timeseries_panel(
            "Failed calls to others",
            Query(_failed(calls, "server"), "{{server}}"),
            description="Share of this service's calls. High here and low for its own callers: it copes.",
            unit="percentunit",
            span=6,
            steps=ERROR_STEPS,
        ),
        states_panel(
            "Circuit breakers",
            Query(
                f"sum by (pod, name) ({select(application.BREAKER_STATE, _state('half_open'))} "
                f"+ ignoring (state) 2 * {select(application.BREAKER_STATE, _state('open'))})",
                "{{name}} in {{pod}}",
            ),
            description="Of the Java services: an open breaker answers for the service behind it without asking it.",
            mappings=(("0", "closed", GREEN), ("1", "half open", ORANGE), ("2", "open", RED)),
            height=6,
        ),
        timeseries_panel(
            "Waiting for a connection",
            Query(total(select(application.HIKARI_PENDING, OURS), by="pod"), "{{pod}}"),
            Query(total(select(application.POOL_PENDING, OURS), by="pod"), "{{pod}}"),
            description="Requests that wait for a connection of the pod's pool to the database.",
            unit="none",
            span=12,
            height=6,
        ),
    )


def _pods(board: Board) -> None:
    wanted = " or ".join(
        total(select(spec, OURS), by="service") for spec in (kubernetes.SPEC_REPLICAS, kubernetes.STATEFULSET_SPEC)
    )
    ready = " or ".join(
        total(select(spec, OURS), by="service") for spec in (kubernetes.READY, kubernetes.STATEFULSET_READY)
    )
    board.row("Pods").add(
        timeseries_panel(
            "Pods",
            Query(wanted, "wanted"),
            Query(ready, "ready"),
            description="Fewer ready than wanted: a deploy, a restart, or pods that do not become ready.",
            unit="none",
        ),
        timeseries_panel(
            "5xx by pod",
            Query(error_share(OURS, "pod"), "{{pod}}"),
            description="Share of answers. Some pods only: look at what they do not share with the others.",
            unit="percentunit",
            steps=ERROR_STEPS,
        ),
        timeseries_panel(
            "401 by pod",
            Query(denied_share(OURS, "pod"), "{{pod}}"),
            description="Share of answers that refuse a token.",
            unit="percentunit",
            steps=DENIED_STEPS,
        ),
        timeseries_panel(
            "p99 by pod",
            Query(latency(0.99, OURS, "pod"), "{{pod}}"),
            description="99th percentile of the time to an answer.",
            unit="s",
            steps=LATENCY_STEPS,
        ),
        timeseries_panel(
            "Time since start",
            Query(f"time() - {select(application.START_TIME, OURS)}", "{{pod}}"),
            description="Falls to 0 where a process starts anew.",
            unit="s",
        ),
        timeseries_panel(
            "Container restarts",
            Query(total(select(kubernetes.RESTARTS, OURS), by="pod"), "{{pod}}"),
            description="Restarts since the pod was made.",
            unit="none",
        ),
    )


def _resources(board: Board) -> None:
    board.row("Resources").add(
        timeseries_panel(
            "CPU by pod",
            Query(rate(kubernetes.CONTAINER_CPU, OURS, by="pod"), "{{pod}}"),
            description="Cores busy.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Connections of the pool",
            Query(total(select(application.HIKARI, OURS), by="pod"), "{{pod}} open"),
            Query(total(select(application.POOL_COUNT, OURS), by="pod"), "{{pod}} open"),
            description="Open connections to the database; a pod that has none cannot serve.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Threads busy",
            Query(
                share(
                    total(select(application.BUSY_THREADS, OURS), by="pod"),
                    total(select(application.MAX_THREADS, OURS), by="pod"),
                ),
                "{{pod}}",
            ),
            description="Of the Java services: share of the threads that serve a request.",
            unit="percentunit",
            span=6,
            maximum=1,
        ),
        timeseries_panel(
            "Mean garbage collection pause",
            Query(mean(application.GC_PAUSE, OURS, by="pod"), "{{pod}}"),
            description="Of the Java services: how long the world is stopped each time.",
            unit="s",
            span=6,
        ),
    )


def _failed(matchers: str, by: str) -> str:
    return share(rate(graph.FAILED, matchers, by=by), rate(graph.REQUESTS, matchers, by=by))


def _state(state: str) -> str:
    return f'{OURS}, state="{state}"'
