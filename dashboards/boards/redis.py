"""Redis: memory against its limit, what fills it, hits and misses, and the load that misses put on the database."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.services.inventory import SERVICE as INVENTORY
from cluster_sim.services.redis import SERVICE
from cluster_sim.telemetry.identity import database_name
from cluster_sim.telemetry.metrics import kubernetes, postgres
from cluster_sim.telemetry.metrics import redis as metrics

from ..board import Board
from ..panels import GREEN, ORANGE, RED, Query, logs, stat_panel, states_panel, timeseries_panel
from ..promql import rate, select, total

OURS = f'service="{SERVICE.name}"'
FULL_STEPS = ((None, GREEN), (0.8, ORANGE), (0.9, RED))
"""Up to the threshold of RedisOutOfConfiguredMaxmemory."""
MISS_STEPS = ((None, GREEN), (0.15, ORANGE), (0.3, RED))
"""Up to the threshold of RedisLowHitRatio."""


def build() -> Dashboard:
    """The dashboard."""
    board = Board("redis", "Redis", "Memory, keys, hits and refused writes of the cache.")
    _now(board)
    _memory(board)
    _use(board)
    board.row("Logs").add(
        logs(
            "What clients were told",
            '{service=~".+"} |= "command not allowed when used memory"',
            description="Redis writes no line about a refused command: its clients do.",
            span=14,
        ),
        logs("Server log", f"{{{OURS}}}", description="Starts, saves and changed settings.", span=10),
    )
    return board.build()


def _memory_share() -> str:
    return f"{total(select(metrics.MEMORY_USED))} / {total(select(metrics.MEMORY_MAX))}"


def _miss_share() -> str:
    misses, hits = rate(metrics.MISSES), rate(metrics.HITS)
    return f"{misses} / ({hits} + {misses})"


def _lasting_keys() -> str:
    return f"{total(select(metrics.KEYS))} - {total(select(metrics.KEYS_EXPIRING))}"


def _now(board: Board) -> None:
    board.row("Now").add(
        stat_panel(
            "Up",
            Query(select(metrics.REDIS_UP)),
            description="Whether the exporter could connect.",
            unit="none",
            steps=((None, RED), (1, GREEN)),
        ),
        stat_panel(
            "Memory of maxmemory",
            Query(_memory_share()),
            description="At 100 % with the policy noeviction every write is refused.",
            unit="percentunit",
            steps=FULL_STEPS,
            span=4,
        ),
        stat_panel(
            "Policy",
            Query(select(metrics.INSTANCE), "{{maxmemory_policy}}"),
            description="What happens when memory is full: noeviction refuses writes, the others make room.",
            unit="none",
            textual=True,
            span=4,
        ),
        stat_panel(
            "Keys without expiry",
            Query(_lasting_keys()),
            description="Keys that stay until somebody deletes them. The shop's own all expire.",
            unit="none",
            steps=((None, GREEN), (1, RED)),
            span=4,
        ),
        stat_panel(
            "Lookups that miss",
            Query(_miss_share()),
            description="Each costs the database a query.",
            unit="percentunit",
            steps=MISS_STEPS,
            span=4,
        ),
        stat_panel(
            "Writes refused",
            Query(rate(metrics.REJECTED, 'cmd="set"')),
            description="Per second: OOM command not allowed when used memory > 'maxmemory'.",
            unit="ops",
            steps=((None, GREEN), (0.01, RED)),
            span=5,
        ),
    )


def _memory(board: Board) -> None:
    board.row("Memory and keys").add(
        timeseries_panel(
            "Memory",
            Query(total(select(metrics.MEMORY_USED)), "used"),
            Query(total(select(metrics.MEMORY_DATASET)), "dataset"),
            Query(total(select(metrics.MEMORY_MAX)), "maxmemory"),
            Query(total(select(kubernetes.CONTAINER_LIMIT, OURS)), "limit of the container"),
            description="Above its limit the container is killed; at maxmemory the policy decides.",
            unit="bytes",
        ),
        timeseries_panel(
            "Keys",
            Query(total(select(metrics.KEYS_EXPIRING)), "with expiry"),
            Query(_lasting_keys(), "without expiry"),
            description="Whose keys fill the memory.",
            unit="none",
            stacked=True,
        ),
        timeseries_panel(
            "Keys gone",
            Query(rate(metrics.EXPIRED), "expired"),
            Query(rate(metrics.EVICTED), "evicted"),
            description="Per second: their time was over, or room was made.",
            unit="ops",
        ),
    )


def _use(board: Board) -> None:
    lookups = f'datname="{database_name(INVENTORY.name)}"'
    board.row("Use").add(
        timeseries_panel(
            "Lookups",
            Query(rate(metrics.HITS), "hits"),
            Query(rate(metrics.MISSES), "misses"),
            description="Keys per second.",
            unit="ops",
            stacked=True,
        ),
        timeseries_panel(
            "Miss ratio",
            Query(_miss_share(), "misses"),
            description="Share of lookups.",
            unit="percentunit",
            steps=MISS_STEPS,
        ),
        timeseries_panel(
            "Refused commands",
            Query(rate(metrics.REJECTED, by="cmd"), "{{cmd}}"),
            Query(rate(metrics.ERRORS, by="err"), "error {{err}}"),
            description="Per second.",
            unit="ops",
        ),
        timeseries_panel(
            "Commands",
            Query(rate(metrics.COMMANDS, by="cmd"), "{{cmd}}"),
            description="Per second.",
            unit="ops",
        ),
        timeseries_panel(
            "What misses cost the database",
            Query(rate(postgres.STATEMENT_SECONDS, lookups), "queries being executed"),
            Query(rate(postgres.STATEMENT_CALLS, lookups), "queries per second"),
            description="Queries of the service behind the cache; its cores are shared with everybody else.",
            unit="none",
        ),
        states_panel(
            "Server",
            Query(select(metrics.REDIS_UP), "{{pod}}"),
            description="Down while it restarts, and empty after that.",
            mappings=(("0", "down", RED), ("1", "up", GREEN)),
            span=8,
        ),
    )
