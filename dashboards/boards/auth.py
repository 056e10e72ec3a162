"""Auth and configuration: whose tokens are refused by which pod, and which signing configuration each pod uses."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.services.auth import SERVICE
from cluster_sim.services.config import SERVICE as CONFIG
from cluster_sim.telemetry.metrics import application, kubernetes

from ..board import Board
from ..panels import BLUE, GREEN, RED, Query, logs, stat_panel, states_panel, timeseries_panel
from ..promql import any_of, rate, select, share, total
from ..tables import Column, table_panel
from .red import DENIED_STEPS, ERROR_STEPS, denied_share, error_share, latency, requests

OURS = f'service="{SERVICE.name}"'
REFUSED = 'result!="ok"'
ONE_STEPS = ((None, GREEN), (2, RED))


def build() -> Dashboard:
    """The dashboard."""
    board = Board("auth", "Auth and config", "Token checks by pod and key, and the configuration in use.")
    _now(board)
    _tokens(board)
    _configuration(board)
    _services(board)
    board.row("Logs").add(
        logs(
            "Refused tokens",
            f'{{{OURS}}} |~ "(?i)signature|signing"',
            description="The reason of each refusal, and reloads of the configuration.",
        )
    )
    return board.build()


def _now(board: Board) -> None:
    board.row("Now").add(
        stat_panel(
            "Tokens refused",
            Query(share(rate(application.VALIDATIONS, REFUSED), rate(application.VALIDATIONS))),
            description="Share of checks.",
            unit="percentunit",
            steps=DENIED_STEPS,
            span=6,
        ),
        stat_panel(
            "Checks",
            Query(rate(application.VALIDATIONS)),
            description="Tokens checked per second.",
            unit="ops",
            span=6,
        ),
        stat_panel(
            "Configurations in use",
            Query(f"count(count by (checksum) ({select(application.CONFIG_VERSION)}))"),
            description="All pods of auth-service must use the same one: a token that one signs the others check.",
            unit="none",
            steps=ONE_STEPS,
            span=6,
        ),
        stat_panel(
            "Since the oldest reload",
            Query(f"time() - min({select(application.CONFIG_RELOADED)})"),
            description="Age of the configuration of the pod that was the last to be left behind.",
            unit="s",
            span=6,
        ),
    )


def _tokens(board: Board) -> None:
    refused = rate(application.VALIDATIONS, REFUSED, by="pod")
    board.row("Tokens").add(
        timeseries_panel(
            "Checks by result",
            Query(rate(application.VALIDATIONS, by="result"), "{{result}}"),
            description="Per second: invalid_signature means that signer and verifier do not share a key.",
            unit="ops",
            stacked=True,
        ),
        timeseries_panel(
            "Refused by pod",
            Query(share(refused, rate(application.VALIDATIONS, by="pod")), "{{pod}}"),
            description="Share of its checks that a pod refuses. The pod that differs from the rest refuses most.",
            unit="percentunit",
            steps=DENIED_STEPS,
        ),
        timeseries_panel(
            "Accepted, by pod and key",
            Query(rate(application.VALIDATIONS, 'result="ok"', by="pod, kid"), "{{pod}} {{kid}}"),
            description="Per second. Each pod accepts the keys that it knows.",
            unit="ops",
        ),
        timeseries_panel(
            "Refused, by pod and key",
            Query(rate(application.VALIDATIONS, REFUSED, by="pod, kid, result"), "{{pod}} {{kid}} {{result}}"),
            description="Per second: which pod refuses whose tokens.",
            unit="ops",
            span=16,
        ),
        timeseries_panel(
            "Keys in use",
            Query(rate(application.VALIDATIONS, by="kid"), "{{kid}}"),
            description="Checks per second by the id of the token's key. Two for long: a rotation is not finished.",
            unit="ops",
            span=8,
            stacked=True,
        ),
    )


def _configuration(board: Board) -> None:
    labels = "pod, version, checksum"
    loaded = f"time() - {total(select(application.CONFIG_RELOADED), by='pod')}"
    version = total(select(application.CONFIG_VERSION), by=labels)
    board.row("Configuration").add(
        table_panel(
            "Configuration by pod",
            Column(title="Loaded", expr=f"{version} * on (pod) group_left () ({loaded})", unit="s"),
            labels=["pod", "version", "checksum"],
            description="Version and checksum of the signing configuration that each pod uses, and its age.",
            span=12,
        ),
        states_panel(
            "Versions in use",
            Query(version, "{{pod}} version {{version}}"),
            description="One bar for each version that a pod has used. In the end all pods must use the same.",
            mappings=(("1", "in use", BLUE),),
        ),
    )


def _services(board: Board) -> None:
    both = f'service=~"{any_of([SERVICE.name, CONFIG.name])}"'
    ready = (kubernetes.READY, kubernetes.STATEFULSET_READY)
    board.row("Services").add(
        timeseries_panel(
            "401 by service",
            Query(denied_share(), "{{service}}"),
            description="Services pass on to users what auth-service tells them.",
            unit="percentunit",
            span=6,
            steps=DENIED_STEPS,
        ),
        timeseries_panel(
            "Requests",
            Query(requests(both, "service, http_route"), "{{service}} {{http_route}}"),
            description="Answers per second of auth-service and config-service.",
            unit="reqps",
            span=6,
        ),
        timeseries_panel(
            "5xx",
            Query(error_share(both), "{{service}} 5xx"),
            description="Share of answers.",
            unit="percentunit",
            span=4,
            steps=ERROR_STEPS,
        ),
        timeseries_panel(
            "p99",
            Query(latency(0.99, both), "{{service}}"),
            description="99th percentile of the time to an answer.",
            unit="s",
            span=4,
        ),
        timeseries_panel(
            "Pods ready",
            *(Query(total(select(spec, both), by="service"), "{{service}}") for spec in ready),
            description="Of both services.",
            unit="none",
            span=4,
        ),
    )
