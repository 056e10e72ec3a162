"""Colours and numbers as Grafana's dark theme shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BACKGROUND, PANEL, BORDER, TEXT, FAINT, GRID = "#111217", "#181b1f", "#2c2f36", "#ccccdc", "#8e8f9b", "#25282e"

NAMED: Mapping[str, str] = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
    "text": TEXT,
}
SERIES = (
    "#73bf69",
    "#f2cc0c",
    "#8ab8ff",
    "#ff780a",
    "#f2495c",
    "#5794f2",
    "#b877d9",
    "#96d98d",
    "#ffcb7d",
    "#37872d",
    "#c0d8ff",
    "#e0b400",
    "#fa6400",
    "#c4162a",
    "#8f3bb8",
)
"""Lines take these in turn."""

_BINARY = ("B", "KiB", "MiB", "GiB")
_SUFFIX = {"reqps": " req/s", "ops": " ops/s", "none": ""}


def colour(name: str) -> str:
    """A colour by its name."""
    return NAMED.get(name, name)


def by_thresholds(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """The colour of the highest threshold that a value reaches."""
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return colour(reached[-1]["color"]) if reached else TEXT


def write(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit."""
    if value != value:
        return "–"
    if unit == "percentunit":
        return f"{_digits(value * 100, decimals)}%"
    if unit == "s":
        return _duration(value)
    if unit == "bytes":
        power = 0
        while abs(value) >= 1024 and power < len(_BINARY) - 1:
            value, power = value / 1024, power + 1
        return f"{_digits(value, decimals)} {_BINARY[power]}"
    return _digits(value, decimals) + _SUFFIX.get(unit, f" {unit}")


def _duration(value: float) -> str:
    if abs(value) >= 120:
        return f"{_digits(value / 60, None)} min"
    if abs(value) >= 1 or value == 0:
        return f"{_digits(value, None)} s"
    return f"{_digits(value * 1000, None)} ms"


def _digits(value: float, decimals: int | None) -> str:
    """As many decimals as asked for, or three digits in all."""
    value = round(value, 12) + 0.0  # no minus before a zero
    if decimals is not None:
        return f"{value:.{decimals}f}"
    size = abs(value)
    places = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text
