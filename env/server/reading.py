"""Turns queries and bodies into requests, or says which field is wrong without quoting it."""

import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ..errors import BadRequest
from ..models import Action, ResetRequest, StepRequest
from .strict_json import parse_object

Model = TypeVar("Model", bound=BaseModel)
MAX_REASONS = 3
WHOLE_NUMBER = r"-?[0-9]{1,20}"
NUMBER = r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?"
SESSION_HEADER = "X-Session-Id"
SESSION_QUERY = ("session_id", "task_id")


async def read_reset(request: Request) -> ResetRequest:
    """The reset that a request asks for: query, then header, then body."""
    fields = parse_object(await request.body())
    if SESSION_HEADER in request.headers:
        fields["session_id"] = request.headers[SESSION_HEADER]
    return validated(ResetRequest, {**fields, **read_query(request, ResetRequest.model_fields)})


async def read_step(request: Request) -> StepRequest:
    """The step that a request asks for, in OpenEnv's form or as the bare action."""
    body = parse_object(await request.body())
    if "action" not in body:
        envelope = {name: body.pop(name) for name in StepRequest.model_fields if name in body}
        body = {**envelope, "action": body}
    if SESSION_HEADER in request.headers:
        body["session_id"] = request.headers[SESSION_HEADER]
    return validated(StepRequest, {**body, **read_session_query(request)})


def read_action(fields: Any) -> Action:
    return validated(Action, fields)


def read_session_query(request: Request) -> dict[str, Any]:
    """The `session_id` and `task_id` of a query that may hold nothing else."""
    return read_query(request, {name: StepRequest.model_fields[name] for name in SESSION_QUERY})


def read_query(request: Request, declared: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The query's values, each read as its field's type; what cannot be read so stays text."""
    values: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name not in declared:
            raise BadRequest(f"query: unknown parameter; known are {', '.join(declared)}", ("query",))
        if name in values:
            raise BadRequest(f"{name}: given more than once", (name,))
        values[name] = _reader(declared[name].annotation)(text)
    return values


def validated(model: type[Model], fields: Any) -> Model:
    """The model, or a BadRequest that names the fields at fault."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise bad_request(model, error) from None


def bad_request(model: type[BaseModel], error: ValidationError) -> BadRequest:
    known = _field_names(model)
    reasons: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        path = [part for part in problem["loc"] if part in known and part != "action"]
        name = ".".join(str(part) for part in path) or "body"
        if problem["type"] == "extra_forbidden":
            reasons.setdefault(name, f"no such field here; known are {', '.join(sorted(known))}")
        else:
            reasons.setdefault(name, problem["msg"].removeprefix("Value error, "))
    message = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:MAX_REASONS])
    return BadRequest(message, tuple(reasons))


def _field_names(model: type[BaseModel]) -> set[str]:
    names = set(model.model_fields)
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= _field_names(field.annotation)
    return names


def _whole_number(text: str) -> int | str:
    return int(text) if re.fullmatch(WHOLE_NUMBER, text) else text


def _number(text: str) -> float | str:
    return float(text) if re.fullmatch(NUMBER, text) else text


def _truth(text: str) -> bool | str:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


READERS: dict[Any, Callable[[str], Any]] = {int: _whole_number, float: _number, bool: _truth}


def _reader(annotation: Any) -> Callable[[str], Any]:
    optional = get_origin(annotation) in (UnionType, Union)
    for kind in get_args(annotation) if optional else (annotation,):
        bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
        if bare in READERS:
            return READERS[bare]
    return str
