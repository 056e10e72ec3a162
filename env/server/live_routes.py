"""The live cluster's part of the server: its life, `/live`, and its metrics on the page of `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cluster_sim import exposition, rfc3339, seconds

from ..live.cluster import LiveCluster
from ..live.settings import LiveSettings
from . import operator_routes
from .metrics import ServerMetrics
from .strict_json import JSONAnswer

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"

router = APIRouter(tags=["Observability"])


def install(app: FastAPI, settings: LiveSettings) -> None:
    """Gives an application its live cluster, if it is to have one; with a token, the operator's routes too."""
    app.state.live = app.state.runner.live = live = LiveCluster(settings) if settings.live else None
    if live is None:
        return
    metrics: ServerMetrics = app.state.metrics
    metrics.registry.register(LiveCollector(live))
    app.include_router(router)
    if settings.operator_token:
        operator_routes.install(app, settings.operator_token)


def start(app: FastAPI) -> None:
    if app.state.live is not None:
        app.state.live.start()


async def stop(app: FastAPI) -> None:
    """Ends the live cluster's thread; the event loop goes on meanwhile."""
    if app.state.live is not None:
        await asyncio.to_thread(app.state.live.stop)


class LiveCollector(Collector):
    """How the live cluster keeps up with the clock."""

    def __init__(self, live: LiveCluster) -> None:
        self.live = live

    def collect(self) -> Iterable[Metric]:
        pacer = self.live.pacer
        lag_s = pacer.lag_s(self.live.now)
        running = not pacer.paused and self.live.failure is None
        yield GaugeMetricFamily("incident_env_live_running", "Whether live time passes.", int(running))
        yield GaugeMetricFamily("incident_env_live_speed", "Simulated seconds per second.", pacer.speed)
        yield GaugeMetricFamily("incident_env_live_lag_seconds", "Seconds the live cluster is behind.", lag_s)
        yield CounterMetricFamily("incident_env_live_lost_seconds", "Seconds it did not make up for.", pacer.lost_s)
        yield CounterMetricFamily("incident_env_live_simulated_seconds", "Simulated time.", seconds(self.live.now))


async def metrics_page(request: Request) -> Response:
    """The server's own metrics, and behind them the live cluster's; in OpenMetrics for a scraper that asks for it."""
    openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
    page: bytes = request.app.state.metrics.exposition(openmetrics)
    live: LiveCluster | None = request.app.state.live
    if live is not None:

        def read() -> bytes:
            with live.lock:
                return exposition(live.cluster, openmetrics=openmetrics)

        page = page.removesuffix(END) + await request.app.state.runner.read_live(read)
    return Response(page, media_type=OPENMETRICS if openmetrics else TEXT)


@router.get("/live", response_model=dict[str, Any])
async def live_status(request: Request) -> Response:
    """How the live cluster stands with the clock."""
    live: LiveCluster = request.app.state.live
    return JSONAnswer(
        {
            "time": rfc3339(live.now, live.cluster.epoch_s),
            "simulated_s": seconds(live.now),
            "speed": live.pacer.speed,
            "paused": live.pacer.paused,
            "lag_s": live.pacer.lag_s(live.now),
            "lost_s": live.pacer.lost_s,
            "failed": live.failure is not None,
        }
    )
