"""MCP over JSON-RPC 2.0: the handshake and an empty tool list."""

import math
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from ..errors import MalformedJSON
from .about_routes import API_VERSION, ENV_NAME
from .strict_json import JSONAnswer, parse

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Newest first; a client that asks for another is offered the newest."""
MAX_BATCH = 32
MAX_ID_CHARS = 256

router = APIRouter(tags=["MCP"])

Params = dict[str, Any]
Reply = dict[str, Any]


class RPCError(Exception):
    """A JSON-RPC error; its arguments are the code and the message."""

    @property
    def error(self) -> dict[str, Any]:
        code, message = self.args
        return {"code": code, "message": message}


def initialize(params: Params) -> Reply:
    version = params.get("protocolVersion")
    if not isinstance(version, str):
        raise RPCError(INVALID_PARAMS, "protocolVersion should be text")
    return {
        "protocolVersion": version if version in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": ENV_NAME, "version": API_VERSION},
    }


def ping(params: Params) -> Reply:
    return {}


def list_tools(params: Params) -> Reply:
    return {"tools": []}


def call_tool(params: Params) -> Reply:
    raise RPCError(INVALID_PARAMS, "no such tool; tools/list lists them")


METHODS: dict[str, Callable[[Params], Reply]] = {
    "initialize": initialize,
    "ping": ping,
    "tools/list": list_tools,
    "tools/call": call_tool,
}


@router.post("/mcp", response_model=dict[str, Any])
async def mcp(request: Request) -> Response:
    """One JSON-RPC message or a batch; 202 without a body where nothing is to be answered."""
    try:
        message = parse(await request.body())
    except MalformedJSON:
        return JSONAnswer(failure(None, RPCError(PARSE_ERROR, "Parse error")))
    reply = answer_batch(message) if isinstance(message, list) else answer(message)
    return Response(status_code=202) if reply is None else JSONAnswer(reply)


def answer_batch(messages: list[Any]) -> list[Reply] | Reply | None:
    if not 0 < len(messages) <= MAX_BATCH:
        return failure(None, RPCError(INVALID_REQUEST, f"a batch holds 1 to {MAX_BATCH} messages"))
    return [reply for reply in map(answer, messages) if reply is not None] or None


def answer(message: Any) -> Reply | None:
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
        return {"jsonrpc": "2.0", "id": request_id, "result": METHODS[method](params)}
    except RPCError as error:
        return failure(request_id, error)


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
