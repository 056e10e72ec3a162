"""Reads records that anybody may have written."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from .record import FORMAT, Trajectory

LONGEST_LINE = 32_000_000
"""Bytes; a record with all its observations takes some 300,000, and the largest that can be played a few million."""
MOST_DIGITS = 20
"""Of a whole number: 64 bits have as many."""
LONGEST_NAME = 60

_RECORD = TypeAdapter(Trajectory)


class Unreadable(ValueError):
    """This is no record of an episode; the message says why, in one line that quotes no values."""


def parse(line: bytes) -> Trajectory:
    """The record on a line.

    Raises:
        Unreadable: there is none.
    """
    return parsed(line)[0]


def parsed(line: bytes) -> tuple[Trajectory, dict[str, Any]]:
    """The record on a line, and the same as plain JSON values as they are written there."""
    if len(line) > LONGEST_LINE:
        raise Unreadable(f"longer than {LONGEST_LINE} bytes")
    value = _json(line)
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    if value.get("format") != FORMAT:
        raise Unreadable(f'format: should be "{FORMAT}"')
    try:
        return _RECORD.validate_json(line), value
    except ValidationError as error:
        raise Unreadable(_reason(error)) from None


def _json(line: bytes) -> Any:
    """The value, if a reader that is strict and one that sees every key agree on it."""
    try:
        from_json(line, allow_inf_nan=False)  # no NaN, no lone surrogates, no deep nesting, UTF-8 only
        return json.loads(line, object_pairs_hook=_object, parse_int=_whole_number, parse_float=_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise Unreadable("a key occurs twice in an object")
    return read


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Unreadable("a whole number of more than 64 bits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable("a number that is too large")
    return number


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong, and how many others."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = problems[0]
    where = ".".join(named(part) for part in first["loc"]) or "record"
    unknown = first["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    what = "no such field" if unknown else first["msg"].removeprefix("Value error, ")
    others = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{where}: {what}{others}"


def named(part: object) -> str:
    """A key or an index, fit for a terminal whatever somebody has made of it."""
    text = str(part)
    if not text.isascii() or not text.isprintable():
        text = json.dumps(text)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."
