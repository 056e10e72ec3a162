"""JSON in and out: strict when read, always valid when written."""

from typing import Any

from fastapi import Response
from pydantic_core import from_json

from ..errors import BadRequest, MalformedJSON
from ..workers import encode

__all__ = ["JSONAnswer", "encode", "parse", "parse_object"]


class JSONAnswer(Response):
    """A JSON response: a model, plain data, or bytes that are JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else encode(content)


def parse(text: str | bytes) -> Any:
    """The JSON value; NaN, lone surrogates, nesting past 200 and broken UTF-8 raise MalformedJSON."""
    try:
        return from_json(text, allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise MalformedJSON("body: not valid JSON", ("body",)) from None


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object; no text at all is the empty one."""
    value = parse(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise BadRequest("body: should be a JSON object", ("body",))
    return value
