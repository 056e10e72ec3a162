"""What a request of a read API asks for: its parameters, and the times and durations written in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

from fastapi import Request

SECOND = 1_000_000_000
FORM = "application/x-www-form-urlencoded"

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS = (31_536_000 * SECOND, 604_800 * SECOND, 86_400 * SECOND, 3_600 * SECOND, 60 * SECOND, SECOND, 1_000_000)
"""Years, weeks, days, hours, minutes, seconds, milliseconds; source: prometheus/common, model/time.go."""
_LONGEST = 2**63


class Parameters:
    """Query and form parameters; of a name given more than once the first counts, the form's before the query's.

    That is the order of Go's `Request.FormValue`, which all four of the real servers use.
    """

    def __init__(self, given: Iterable[tuple[str, str]]) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in given:
            self._given.setdefault(name, []).append(value)

    def get(self, name: str, default: str = "") -> str:
        """The first value; an empty one counts as absent."""
        return self._given.get(name, [""])[0] or default

    def all(self, name: str) -> Sequence[str]:
        return self._given.get(name, [])

    def as_mapping(self) -> Mapping[str, Sequence[str]]:
        return self._given


async def read_parameters(request: Request) -> Parameters:
    """The parameters of a GET, or of a POST with a form."""
    form: list[tuple[str, str]] = []
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        body = (await request.body()).decode("utf-8", "replace")
        form = parse_qsl(body, keep_blank_values=True)
    return Parameters([*form, *request.query_params.multi_items()])


def parse_instant(text: str) -> int:
    """Nanoseconds of Unix time of a decimal number of seconds or of an RFC 3339 date and time; at most 64 bits.

    Raises:
        ValueError: it is neither.
    """
    if (written := _RFC3339.fullmatch(text)) is not None:
        day, clock, fraction, zone = written.groups()
        whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}").astimezone(UTC)
        return int(whole.timestamp()) * SECOND + int((fraction or "").ljust(9, "0"))
    return max(-_LONGEST, min(parse_seconds(text), _LONGEST - 1))


def parse_seconds(text: str) -> int:
    """Nanoseconds of a decimal number of seconds.

    Raises:
        ValueError: it is no number.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return int(Decimal(text) * SECOND)


def parse_duration(text: str) -> int:
    """Nanoseconds of a decimal number of seconds or of a duration such as `1h30m`.

    Raises:
        ValueError: it is neither, or out of the range of 64 bits.
    """
    written = _DURATION.fullmatch(text)
    if not text or (written is None or not any(written.groups())):
        return _in_range(parse_seconds(text))
    counts = (int(count or 0) for count in written.groups())
    return _in_range(sum(count * unit for count, unit in zip(counts, _UNITS, strict=True)))


def _in_range(value: int) -> int:
    if not -_LONGEST <= value < _LONGEST:
        raise ValueError
    return value
