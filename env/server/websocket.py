"""WS /ws: OpenEnv's frames; one connection is one session and is closed with it."""

import logging
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ..errors import BadRequest, BodyTooLarge, EnvError, NotReset
from ..models import ResetRequest, Turn
from ..sessions import NO_EPISODE, Session
from . import mcp
from .metrics import ServerMetrics
from .reading import read_action, validated
from .runner import EpisodeRunner
from .strict_json import encode, parse_object

log = logging.getLogger(__name__)

router = APIRouter()

Frame = dict[str, Any]


class UnknownFrame(BadRequest):
    """The frame's type is not one of OpenEnv's."""

    frame_code = "UNKNOWN_TYPE"


class Connection:
    """One client on /ws; its session is opened by the first reset."""

    def __init__(self, runner: EpisodeRunner, metrics: ServerMetrics, max_frame_bytes: int) -> None:
        self.runner = runner
        self.metrics = metrics
        self.max_frame_bytes = max_frame_bytes
        self.session: Session | None = None

    async def answer(self, raw: str | bytes) -> Frame | None:
        """The answering frame; None ends the connection."""
        try:
            kind, data = self._read(raw)
            if kind == "close":
                return None
            return await self._answer(kind, data)
        except EnvError as error:
            self.metrics.refused(error.code)
            return error_frame(error.message, error.frame_code)
        except Exception:
            log.exception("a frame could not be answered")
            return error_frame("internal error", "EXECUTION_ERROR")

    def close(self) -> None:
        if self.session is not None:
            self.runner.store.close(self.session.session_id)

    def _read(self, raw: str | bytes) -> tuple[str, dict[str, Any]]:
        size_bytes = len(raw.encode() if isinstance(raw, str) else raw)
        if size_bytes > self.max_frame_bytes:
            raise BodyTooLarge(self.max_frame_bytes)
        frame = parse_object(raw)
        kind = frame.get("type")
        if kind not in ("reset", "step", "state", "close", "mcp"):
            raise UnknownFrame("type: should be reset, step, state, close or mcp", ("type",))
        if not frame.keys() <= {"type", "data"}:
            raise BadRequest("frame: no such field here; known are data, type", ("frame",))
        data = frame.get("data", {})
        if not isinstance(data, dict):
            raise BadRequest("data: should be a JSON object", ("data",))
        return kind, data

    async def _answer(self, kind: str, data: dict[str, Any]) -> Frame:
        match kind:
            case "reset":
                turn = await self._reset(validated(ResetRequest, data))
                return {"type": "observation", "data": turn}
            case "step":
                action = read_action(data)
                if self.session is None:
                    raise NotReset
                session = self.runner.store.get(self.session.session_id)
                return {"type": "observation", "data": await self.runner.step(session, action)}
            case "mcp":
                return {"type": "mcp", "data": mcp.answer(data) or {}}
            case _:
                if self.session is None:
                    return {"type": "state", "data": NO_EPISODE}
                session = self.runner.store.get(self.session.session_id)
                return {"type": "state", "data": await self.runner.state(session)}

    async def _reset(self, wanted: ResetRequest) -> Turn:
        own_id = None if self.session is None else self.session.session_id
        if wanted.session_id not in (None, own_id):
            raise BadRequest("session_id: one connection is one session", ("session_id",))
        if own_id is None or own_id not in self.runner.store:
            turn = await self.runner.reset(wanted)
            self.session = self.runner.store.get(turn.session_id)
            return turn
        return await self.runner.reset(wanted, self.runner.store.get(own_id))


def error_frame(message: str, code: str) -> Frame:
    return {"type": "error", "data": {"message": message, "code": code}}


@router.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    """Answers frame after frame; a bad frame is refused and the connection lives on."""
    state = websocket.app.state
    await websocket.accept()
    state.metrics.websockets.inc()
    connection = Connection(state.runner, state.metrics, state.settings.max_body_bytes)
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            reply = await connection.answer(message.get("text") or message.get("bytes") or "")
            if reply is None:
                await websocket.close()
                break
            await websocket.send_text(encode(reply).decode())
    except WebSocketDisconnect:
        pass
    finally:
        connection.close()
