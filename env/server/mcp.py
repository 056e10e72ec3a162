"""MCP over JSON-RPC 2.0: the handshake, the tools, and OpenEnv's opening and closing of a session."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from ..errors import EnvError, MalformedJSON, NotReset, UnknownSession
from ..sessions import Session
from . import mcp_tools
from .about_routes import API_VERSION, ENV_NAME
from .episode_routes import find_session, runner_of
from .reading import SESSION_HEADER
from .runner import EpisodeRunner
from .strict_json import JSONAnswer, encode, parse

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Newest first; a client that asks for another is offered the newest."""
MAX_BATCH = 32
MAX_ID_CHARS = 256

log = logging.getLogger(__name__)

router = APIRouter(tags=["MCP"])

Params = dict[str, Any]
Reply = dict[str, Any]


class RPCError(Exception):
    """A JSON-RPC error; its arguments are the code and the message."""

    @property
    def error(self) -> dict[str, Any]:
        code, message = self.args
        return {"code": code, "message": message}


class Caller(Protocol):
    """Who sends the messages: an HTTP request or a connection of /ws."""

    @property
    def runner(self) -> EpisodeRunner: ...

    def session(self, session_id: str | None) -> Session:
        """The session that a message is about; `session_id` is the one in its params."""
        ...

    def open_session(self) -> str:
        """Opens a session; its id."""
        ...

    def close_session(self, session_id: str) -> None: ...


class HTTPCaller:
    """A request to /mcp: its session is found as that of /step is, with the params in place of the body."""

    def __init__(self, request: Request) -> None:
        self.runner = runner_of(request)
        self._session_id = request.query_params.get("session_id", request.headers.get(SESSION_HEADER))

    def session(self, session_id: str | None) -> Session:
        session = find_session(self.runner, self._session_id or session_id, None)
        if session is None:
            raise NotReset
        return session

    def open_session(self) -> str:
        return self.runner.store.open().session_id

    def close_session(self, session_id: str) -> None:
        self.runner.store.close(self.runner.store.get(session_id).session_id)


async def initialize(caller: Caller, params: Params) -> Reply:
    version = params.get("protocolVersion")
    if not isinstance(version, str):
        raise RPCError(INVALID_PARAMS, "protocolVersion should be text")
    return {
        "protocolVersion": version if version in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": ENV_NAME, "version": API_VERSION},
        "instructions": mcp_tools.INSTRUCTIONS,
    }


async def ping(caller: Caller, params: Params) -> Reply:
    return {}


async def list_tools(caller: Caller, params: Params) -> Reply:
    return {"tools": mcp_tools.catalogue()}


async def call_tool(caller: Caller, params: Params) -> Reply:
    """A tool's answer; what goes wrong in it is told as the answer, so that a model reads it."""
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str) or name not in mcp_tools.NAMES:
        raise RPCError(INVALID_PARAMS, "no such tool; tools/list lists them")
    if not isinstance(arguments, dict):
        raise RPCError(INVALID_PARAMS, "arguments should be an object")
    session = caller.session(session_id_of(params))
    try:
        return mcp_tools.told(await mcp_tools.call(caller.runner, session, name, arguments))
    except EnvError as error:
        caller.runner.refused(error)
        return mcp_tools.told(encode({"error": error.message}), is_error=True)


async def create_session(caller: Caller, params: Params) -> Reply:
    return {"session_id": caller.open_session()}


async def close_session(caller: Caller, params: Params) -> Reply:
    session_id = session_id_of(params)
    if session_id is None:
        raise RPCError(INVALID_PARAMS, "session_id is required")
    caller.close_session(session_id)
    return {"session_id": session_id, "closed": True}


METHODS: dict[str, Callable[[Caller, Params], Awaitable[Reply]]] = {
    "initialize": initialize,
    "ping": ping,
    "tools/list": list_tools,
    "tools/call": call_tool,
    "openenv/session/create": create_session,
    "openenv/session/close": close_session,
}


def session_id_of(params: Params) -> str | None:
    session_id = params.get("session_id")
    if session_id is not None and not (isinstance(session_id, str) and len(session_id) <= MAX_ID_CHARS):
        raise RPCError(INVALID_PARAMS, f"session_id should be text of at most {MAX_ID_CHARS} characters")
    return session_id


@router.post("/mcp", response_model=dict[str, Any])
async def mcp(request: Request) -> Response:
    """One JSON-RPC message or a batch; 202 without a body where nothing is to be answered."""
    try:
        message = parse(await request.body())
    except MalformedJSON:
        return JSONAnswer(failure(None, RPCError(PARSE_ERROR, "Parse error")))
    caller = HTTPCaller(request)
    reply = await answer_batch(caller, message) if isinstance(message, list) else await answer(caller, message)
    return Response(status_code=202) if reply is None else JSONAnswer(reply)


async def answer_batch(caller: Caller, messages: list[Any]) -> list[Reply] | Reply | None:
    """The replies to a batch, which is carried out in its order."""
    if not 0 < len(messages) <= MAX_BATCH:
        return failure(None, RPCError(INVALID_REQUEST, f"a batch holds 1 to {MAX_BATCH} messages"))
    replies = [await answer(caller, message) for message in messages]
    return [reply for reply in replies if reply is not None] or None


async def answer(caller: Caller, message: Any) -> Reply | None:
    """The reply to one message; None to a notification."""
    try:
        method, params, request_id = read(message)
    except RPCError as error:
        return failure(readable_id(message), error)
    if "id" not in message:
        return None
    try:
        if method not in METHODS:
            raise RPCError(METHOD_NOT_FOUND, "Method not found")
        if not isinstance(params, dict):
            raise RPCError(INVALID_PARAMS, "params should be an object")
        return {"jsonrpc": "2.0", "id": request_id, "result": await METHODS[method](caller, params)}
    except RPCError as error:
        return failure(request_id, error)
    except EnvError as error:
        caller.runner.refused(error)
        code = INVALID_PARAMS if isinstance(error, UnknownSession) else SERVER_ERROR
        return failure(request_id, RPCError(code, error.message))
    except Exception:
        log.exception("a message could not be answered")
        return failure(request_id, RPCError(INTERNAL_ERROR, "internal error"))


def read(message: Any) -> tuple[str, Any, Any]:
    """Method, params and id of a message that is a JSON-RPC request."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise RPCError(INVALID_REQUEST, "Invalid Request")
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict | list) or not is_id(message.get("id")):
        raise RPCError(INVALID_REQUEST, "Invalid Request")
    return method, params, message.get("id")


def is_id(value: Any) -> bool:
    match value:
        case bool():
            return False
        case str():
            return len(value) <= MAX_ID_CHARS
        case int():
            return abs(value) < 2**63
        case float():
            return math.isfinite(value)
        case _:
            return value is None


def readable_id(message: Any) -> Any:
    request_id = message.get("id") if isinstance(message, dict) else None
    return request_id if is_id(request_id) else None


def failure(request_id: Any, error: RPCError) -> Reply:
    return {"jsonrpc": "2.0", "id": request_id, "error": error.error}
