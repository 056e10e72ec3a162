"""Durations and sizes as LogQL and log lines write them; the units are those of Go's time and humanize packages."""

from __future__ import annotations

import re

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONG = {"d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9, "y": 365 * 86_400 * 10**9}
_PREFIXES = "kmgtpe"
_BYTES = {
    "b": 1,
    **{f"{prefix}b": 1000**power for power, prefix in enumerate(_PREFIXES, 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate(_PREFIXES, 1)},
}
_PART = re.compile(r"(\d{1,18}(?:\.\d{0,18})?)([a-zµμ]{1,2})")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{0,18})?) ?([A-Za-z]{1,3})")
LONGEST = 100 * _LONG["y"]
"""Nanoseconds of the longest duration (chosen: with it, times of any query stay within 64 bits)."""


def duration_ns(text: str, *, long: bool = True) -> int | None:
    """The nanoseconds of `5m`, `1h30m` or `1.5s`; None if it is no duration.

    Args:
        long: whether days, weeks and years are units.
    """
    sign = -1 if text[:1] == "-" else 1
    text = text[1:] if text[:1] in ("-", "+") else text
    total = 0.0
    whole = 0
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            return None
        unit = _NANOSECONDS.get(part[2]) or (_LONG.get(part[2]) if long else None)
        if unit is None:
            return None
        if "." in part[1]:
            total += float(part[1]) * unit
        else:
            whole += int(part[1]) * unit
        place = part.end()
    found = sign * (whole + round(total))
    return found if place and abs(found) <= LONGEST else None


def size_bytes(text: str) -> float | None:
    """The bytes of `20MB`, `1.5KiB` or `42B`; None if it is no size."""
    found = _SIZE.fullmatch(text)
    unit = _BYTES.get(found[2].lower()) if found else None
    return None if found is None or unit is None else float(found[1]) * unit
