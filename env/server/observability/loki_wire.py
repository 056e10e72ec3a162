"""How Loki writes results and errors.

Source: Loki, pkg/util/marshal, and https://grafana.com/docs/loki/latest/reference/loki-http-api/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf, isnan
from typing import Any

from fastapi import Response

from cluster_sim import logql

from ...errors import EnvError
from ..strict_json import encode

MILLISECOND = 1_000_000
LONGEST_ERROR = 1000
"""Characters of a message, which may quote the query (chosen)."""
JSON = "application/json; charset=UTF-8"


class BadRequest(Exception):
    """A request that Loki would refuse; the argument is what it says."""


def answer(content: Any) -> Response:
    return Response(encode(content), media_type=JSON)


def text(said: str, status: int = 200) -> Response:
    """A line of plain text."""
    return Response(f"{said.rstrip()}\n".encode("utf-8", "replace"), status, media_type="text/plain; charset=utf-8")


def failure(said: str) -> Response:
    return text(said if len(said) <= LONGEST_ERROR else f"{said[:LONGEST_ERROR]}...", 400)


def refuse(error: EnvError) -> Response:
    """A refusal of the environment; like all of Loki's errors it is a line of text."""
    return text(error.message, error.status)


def listed(found: Sequence[Any]) -> Response:
    return answer({"status": "success", "data": found})


def streams(found: logql.Streams, shift: int) -> Response:
    """Entries by stream; times are strings of nanoseconds."""
    result = [
        {"stream": _sorted(labels), "values": [[str(at + shift), line] for at, line in entries]}
        for labels, entries in found.streams
    ]
    return _result("streams", result, found.statistics)


def series(found: logql.Series, shift: int) -> Response:
    """A vector, a matrix or a scalar; times are seconds."""
    result: Any
    if found.kind == "matrix":
        result = [
            {"metric": _sorted(labels), "values": [_point(at + shift, value) for at, value in points]}
            for labels, points in found.series
        ]
    elif found.kind == "vector":
        result = [
            {"metric": _sorted(labels), "value": _point(at + shift, value)}
            for labels, points in found.series
            for at, value in points
        ]
    else:
        ((_, ((at, value),)),) = found.series
        result = _point(at + shift, value)
    return _result(found.kind, result, found.statistics)


def number(value: float) -> str:
    """A value: the shortest decimal that reads back the same, never with an exponent."""
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    shortest = repr(value).removesuffix(".0")
    return format(Decimal(shortest), "f") if "e" in shortest else shortest


def _point(at: int, value: float) -> list[Any]:
    ms = at // MILLISECOND
    return [ms // 1000 if ms % 1000 == 0 else ms / 1000, number(value)]


def _sorted(labels: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(labels.items()))


def _result(kind: str, result: Any, statistics: logql.Statistics) -> Response:
    summary = {
        "bytesProcessedPerSecond": 0,
        "linesProcessedPerSecond": 0,
        "totalBytesProcessed": statistics.size,
        "totalLinesProcessed": statistics.lines,
        "execTime": 0,
        "queueTime": 0,
        "subqueries": 0,
        "totalEntriesReturned": statistics.returned,
        "splits": 0,
        "shards": 0,
    }
    data = {"resultType": kind, "result": result, "stats": {"summary": summary}}
    return answer({"status": "success", "data": data})
