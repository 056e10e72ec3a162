"""Incident timeline: what fired when, what was changed when, and how users and limits moved with it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.telemetry.logs.streams import EVENTS_JOB
from cluster_sim.telemetry.metrics import application, graph, kubernetes, postgres, redis
from cluster_sim.telemetry.metrics.page import UP

from ..board import Board
from ..panels import GREEN, ORANGE, RED, YELLOW, Query, logs, states_panel, timeseries_panel
from ..promql import rate, select, share, total
from ..slo import bad_share
from .red import denied_share, error_share, latency

FIRING = 'max by (alertname, service) (ALERTS{alertstate="pending"} or 2 * ALERTS{alertstate="firing"})'

_OF_A_SERVICE = 'service!=""'
_READY = 'condition="true"'


def build() -> Dashboard:
    """The dashboard."""
    board = Board("incident", "Incident timeline", "Alerts, changes and symptoms on one axis of time.")
    _alerts(board)
    _changes(board)
    _symptoms(board)
    board.row("Logs").add(
        logs(
            "Errors of all services",
            '{service=~".+"} | detected_level=~"error|fatal"',
            description="Newest first.",
            span=14,
        ),
        logs(
            "Events of pods",
            f'{{job="{EVENTS_JOB}"}}',
            description="What the orchestrator did to them: started, killed, failed probes.",
            span=10,
        ),
    )
    return board.build()


def _alerts(board: Board) -> None:
    board.row("Alerts").add(
        states_panel(
            "Alerts",
            Query(FIRING, "{{alertname}} {{service}}"),
            description="What fired first is nearest to the cause in time, not always in place.",
            mappings=(("1", "pending", YELLOW), ("2", "firing", RED)),
            span=24,
            height=11,
        )
    )


def _changes(board: Board) -> None:
    generation = " or ".join(
        total(select(spec), by="service") for spec in (kubernetes.GENERATION, kubernetes.STATEFULSET_GENERATION)
    )
    pods = " or ".join(
        total(select(spec), by="service") for spec in (kubernetes.REPLICAS, kubernetes.STATEFULSET_REPLICAS)
    )
    board.row("Changes").add(
        timeseries_panel(
            "Deploys",
            Query(generation, "{{service}}"),
            description="Generation of each workload's description: it grows with every change of it.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Pods",
            Query(pods, "{{service}}"),
            description="Pods there are.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Processes started in the last minute",
            Query(f"sum by (service) (time() - {select(application.START_TIME)} < bool 60)", "{{service}}"),
            Query(f"sum by (service) (time() - {select(redis.START_TIME)} < bool 60)", "{{service}}"),
            description="By deploys, restarts and crashes.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Settings",
            Query(total(select(postgres.MAX_CONNECTIONS)), "max_connections"),
            Query(f"{total(select(redis.MEMORY_MAX))} / 1024 / 1024", "maxmemory in MiB"),
            description="What somebody may have changed.",
            unit="none",
            span=6,
        ),
        states_panel(
            "Targets",
            Query(f"min by (service) ({select(UP, _OF_A_SERVICE)})", "{{service}}"),
            description="Down where the scrape of one of its pods fails.",
            mappings=(("0", "down", RED), ("1", "up", GREEN)),
            span=9,
        ),
        states_panel(
            "Pods ready",
            Query(f"min by (service) ({select(kubernetes.POD_READY, _READY)})", "{{service}}"),
            description="Whether all pods of a service take traffic.",
            mappings=(("0", "not all", ORANGE), ("1", "all", GREEN)),
            span=9,
        ),
        timeseries_panel(
            "Signing configurations in use",
            Query(f"count(count by (checksum) ({select(application.CONFIG_VERSION)}))", "configurations"),
            description="More than one while a secret is being rotated, or where the rotation has stopped half way.",
            unit="none",
            span=6,
        ),
    )


def _symptoms(board: Board) -> None:
    connections = f"{total(select(postgres.NUMBACKENDS))} / {total(select(postgres.MAX_CONNECTIONS))}"
    memory = f"{total(select(redis.MEMORY_USED))} / {total(select(redis.MEMORY_MAX))}"
    misses = f"{rate(redis.MISSES)} / ({rate(redis.HITS)} + {rate(redis.MISSES)})"
    refused = share(rate(application.VALIDATIONS, 'result!="ok"'), rate(application.VALIDATIONS))
    board.row("Symptoms and limits").add(
        timeseries_panel(
            "Good answers by users' route",
            Query(f"1 - {bad_share()}", "{{http_route}}"),
            description="Neither 5xx nor 401.",
            unit="percentunit",
            span=6,
            maximum=1,
            minimum=None,
            calcs=("lastNotNull", "min"),
        ),
        timeseries_panel(
            "5xx and 401",
            Query(error_share(), "{{service}} 5xx"),
            Query(denied_share(), "{{service}} 401"),
            description="Share of answers.",
            unit="percentunit",
            span=6,
        ),
        timeseries_panel(
            "p99",
            Query(latency(0.99), "{{service}}"),
            description="99th percentile of the time to an answer.",
            unit="s",
            span=6,
        ),
        timeseries_panel(
            "How full, and how often in vain",
            Query(connections, "PostgreSQL connections"),
            Query(memory, "Redis memory"),
            Query(misses, "cache lookups that miss"),
            Query(refused, "tokens refused"),
            description="The limits and ratios behind the three best known incidents.",
            unit="percentunit",
            span=6,
        ),
        timeseries_panel(
            "Failed calls",
            Query(
                share(rate(graph.FAILED, by="client, server"), rate(graph.REQUESTS, by="client, server")),
                "{{client}} → {{server}}",
            ),
            description="Share of the calls between two services that failed as the client saw it.",
            unit="percentunit",
            span=24,
        ),
    )
