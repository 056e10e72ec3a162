"""Cluster overview: is anything wrong for users, where, and what is it connected to?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.services.postgres import SERVICE as POSTGRES
from cluster_sim.telemetry.metrics import application, graph, kubernetes, postgres, redis
from cluster_sim.telemetry.metrics.page import UP

from ..board import PAGES, TICKETS, Board
from ..panels import GREEN, ORANGE, RED, Query, stat_panel, timeseries_panel
from ..promql import rate, relabel, select, share, total
from ..slo import OBJECTIVE, WINDOWS, bad_share, burn_rate
from ..tables import Column, node_graph_panel, table_panel
from .red import DENIED_STEPS, ERROR_STEPS, LATENCY_STEPS, denied_share, error_share, latency, requests

USERS = 'client="user"'
DATABASE = POSTGRES.name
ANY_STEPS = ((None, GREEN), (1, RED))
FULL_STEPS = ((None, GREEN), (0.8, ORANGE), (0.95, RED))
BURN_STEPS = ((None, GREEN), (1, ORANGE), (14.4, RED))
"""The lowest and the highest factor of the ErrorBudgetBurn rules."""


def build() -> Dashboard:
    """The dashboard."""
    board = Board("overview", "Cluster overview", "Users' experience, golden signals and the service graph.")
    _now(board)
    _graph(board)
    _golden(board)
    _saturation(board)
    return board.build()


def _now(board: Board) -> None:
    board.row("Now").add(
        stat_panel(
            "Pages firing",
            Query(f"count({PAGES}) or vector(0)"),
            description="Alerts of severity critical: users feel them.",
            unit="none",
            steps=ANY_STEPS,
        ),
        stat_panel(
            "Tickets firing",
            Query(f"count({TICKETS}) or vector(0)"),
            description="Alerts of severity warning: often the cause of a page, in a service that users never see.",
            unit="none",
            steps=((None, GREEN), (1, ORANGE)),
        ),
        stat_panel(
            "Users' requests",
            Query(rate(graph.REQUESTS, USERS)),
            description="Requests per second that users make, counted where traces begin.",
            unit="reqps",
            decimals=1,
        ),
        stat_panel(
            "Good answers",
            Query(f"1 - {bad_share(by='')}"),
            description=f"Answers on users' routes that are neither 5xx nor 401. The objective is {OBJECTIVE:.0%}.",
            unit="percentunit",
            steps=((None, RED), (0.95, ORANGE), (OBJECTIVE, GREEN)),
            decimals=2,
        ),
        stat_panel(
            "5xx",
            Query(error_share(by="")),
            description="Share of all answers of all services.",
            unit="percentunit",
            steps=ERROR_STEPS,
            decimals=2,
        ),
        stat_panel(
            "401",
            Query(denied_share(by="")),
            description="Share of all answers of all services. Healthy tokens are refused only as they expire.",
            unit="percentunit",
            steps=DENIED_STEPS,
            decimals=2,
        ),
        stat_panel(
            "Slowest p99",
            Query(f"max({latency(0.99)})"),
            description="99th percentile of the slowest service.",
            unit="s",
            steps=LATENCY_STEPS,
            decimals=2,
        ),
        stat_panel(
            "Pods not ready",
            Query(total(select(kubernetes.POD_READY, 'condition="false"'))),
            description="Pods that take no traffic.",
            unit="none",
            steps=((None, GREEN), (1, ORANGE)),
        ),
    )


def _graph(board: Board) -> None:
    board.row("Service levels and the service graph").add(
        node_graph_panel(
            "Service graph",
            nodes=(
                ("mainstat", _node(rate(graph.REQUESTS, by="server"), rate(graph.REQUESTS, USERS, by="client"))),
                ("secondarystat", _node(f"100 * {_failed('server')}", f"100 * {_failed('client', USERS)}")),
                ("arc__failed", _node(_failed("server"), _failed("client", USERS))),
                ("arc__ok", _node(f"1 - {_failed('server')}", f"1 - {_failed('client', USERS)}")),
            ),
            edges=(
                ("mainstat", _edge(rate(graph.REQUESTS, by="client, server"))),
                ("secondarystat", _edge(f"100 * {_failed('client, server')}")),
            ),
            units=("req/s", "% failed"),
            description="Who calls whom, from the metrics that the trace collector derives. The red part of a circle "
            "is the share of calls to a service that failed as its clients saw it (timeouts included, 401 not).",
            span=14,
            height=16,
        ),
        timeseries_panel(
            "Error budget burn rate",
            *(Query(burn_rate(window), f"{{{{http_route}}}} {window}") for window in WINDOWS),
            description=f"1 spends the budget of the objective ({OBJECTIVE:.0%} good) exactly in its time. Both "
            "windows high: it is bad and goes on. Only the long one: it is over.",
            unit="x",
            span=10,
            steps=BURN_STEPS,
        ),
        timeseries_panel(
            "Good answers by users' route",
            Query(f"1 - {bad_share()}", "{{http_route}}"),
            description="Share of answers that are neither 5xx nor 401.",
            unit="percentunit",
            span=10,
            maximum=1,
            minimum=None,
            calcs=("lastNotNull", "min"),
        ),
    )


def _golden(board: Board) -> None:
    board.row("Golden signals").add(
        table_panel(
            "Services",
            Column(title="Requests", expr=requests(), unit="reqps", decimals=1),
            Column(title="5xx", expr=error_share(), unit="percentunit", steps=ERROR_STEPS, decimals=2),
            Column(title="401", expr=denied_share(), unit="percentunit", steps=DENIED_STEPS, decimals=2),
            Column(title="p50", expr=latency(0.5), unit="s"),
            Column(title="p99", expr=latency(0.99), unit="s", steps=LATENCY_STEPS),
            Column(title="In flight", expr=total(select(application.ACTIVE_REQUESTS), by="service"), decimals=0),
            Column(title="Pods up", expr=total(select(UP, 'service!=""'), by="service"), decimals=0),
            Column(
                title="Not ready",
                expr=total(select(kubernetes.POD_READY, 'condition="false"'), by="service"),
                steps=((None, GREEN), (1, ORANGE)),
                decimals=0,
            ),
            labels=["service"],
            description="As of the end of the time range; the databases have no HTTP answers to count.",
            height=9,
            sort_by="5xx",
        ),
        timeseries_panel(
            "Requests by service",
            Query(requests(), "{{service}}"),
            description="Answers per second.",
            unit="reqps",
            span=6,
        ),
        timeseries_panel(
            "5xx by service",
            Query(error_share(), "{{service}}"),
            description="Share of answers. A service also answers 5xx because one below it fails: look for the lowest.",
            unit="percentunit",
            span=6,
            steps=ERROR_STEPS,
        ),
        timeseries_panel(
            "401 by service",
            Query(denied_share(), "{{service}}"),
            description="Share of answers that refuse a token.",
            unit="percentunit",
            span=6,
            steps=DENIED_STEPS,
        ),
        timeseries_panel(
            "p99 by service",
            Query(latency(0.99), "{{service}}"),
            description="99th percentile of the time to an answer.",
            unit="s",
            span=6,
            steps=LATENCY_STEPS,
        ),
    )


def _saturation(board: Board) -> None:
    connections = f"sum({select(postgres.NUMBACKENDS)}) / sum({select(postgres.MAX_CONNECTIONS)})"
    memory = f"sum({select(redis.MEMORY_USED)}) / sum({select(redis.MEMORY_MAX)})"
    busy = rate(kubernetes.CONTAINER_CPU, f'service="{DATABASE}"')
    cores = total(select(kubernetes.LIMITS, f'service="{DATABASE}", resource="cpu"'))
    board.row("Saturation").add(
        timeseries_panel(
            "How full",
            Query(connections, "PostgreSQL connections of max_connections"),
            Query(f"{busy} / {cores}", "PostgreSQL cores"),
            Query(memory, "Redis memory of maxmemory"),
            description="Limits that, once reached, fail whoever comes next.",
            unit="percentunit",
            span=8,
            steps=FULL_STEPS,
        ),
        timeseries_panel(
            "Waiting for a connection",
            Query(total(select(application.HIKARI_PENDING), by="service"), "{{service}}"),
            Query(total(select(application.POOL_PENDING), by="service"), "{{service}}"),
            description="Requests that wait in a pool.",
            unit="none",
            span=8,
        ),
        timeseries_panel(
            "In flight",
            Query(total(select(application.ACTIVE_REQUESTS), by="service"), "{{service}}"),
            description="Requests being served, by Little's law rate × duration.",
            unit="none",
            span=8,
        ),
    )


def _failed(by: str, matchers: str = "") -> str:
    return share(rate(graph.FAILED, matchers, by=by), rate(graph.REQUESTS, matchers, by=by))


def _node(servers: str, users: str) -> str:
    """Series labelled `id` and `title`: the services by calls to them, and the users by their own."""
    named = f"{relabel(servers, 'id', 'server')} or {relabel(users, 'id', 'client')}"
    return f"max by (id, title) ({relabel(named, 'title', 'id')})"


def _edge(expr: str) -> str:
    """Series labelled `id`, `source` and `target`."""
    ends = relabel(relabel(expr, "source", "client"), "target", "server")
    return f'max by (id, source, target) (label_join({ends}, "id", "/", "client", "server"))'
