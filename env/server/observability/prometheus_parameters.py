"""What a request of Prometheus' API asks for, or how Prometheus says that it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cluster_sim import Matcher, Series, promql

from .access import MILLISECOND, Reading
from .parameters import parse_duration, parse_instant
from .prometheus_wire import APIError, bad_data, invalid

FAR = 2**42
"""Milliseconds, 139 years: times farther from 1970 than this are taken for as far."""
EMPTY = "must contain at least one non-empty matcher"


def time_of(reading: Reading, name: str) -> int:
    """A time in milliseconds of simulated Unix time."""
    text = reading.parameters.get(name)
    try:
        wanted = reading.clock.inward(parse_instant(text)) // MILLISECOND
    except ValueError:
        raise invalid(name, f'cannot parse "{text}" to a valid timestamp') from None
    return max(-FAR, min(wanted, FAR))


def optional_time_of(reading: Reading, name: str, otherwise: int) -> int:
    if not reading.parameters.get(name):
        return otherwise
    try:
        return time_of(reading, name)
    except APIError as error:
        reason = error.message.partition(": ")[2]
        raise invalid(name, f"Invalid time value for '{name}': {reason}") from None


def span_of(reading: Reading) -> tuple[int, int]:
    """From `start` to `end`, by default all there is."""
    return optional_time_of(reading, "start", 0), optional_time_of(reading, "end", reading.clock.now_ms)


def duration_of(reading: Reading, name: str) -> int:
    """A duration in milliseconds."""
    text = reading.parameters.get(name)
    try:
        return parse_duration(text) // MILLISECOND
    except ValueError:
        raise invalid(name, f'cannot parse "{text}" to a valid duration') from None


def check_timeout(reading: Reading) -> None:
    """Queries have a limit of their own, so that a timeout need only be one."""
    if reading.parameters.get("timeout"):
        duration_of(reading, "timeout")


def limit_of(reading: Reading, message: str) -> int | None:
    text = reading.parameters.get("limit")
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text):
        raise bad_data(message)
    return int(text) if int(text) >= 0 else None


def parsed(reading: Reading) -> promql.Expr:
    try:
        return promql.parse(reading.parameters.get("query"))
    except promql.QueryError as error:
        raise invalid("query", error.message) from None


def matching(reading: Reading) -> Iterator[Series]:
    """The series that meet any of the `match[]` within the span asked about."""
    start, end = span_of(reading)
    chosen: list[Sequence[Matcher]] = [selector_of(text) for text in reading.parameters.all("match[]")]
    for matchers in chosen or [()]:
        yield from reading.cluster.metrics.select(matchers, start, end)


def selector_of(text: str) -> Sequence[Matcher]:
    try:
        return promql.parse_selector(text)
    except promql.QueryError as error:
        if EMPTY in error.message:
            raise promql.QueryError("bad_data", f"match[] {EMPTY}") from None
        raise
