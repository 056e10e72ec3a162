"""Puts the server together."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache, partial

from fastapi import FastAPI

from ..live.settings import LiveSettings
from ..playing import EnvironmentFactory
from ..sessions import SessionStore
from ..tasks.generated import GENERATED
from ..workers import Crew, importable
from . import about_routes, episode_routes, live_routes, mcp, refusals, task_routes, websocket
from .about_routes import API_VERSION, DESCRIPTION
from .body_limit import BodyLimit
from .metrics import CrewCollector, ServerMetrics
from .observability import APIS
from .openapi import describe
from .runner import EpisodeRunner
from .settings import ServerSettings
from .task_routes import Task

SWEEP_EVERY_S = 30.0
SWITCH_INTERVAL_S = 0.0005
"""For how long a simulating thread may keep the others waiting (with Python's 5 ms /health took 0.2 s)."""


def create_app(
    environment_factory: EnvironmentFactory | None = None,
    tasks: Mapping[str, Task] | None = None,
    settings: ServerSettings | None = None,
    live: LiveSettings | None = None,
) -> FastAPI:
    """The ASGI application.

    Args:
        environment_factory: makes the environment of a new session; IncidentEnvironment by default. One that another
            process cannot have (`importable`) is used in this one only.
        tasks: what may be played, by task_id; the catalogue by default.
        settings: the limits; by default from the environment variables.
        live: the live cluster, if there is to be one; likewise.
    """
    settings = settings or ServerSettings.from_environ()
    if environment_factory is None:
        from ..workers.house import IncidentHouse

        environment_factory = IncidentHouse(settings.warm_up_mb * 1_000_000)
    if tasks is None:
        from ..tasks import TASKS

        tasks = TASKS
    store = SessionStore(
        environment_factory,
        capacity=settings.max_sessions,
        keep_idle_s=settings.keep_idle_s,
        park_idle_s=settings.park_idle_s,
        spare_idle_s=settings.spare_idle_s,
    )
    metrics = ServerMetrics(store)
    runner = EpisodeRunner(store, (*tasks, GENERATED), metrics, settings.workers)
    metrics.registry.register(CrewCollector(runner))
    spread = settings.processes > 1 and importable(environment_factory)

    app = FastAPI(title="Incident Response OpenEnv", version=API_VERSION, description=DESCRIPTION, lifespan=_lifespan)
    app.state.settings = settings
    app.state.tasks = tasks
    app.state.metrics = metrics
    app.state.runner = runner
    app.state.crew = Crew(environment_factory, settings.processes, settings.workers) if spread else None
    app.add_middleware(BodyLimit, limit_bytes=settings.max_body_bytes)
    refusals.install(app)
    for routes in (about_routes, episode_routes, task_routes, mcp, websocket):
        app.include_router(routes.router)
    for api in APIS:
        api.mount(app)
    live_routes.install(app, live or LiveSettings.from_environ())
    app.openapi = cache(partial(describe, app))  # type: ignore[method-assign] # FastAPI's documented way
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runner: EpisodeRunner = app.state.runner
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    runner.crew = app.state.crew
    sweep = asyncio.create_task(runner.sweep(SWEEP_EVERY_S))
    live_routes.start(app)
    try:
        yield
    finally:
        await live_routes.stop(app)
        sweep.cancel()
        with suppress(asyncio.CancelledError):
            await sweep
        if runner.crew is not None:
            await runner.crew.end()
