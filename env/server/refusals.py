"""Every refusal as short JSON that echoes no input: `detail`, `code` and the `fields` at fault."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ..errors import BadRequest, EnvError, OverCapacity
from .strict_json import JSONAnswer

STATUS_CODES = {404: ("NOT_FOUND", "no such route"), 405: ("METHOD_NOT_ALLOWED", "method not allowed here")}


def refusal(error: EnvError) -> JSONAnswer:
    """The HTTP answer to an error."""
    body: dict[str, Any] = {"detail": error.message, "code": error.code}
    headers = {}
    if isinstance(error, BadRequest):
        body["fields"] = error.fields
    if isinstance(error, OverCapacity):
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONAnswer(body, error.status, headers)


async def refuse(request: Request, error: Exception) -> JSONAnswer:
    assert isinstance(error, EnvError)
    request.app.state.metrics.refused(error.code)
    return refusal(error)


async def refuse_route(request: Request, error: Exception) -> JSONAnswer:
    assert isinstance(error, HTTPException)
    code, detail = STATUS_CODES.get(error.status_code, ("REFUSED", "refused"))
    return JSONAnswer({"detail": detail, "code": code}, error.status_code, error.headers)


async def refuse_validation(request: Request, error: Exception) -> JSONAnswer:
    """For a route that lets FastAPI read its input; FastAPI's own answer would quote it."""
    assert isinstance(error, RequestValidationError)
    reasons = {str((*problem["loc"], "body")[1]): str(problem["msg"]) for problem in error.errors()}
    message = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return await refuse(request, BadRequest(message, tuple(reasons)))


async def confess(request: Request, error: Exception) -> JSONAnswer:
    """A defect of ours: the server's log has it, the client is told nothing."""
    return JSONAnswer({"detail": "internal error", "code": "INTERNAL_ERROR"}, 500)


def install(app: FastAPI) -> None:
    app.add_exception_handler(EnvError, refuse)
    app.add_exception_handler(HTTPException, refuse_route)
    app.add_exception_handler(RequestValidationError, refuse_validation)
    app.add_exception_handler(Exception, confess)
