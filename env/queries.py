"""What an investigation may ask: a query in the details of the action, checked before anything happens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster_sim import promql

from .errors import BadRequest

LONGEST_GREP = 200
LONGEST_LOOK_BACK_S = 3600.0
LONGEST_PROMQL = 2_000

SHAPES = '{"promql": "..."}, {"trace": "<id>"} and {"logs": {"grep": "text", "since_s": 300}}'

_PLACE = re.compile(r"(?:(\d+):)?(\d+): parse error")
_TRACE_ID = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, kw_only=True)
class Query:
    """What to look for in a service's telemetry; a query of nothing shows fresh log lines and detailed metrics.

    Attributes:
        promql: an expression, whatever service it is about.
        trace: the id of a trace.
        logs: whether log lines are asked for.
        grep: only lines with this text.
        since_s: how many seconds to look back.
    """

    promql: str | None = None
    trace: str | None = None
    logs: bool = False
    grep: str = ""
    since_s: float | None = None


def query_in(details: str | dict[str, Any] | None) -> Query:
    """The query in an action's details, as JSON or as its text; any other text is a note to oneself.

    Raises:
        BadRequest: it is JSON of another shape, or a query that cannot be understood.
    """
    fields = details if isinstance(details, dict) else as_json(details or "")
    if not fields:
        return Query()
    if set(fields) - {"promql", "trace", "logs"}:
        raise _refused("", f"queries are {SHAPES}")
    grep, since_s = _log_query(fields["logs"]) if "logs" in fields else ("", None)
    return Query(
        promql=_checked("promql", fields, check_promql),
        trace=_checked("trace", fields, check_trace),
        logs="logs" in fields,
        grep=grep,
        since_s=since_s,
    )


def _log_query(query: Any) -> tuple[str, float | None]:
    if not isinstance(query, dict) or set(query) - {"grep", "since_s"}:
        raise _refused(".logs", 'should be {"grep": text, "since_s": seconds}')
    grep, since_s = query.get("grep", ""), query.get("since_s")
    if not isinstance(grep, str) or len(grep) > LONGEST_GREP:
        raise _refused(".logs.grep", f"text of at most {LONGEST_GREP} characters")
    number = isinstance(since_s, int | float) and not isinstance(since_s, bool)
    if since_s is not None and not (number and 0 <= since_s <= LONGEST_LOOK_BACK_S):
        raise _refused(".logs.since_s", f"seconds from 0 to {LONGEST_LOOK_BACK_S:.0f}")
    return grep, since_s


def _checked(name: str, fields: dict[str, Any], check: Callable[[str], str]) -> str | None:
    if name not in fields:
        return None
    if not isinstance(fields[name], str):
        raise _refused(f".{name}", "should be text")
    try:
        return check(fields[name])
    except ValueError as error:
        raise _refused(f".{name}", str(error)) from None


def _refused(path: str, reason: str) -> BadRequest:
    return BadRequest(f"details{path}: {reason}", ("details",))


def check_promql(text: str) -> str:
    """The text, if it is PromQL.

    Raises:
        ValueError: it is not; the message gives the place and quotes nothing.
    """
    if len(text) > LONGEST_PROMQL:
        raise ValueError(f"should have at most {LONGEST_PROMQL} characters")
    try:
        promql.parse(text)
    except promql.QueryError as error:
        place = _PLACE.match(error.message)
        where = f" (line {place[1] or 1}, column {place[2]})" if place else ""
        raise ValueError(f"is no PromQL that is understood here{where}") from None
    return text


def check_trace(text: str) -> str:
    """The text, if it is the id of a trace.

    Raises:
        ValueError: it is not.
    """
    if not _TRACE_ID.fullmatch(text.lower()):
        raise ValueError("should be the id of a trace, up to 32 hexadecimal digits")
    return text.lower().zfill(32)


def as_json(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, if it is one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
