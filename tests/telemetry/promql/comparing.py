"""Compares our answers with a real Prometheus', point for point."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster_sim.telemetry.promql import Matrix, QueryError, Scalar, String, Value, Vector, evaluate, evaluate_range
from cluster_sim.telemetry.series import Source

TOLERANCE = 1e-9
ROUNDING = 1e-14

Points = dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]
Answer = tuple[str, Any]
"""`error` and its kind and message, or a type of value and the value."""


def ours_at(source: Source, query: str, at_ms: int) -> Answer:
    """Our answer at one instant."""
    try:
        return _plain(evaluate(source, query, at_ms))
    except QueryError as error:
        return "error", (error.kind, error.message)


def ours_over(source: Source, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
    """Our answer over a span."""
    try:
        return _plain(evaluate_range(source, query, start_ms, end_ms, step_ms))
    except QueryError as error:
        return "error", (error.kind, error.message)


def _plain(value: Value) -> Answer:
    match value:
        case Vector(samples=samples):
            return "vector", [(tuple(sorted(s.labels.items())), [(s.at_ms, s.value)]) for s in samples]
        case Matrix(series=found):
            return "matrix", [
                (tuple(sorted(s.labels.items())), list(zip(s.times.tolist(), s.values.tolist(), strict=True)))
                for s in found
            ]
        case Scalar(at_ms=at, value=number):
            return "scalar", (at, number)
        case String(at_ms=at, value=text):
            return "string", (at, text)


def ask(url: str, path: str, **parameters: str) -> dict[str, Any]:
    """The API's answer, an error's too."""
    body = urllib.parse.urlencode(parameters).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}", data=body, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


def real_at(url: str, query: str, at_ms: int) -> Answer:
    """Prometheus' answer at one instant."""
    return _read(ask(url, "query", query=query, time=seconds(at_ms)))


def real_over(url: str, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
    """Prometheus' answer over a span."""
    span = {"start": seconds(start_ms), "end": seconds(end_ms), "step": seconds(step_ms)}
    return _read(ask(url, "query_range", query=query, **span))


def seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _read(answer: dict[str, Any]) -> Answer:
    if answer["status"] == "error":
        return "error", (answer["errorType"], answer["error"])
    kind, result = answer["data"]["resultType"], answer["data"]["result"]
    if kind == "scalar":
        return kind, (round(result[0] * 1000), float(result[1]))
    if kind == "string":
        return kind, (round(result[0] * 1000), result[1])
    return kind, [
        (
            tuple(sorted(one["metric"].items())),
            [(round(at * 1000), float(value)) for at, value in one.get("values", [one.get("value")])],
        )
        for one in result
    ]


def difference(ours: Answer, real: Answer, *, in_order: bool = False) -> str | None:
    """Where two answers differ first, or None; errors are equal if they are of the same kind."""
    if "error" in (ours[0], real[0]):
        same = ours[0] == real[0] and ours[1][0] == real[1][0]
        return None if same else f"ours {_short(ours)}, real {_short(real)}"
    if ours[0] != real[0]:
        return f"ours is a {ours[0]}, the real one a {real[0]}"
    if ours[0] == "string":
        return None if ours[1] == real[1] else f"ours {ours[1]}, real {real[1]}"
    if ours[0] == "scalar":
        return None if ours[1][0] == real[1][0] and close(ours[1][1], real[1][1]) else f"{ours[1]} != {real[1]}"
    if in_order and not all(close(a[0][1], b[0][1]) for (_, a), (_, b) in zip(ours[1], real[1], strict=False)):
        return f"other order: ours {_short(ours)}, real {_short(real)}"
    return _of_series(dict(ours[1]), dict(real[1]))


def _of_series(ours: Points, real: Points) -> str | None:
    if ours.keys() != real.keys():
        only_ours, only_real = sorted(ours.keys() - real.keys()), sorted(real.keys() - ours.keys())
        return f"only ours {only_ours[:3]}, only real {only_real[:3]} (of {len(ours)} and {len(real)})"
    for labels, points in real.items():
        mine = ours[labels]
        if [at for at, _ in mine] != [at for at, _ in points]:
            lacking = sorted({at for at, _ in mine} ^ {at for at, _ in points})
            return f"{labels}: other instants, {len(mine)} and {len(points)}: {lacking[:5]}"
        for (at, our_value), (_, real_value) in zip(mine, points, strict=True):
            if not close(our_value, real_value):
                return f"{labels} at {at}: {our_value!r} != {real_value!r}"
    return None


def close(a: float, b: float) -> bool:
    """Equal to nine digits, or both nothing but what rounding left of a difference."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= max(TOLERANCE * max(abs(a), abs(b)), ROUNDING)


def _short(answer: Answer) -> str:
    return str(answer)[:300]


@dataclass(frozen=True)
class Comparison:
    """A source, and a real Prometheus with the same series.

    Attributes:
        instants: Unix milliseconds to ask at.
        spans: start, end and step of range queries, in milliseconds.
    """

    source: Source
    url: str
    instants: tuple[int, ...]
    spans: tuple[tuple[int, int, int], ...]

    def differences(self, queries: Iterable[str]) -> list[str]:
        """What is different, in words."""
        return [words for query in queries for words in self.differences_of(query)]

    def differences_of(self, query: str) -> Iterator[str]:
        """As `differences`, for one query."""
        in_order = query.startswith(("sort", "topk(", "bottomk("))
        for at in self.instants:
            ours, real = ours_at(self.source, query, at), real_at(self.url, query, at)
            if words := difference(ours, real, in_order=in_order):
                yield f"{query} at {at}: {words}"
        for span in self.spans:
            if words := difference(ours_over(self.source, query, *span), real_over(self.url, query, *span)):
                yield f"{query} over {span}: {words}"
