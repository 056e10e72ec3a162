"""POST /reset, POST /step, GET /state, GET /trajectory and GET /metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from ..errors import NotReset
from ..models import DEFAULT_TASK_ID, Action, EpisodeState, ResetRequest, StepRequest, Turn
from ..sessions import NO_EPISODE, Session
from ..trajectory import Trajectory
from . import live_routes
from .openapi import takes
from .reading import SESSION_HEADER, SESSION_QUERY, read_reset, read_session_query, read_step
from .runner import EpisodeRunner
from .strict_json import JSONAnswer

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter()


@router.post(
    "/reset",
    tags=["Environment Control"],
    response_model=Turn,
    openapi_extra=takes(ResetRequest, query=ResetRequest.model_fields, body_required=False),
)
async def reset(request: Request) -> Response:
    """Begin an episode: in the named session, or in a new one that `task_id` alone then stands for."""
    wanted = await read_reset(request)
    runner = runner_of(request)
    runner.check_task(wanted.task_id)
    session = None if wanted.session_id is None else runner.store.get(wanted.session_id)
    playing, turn = await runner.reset(wanted, session)
    if session is None and wanted.attach is None:
        runner.store.alias(wanted.task_id, playing)
    return turn_answer(playing, turn)


@router.post(
    "/step",
    tags=["Environment Control"],
    response_model=Turn,
    openapi_extra=takes(Action, StepRequest, query=SESSION_QUERY),
)
async def step(request: Request) -> Response:
    """Take one action, given bare or as `{"action": {…}}`."""
    wanted = await read_step(request)
    runner = runner_of(request)
    session = find_session(runner, wanted.session_id, wanted.task_id)
    if session is None:
        raise NotReset
    return turn_answer(session, await runner.step(session, wanted.action, wanted.task_id))


@router.get(
    "/state",
    tags=["State Management"],
    response_model=EpisodeState,
    openapi_extra=takes(query=SESSION_QUERY),
)
async def state(request: Request) -> Response:
    """Where a session's episode stands; its score only when it is done."""
    wanted = read_session_query(request)
    runner = runner_of(request)
    task_id = wanted.get("task_id")
    session_id = wanted.get("session_id", request.headers.get(SESSION_HEADER))
    if session_id is None and task_id is None:
        return JSONAnswer(NO_EPISODE)
    session = find_session(runner, session_id, task_id)
    return JSONAnswer(NO_EPISODE if session is None else await runner.state(session, task_id))


@router.get(
    "/trajectory",
    tags=["State Management"],
    response_model=Trajectory,
    openapi_extra=takes(query=SESSION_QUERY),
)
async def trajectory(request: Request) -> Response:
    """The record of a session's finished episode, in one line; `python -m env verify` plays it again."""
    wanted = read_session_query(request)
    runner = runner_of(request)
    task_id = wanted.get("task_id")
    session = find_session(runner, wanted.get("session_id", request.headers.get(SESSION_HEADER)), task_id)
    if session is None:
        raise NotReset
    return JSONAnswer(await runner.trajectory(session, task_id))


@router.get(
    "/metrics",
    tags=["Observability"],
    response_class=PlainTextResponse,
    openapi_extra=takes(query=["session_id"]),
)
async def metrics(request: Request) -> Response:
    """The server's own metrics and the live cluster's, or with `session_id` a session's as of its simulated now."""
    session_id = request.query_params.get("session_id")
    if session_id is None:
        return await live_routes.metrics_page(request)
    runner = runner_of(request)
    page = await runner.exposition(runner.store.get(session_id))
    return Response(page, media_type=EXPOSITION_TYPE)


def runner_of(request: Request) -> EpisodeRunner:
    runner: EpisodeRunner = request.app.state.runner
    return runner


def find_session(runner: EpisodeRunner, session_id: str | None, task_id: str | None) -> Session | None:
    """The session of this id, else the one that the task's last /reset without an id left."""
    runner.check_task(task_id)
    if session_id is not None:
        return runner.store.get(session_id)
    return runner.store.aliased(task_id or DEFAULT_TASK_ID)


def turn_answer(session: Session, turn: bytes) -> JSONAnswer:
    return JSONAnswer(turn, headers={SESSION_HEADER: session.session_id})
