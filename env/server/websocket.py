"""WS /ws: OpenEnv's frames; one connection is one session and is closed with it."""

import logging
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from ..errors import BadRequest, BodyTooLarge, EnvError, NotReset
from ..models import ResetRequest
from ..sessions import NO_EPISODE, Session
from . import mcp
from .metrics import ServerMetrics
from .reading import read_action, validated
from .runner import EpisodeRunner
from .strict_json import encode, parse_object

log = logging.getLogger(__name__)

router = APIRouter()


class UnknownFrame(BadRequest):
    """The frame's type is not one of OpenEnv's."""

    frame_code = "UNKNOWN_TYPE"


class OneSession(BadRequest):
    """The frame is about another session than the connection's, or would close that one."""

    def __init__(self) -> None:
        super().__init__("session_id: one connection is one session, which is closed with it", ("session_id",))


class Connection:
    """One client on /ws; its session is opened by the first reset, or is one that was opened over /mcp.

    Attributes:
        lent: whether the session was opened elsewhere; it then outlives the connection.
    """

    def __init__(
        self, runner: EpisodeRunner, metrics: ServerMetrics, max_frame_bytes: int, lent: Session | None = None
    ) -> None:
        self.runner = runner
        self.metrics = metrics
        self.max_frame_bytes = max_frame_bytes
        self.lent = lent is not None
        self._session = lent

    async def answer(self, raw: str | bytes) -> str | None:
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
        if self._session is not None and not self.lent:
            self.runner.store.close(self._session.session_id)

    # ------------------------------------------------------------ as a caller of MCP

    def session(self, session_id: str | None = None) -> Session:
        """The connection's own session."""
        if self._session is None:
            raise NotReset
        if session_id not in (None, self._session.session_id):
            raise OneSession
        return self.runner.store.get(self._session.session_id)

    def open_session(self) -> str:
        """The session of the connection, which need not be opened twice."""
        if self._session is None or self._session.session_id not in self.runner.store:
            self._session = self.runner.store.open()
        return self._session.session_id

    def close_session(self, session_id: str) -> None:
        """Refused: the session is closed with the connection."""
        raise OneSession

    def _read(self, raw: str | bytes) -> tuple[str, dict[str, Any]]:
        if _size_bytes(raw) > self.max_frame_bytes:
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

    async def _answer(self, kind: str, data: dict[str, Any]) -> str:
        match kind:
            case "reset":
                return frame("observation", await self._reset(validated(ResetRequest, data)))
            case "step":
                action = read_action(data)
                return frame("observation", await self.runner.step(self.session(), action))
            case "mcp":
                return frame("mcp", encode(await mcp.answer(self, data) or {}))
            case _:
                if self._session is None:
                    return frame("state", encode(NO_EPISODE))
                return frame("state", await self.runner.state(self.session()))

    async def _reset(self, wanted: ResetRequest) -> bytes:
        own_id = None if self._session is None else self._session.session_id
        if wanted.session_id not in (None, own_id):
            raise OneSession
        if own_id is None or own_id not in self.runner.store:
            self._session, turn = await self.runner.reset(wanted)
            self.lent = False
            return turn
        return (await self.runner.reset(wanted, self.runner.store.get(own_id)))[1]


def frame(kind: str, data: bytes) -> str:
    """A frame of OpenEnv; `data` is JSON."""
    return f'{{"type":"{kind}","data":{data.decode()}}}'


def error_frame(message: str, code: str) -> str:
    return frame("error", encode({"message": message, "code": code}))


def _size_bytes(raw: str | bytes) -> int:
    return len(raw) if isinstance(raw, bytes) or raw.isascii() else len(raw.encode())


@router.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    """Answers frame after frame; a bad frame is refused and the connection lives on."""
    state = websocket.app.state
    await websocket.accept()
    state.metrics.websockets.inc()
    try:
        wanted = websocket.query_params.get("session_id")
        lent = None if wanted is None else state.runner.store.get(wanted)
    except EnvError as error:
        state.metrics.refused(error.code)
        await websocket.send_text(error_frame(error.message, error.frame_code))
        await websocket.close()
        return
    connection = Connection(state.runner, state.metrics, state.settings.max_body_bytes, lent)
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            reply = await connection.answer(message.get("text") or message.get("bytes") or "")
            if reply is None:
                await websocket.close()
                break
            await websocket.send_text(reply)
    except WebSocketDisconnect:
        pass
    finally:
        connection.close()
