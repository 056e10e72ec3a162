"""What a request to Jaeger asks for: times in microseconds, durations as Go writes them, tags; and its errors' words.

Source: jaegertracing/jaeger, cmd/query/app/query_parser.go.
"""

from __future__ import annotations

import re

from pydantic_core import from_json

from .access import Reading
from .parameters import SECOND

MICROSECOND = 1_000
LOOKBACK = 2 * 86_400 * SECOND
"""How far a search reaches back by itself (Jaeger's default)."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d)")
_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": SECOND}
_UNITS |= {"m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
_LONGEST = 2**63
_ID = re.compile(r"[0-9a-fA-F]{1,32}")


class JaegerError(Exception):
    """A request that Jaeger refuses.

    Attributes:
        trace_id: what it is about, if it is about one trace.
    """

    def __init__(self, status: int, message: str, trace_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.trace_id = trace_id


def required(reading: Reading, name: str) -> str:
    value = reading.parameters.get(name)
    if not value:
        raise JaegerError(400, f"parameter '{name}' is required")
    return value


def checked_id(text: str, where: str = "") -> str:
    """A trace id that can be one."""
    if len(text) > 32:
        raise JaegerError(400, f"{where}TraceID cannot be longer than 32 hex characters")
    if not _ID.fullmatch(text):
        raise JaegerError(400, f'{where}strconv.ParseUint: parsing "{text}": invalid syntax')
    return text.lower()


def integer(reading: Reading, name: str, *, name_it: bool = True) -> int:
    """A whole number of 64 bits."""
    text = reading.parameters.get(name)
    where = f"unable to parse param '{name}': " if name_it else ""
    if not _INTEGER.fullmatch(text):
        raise JaegerError(400, f'{where}strconv.ParseInt: parsing "{text[:64]}": invalid syntax')
    value = int(text[:32])
    if not -_LONGEST <= value < _LONGEST:
        raise JaegerError(400, f'{where}strconv.ParseInt: parsing "{text[:64]}": value out of range')
    return value


def time_of(reading: Reading, name: str, unit: int, absent: int) -> int:
    """Nanoseconds of simulated Unix time."""
    if not reading.parameters.get(name):
        return absent
    return near(reading.clock.inward(integer(reading, name) * unit))


def near(unix_ns: int) -> int:
    """A time within the range of 64 bits."""
    return min(max(unix_ns, 0), _LONGEST - 1)


def started_after(reading: Reading) -> int:
    """`start`, or as long before the end as `lookback` says where it is a duration (the pages say `custom`, too)."""
    end = time_of(reading, "end", MICROSECOND, reading.clock.now)
    lookback = nanoseconds(reading.parameters.get("lookback"))
    return time_of(reading, "start", MICROSECOND, near(end - (LOOKBACK if lookback is None else lookback)))


def duration_of(reading: Reading, name: str) -> int:
    """Nanoseconds; 0 where it is absent."""
    text = reading.parameters.get(name)
    value = nanoseconds(text) if text else 0
    if value is None:
        raise JaegerError(400, f"unable to parse param '{name}': time: invalid duration \"{text[:64]}\"")
    return value


def nanoseconds(text: str) -> int | None:
    """The nanoseconds of a duration such as `1.5s` or `1h30m`; None if it is none."""
    total = 0
    at = 0
    while (part := _PART.match(text, at)) is not None and len(part[1]) <= 18:
        total += round(float(part[1]) * _UNITS[part[2]])
        at = part.end()
    return total if text and at == len(text) and total < _LONGEST else None


def tags_of(reading: Reading) -> dict[str, str]:
    """`tag=key:value`, and `tags` as a JSON object of texts."""
    tags: dict[str, str] = {}
    for text in reading.parameters.all("tag"):
        key, colon, value = text.partition(":")
        if not colon:
            raise JaegerError(400, f"malformed 'tag' parameter, expecting key:value, received: {text[:64]}")
        tags[key] = value
    for text in reading.parameters.all("tags"):
        try:
            given = from_json(text or "{}")
        except (ValueError, RecursionError):
            raise JaegerError(400, "malformed 'tags' parameter, cannot unmarshal JSON: invalid JSON") from None
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            message = "malformed 'tags' parameter, cannot unmarshal JSON: json: cannot unmarshal into map[string]string"
            raise JaegerError(400, message)
        tags |= given
    return tags
