"""PostgreSQL: who holds its connections, who waits for one, and what its queries cost."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.services.postgres import SERVICE
from cluster_sim.telemetry.metrics import application, graph, kubernetes
from cluster_sim.telemetry.metrics import postgres as metrics
from cluster_sim.telemetry.metrics.spec import MetricSpec

from ..board import Board
from ..panels import GREEN, ORANGE, RED, Query, logs, stat_panel, states_panel, timeseries_panel
from ..promql import rate, select, share, total
from ..tables import Column, table_panel
from .red import ERROR_STEPS

OURS = f'service="{SERVICE.name}"'
CORES = f'{OURS}, resource="cpu"'
FULL_STEPS = ((None, GREEN), (0.8, ORANGE), (0.95, RED))
BUSY_STEPS = ((None, GREEN), (0.8, RED))
SLOW_STEPS = ((None, GREEN), (0.2, ORANGE), (1.0, RED))


def build() -> Dashboard:
    """The dashboard."""
    board = Board("postgres", "PostgreSQL", "Connections, statements and load of the database.")
    _now(board)
    _connections(board)
    _statements(board)
    board.row("Logs").add(
        logs(
            "FATAL and ERROR",
            f'{{{OURS}}} | detected_level=~"error|fatal"',
            description="What the server refused.",
        )
    )
    return board.build()


def _used_share() -> str:
    return f"{total(select(metrics.NUMBACKENDS))} / {total(select(metrics.MAX_CONNECTIONS))}"


def _wanted() -> str:
    pools = (total(select(spec), by="service") for spec in (application.HIKARI_MAX, application.POOL_MAX))
    return " or ".join(pools)


def _open() -> str:
    return _by_pod(application.HIKARI, application.POOL_COUNT)


def _now(board: Board) -> None:
    busy = f"{rate(kubernetes.CONTAINER_CPU, OURS)} / {total(select(kubernetes.LIMITS, CORES))}"
    board.row("Now").add(
        stat_panel(
            "Up",
            Query(select(metrics.PG_UP)),
            description="Whether the exporter could connect.",
            unit="none",
            steps=((None, RED), (1, GREEN)),
            span=4,
        ),
        stat_panel(
            "Connections",
            Query(total(select(metrics.NUMBACKENDS))),
            description="Server processes that serve a client.",
            unit="none",
            span=4,
        ),
        stat_panel(
            "max_connections",
            Query(total(select(metrics.MAX_CONNECTIONS))),
            description="The setting; some slots of it are kept for superusers.",
            unit="none",
            span=4,
        ),
        stat_panel(
            "Connections used",
            Query(_used_share()),
            description="Ordinary roles are refused a little below 100 %.",
            unit="percentunit",
            steps=FULL_STEPS,
            span=4,
        ),
        stat_panel(
            "What the pools want",
            Query(f"sum({_wanted()}) / {total(select(metrics.MAX_CONNECTIONS))}"),
            description="Sizes of all clients' pools over max_connections. Above 100 % somebody goes without.",
            unit="percentunit",
            steps=((None, GREEN), (0.9, ORANGE), (1, RED)),
            span=4,
        ),
        stat_panel(
            "Cores busy",
            Query(busy),
            description="Share of the cores that execute queries.",
            unit="percentunit",
            steps=BUSY_STEPS,
            span=4,
        ),
    )


def _connections(board: Board) -> None:
    ordinary = f"{total(select(metrics.MAX_CONNECTIONS))} - {total(select(metrics.RESERVED))}"
    board.row("Connections").add(
        timeseries_panel(
            "Connections by database",
            Query(total(select(metrics.ACTIVITY), by="datname"), "{{datname}}"),
            description="Which client holds them: each service has a database of its own.",
            unit="none",
            stacked=True,
        ),
        timeseries_panel(
            "Connections and their limits",
            Query(total(select(metrics.NUMBACKENDS)), "in use"),
            Query(total(select(metrics.MAX_CONNECTIONS)), "max_connections"),
            Query(ordinary, "for ordinary roles"),
            Query(f"sum({_wanted()})", "wanted by the pools"),
            description="Where the pools want more than there is for ordinary roles, the last to come get none.",
            unit="none",
        ),
        timeseries_panel(
            "Connections by state",
            Query(total(select(metrics.ACTIVITY), by="state"), "{{state}}"),
            description="Active ones execute a query; idle ones wait for their pool to use them.",
            unit="none",
            stacked=True,
        ),
        table_panel(
            "Pools",
            Column(title="Open", expr=_open(), decimals=0, steps=((None, RED), (1, GREEN))),
            Column(title="Size", expr=_by_pod(application.HIKARI_MAX, application.POOL_MAX), decimals=0),
            Column(
                title="Waiting",
                expr=_by_pod(application.HIKARI_PENDING, application.POOL_PENDING),
                decimals=0,
                steps=((None, GREEN), (1, ORANGE)),
            ),
            Column(
                title="Timeouts in 5 m",
                expr=" or ".join(
                    total(f"increase({select(spec)}[5m])", by="service, pod")
                    for spec in (application.HIKARI_TIMEOUTS, application.POOL_TIMEOUTS)
                ),
                decimals=0,
                steps=((None, GREEN), (1, RED)),
            ),
            labels=["service", "pod"],
            description="A pod with no open connection and requests that wait was refused by the server.",
            span=14,
            height=9,
            sort_by="Timeouts in 5 m",
        ),
        timeseries_panel(
            "Pool timeouts",
            *(
                Query(rate(spec, by="service, pod"), "{{pod}}")
                for spec in (application.HIKARI_TIMEOUTS, application.POOL_TIMEOUTS)
            ),
            description="Requests per second that waited for a connection in vain.",
            unit="reqps",
            span=10,
            height=9,
        ),
    )


def _statements(board: Board) -> None:
    by = "datname, queryid"
    board.row("Statements and load").add(
        timeseries_panel(
            "Statements",
            Query(rate(metrics.STATEMENT_CALLS, by="datname"), "{{datname}}"),
            description="Executions per second, by database.",
            unit="ops",
            span=6,
        ),
        timeseries_panel(
            "Mean time of a statement",
            Query(
                f"{rate(metrics.STATEMENT_SECONDS, by=by)} / {rate(metrics.STATEMENT_CALLS, by=by)}",
                "{{datname}} {{queryid}}",
            ),
            description="Waiting for a core included: it grows for everybody where the cores are busy.",
            unit="s",
            span=6,
            steps=SLOW_STEPS,
        ),
        timeseries_panel(
            "Cores busy by statements of a database",
            Query(rate(metrics.STATEMENT_SECONDS, by="datname"), "{{datname}}"),
            description="Seconds of statements per second, waiting included: by Little's law those being executed.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "CPU",
            Query(rate(kubernetes.CONTAINER_CPU, OURS, by="pod"), "{{pod}}"),
            Query(total(select(kubernetes.LIMITS, CORES)), "limit"),
            description="Cores.",
            unit="none",
            span=6,
        ),
        timeseries_panel(
            "Transactions",
            Query(rate(metrics.COMMITS, by="datname"), "{{datname}} commit"),
            Query(rate(metrics.ROLLBACKS, by="datname"), "{{datname}} rollback"),
            description="Per second.",
            unit="ops",
            span=8,
        ),
        timeseries_panel(
            "Failed as clients saw it",
            Query(_failed(), "{{client}}"),
            description="Share of calls: errors, timeouts, and connections not had.",
            unit="percentunit",
            span=8,
            steps=ERROR_STEPS,
        ),
        states_panel(
            "Server",
            Query(select(metrics.PG_UP), "{{pod}}"),
            description="Down while it restarts; changing max_connections needs a restart.",
            mappings=(("0", "down", RED), ("1", "up", GREEN)),
            span=8,
        ),
    )


def _by_pod(*specs: MetricSpec) -> str:
    return " or ".join(total(select(spec), by="service, pod") for spec in specs)


def _failed() -> str:
    server = f'server="{SERVICE.name}"'
    return share(rate(graph.FAILED, server, by="client"), rate(graph.REQUESTS, server, by="client"))
