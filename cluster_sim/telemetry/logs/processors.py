"""structlog processors of our own."""

from __future__ import annotations

from json import JSONEncoder
from typing import Any

from structlog.typing import EventDict

from .scene import one_line


def shout_level(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The level in capitals and four letters for a warning, as Logback and slog write it."""
    event["level"] = {"warning": "WARN"}.get(event["level"], event["level"].upper())
    return event


def name_time(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """`timestamp` under slog's name for it."""
    event["time"] = event.pop("timestamp")
    return event


def make_printable(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Texts with their control characters escaped, for a renderer that leaves them as they are."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = one_line(value)
    return event


# `json.dumps` with separators makes an encoder for every line.
_encode = JSONEncoder(separators=(",", ":")).encode


def compact_json(event: EventDict, **_options: Any) -> str:
    """An event as JSON without spaces."""
    return _encode(event)
