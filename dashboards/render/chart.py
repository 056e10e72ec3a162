"""Lines over time as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from .style import FAINT, GRID, colour, write

LEFT, RIGHT, TOP, BOTTOM = 58, 10, 8, 20


@dataclass(frozen=True)
class Line:
    """One series, named and coloured."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """An annotation: a dashed line across."""

    at_s: float
    colour: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A drawing area, with the times at its ends and the values at its foot and head."""

    width: int
    height: int
    start_s: float
    end_s: float
    low: float = 0.0
    high: float = 1.0

    def x(self, at_s: float) -> float:
        """Where an instant is."""
        return LEFT + (at_s - self.start_s) / (self.end_s - self.start_s) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)


def chart(
    lines: Sequence[Line],
    marks: Iterable[Mark],
    config: Mapping[str, Any],
    *,
    size: tuple[int, int],
    span_s: tuple[float, float],
) -> str:
    """The panel's chart; `config` is the panel's field configuration."""
    custom = config.get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    shown = _stack(lines) if stacked else lines
    unit = config.get("unit", "none")
    ticks = _ticks(shown, config)
    frame = Frame(width=size[0], height=size[1], start_s=span_s[0], end_s=span_s[1], low=ticks[0], high=ticks[-1])
    parts = [f'<svg width="{size[0]}" height="{size[1]}">']
    parts += _grid(frame, ticks, unit)
    if custom.get("thresholdsStyle", {}).get("mode") == "dashed":
        parts += _thresholds(frame, config["thresholds"]["steps"])
    fill = custom.get("fillOpacity", 0) / 100
    for number in reversed(range(len(shown))):
        below = shown[number - 1].points if stacked and number else ()
        parts += _line(frame, shown[number], below, fill)
    for mark in marks:
        x = frame.x(mark.at_s)
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{frame.height - BOTTOM}" stroke="{mark.colour}" stroke-dasharray="4 3" '
            f'opacity=".8"/><path d="M{x - 4:.1f} {frame.height - BOTTOM + 6}h8l-4 -6z" fill="{mark.colour}"/>'
        )
    return "".join(parts) + "</svg>"


def time_labels(frame: Frame) -> list[str]:
    """Clock times along the foot."""
    minutes = (frame.end_s - frame.start_s) / 60
    every = 60 * next(step for step in (1, 2, 5, 10, 15, 30, 60, 1e9) if minutes / step <= max(frame.width / 90, 2))
    first = math.ceil(frame.start_s / every) * every
    labels = []
    at = first
    while frame.x(at) <= frame.width - 2 * RIGHT:
        clock = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        labels.append(
            f'<text x="{frame.x(at):.0f}" y="{frame.height - 4}" text-anchor="middle" fill="{FAINT}" '
            f'font-size="11">{clock}</text>'
        )
        at += every
    return labels


def _grid(frame: Frame, ticks: Sequence[float], unit: str) -> list[str]:
    parts = time_labels(frame)
    for tick in ticks:
        y = frame.y(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{frame.width - RIGHT}" stroke="{GRID}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{FAINT}" font-size="11">'
            f"{escape(write(tick, unit))}</text>"
        )
    return parts


def _thresholds(frame: Frame, steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f'<path d="M{LEFT} {frame.y(step["value"]):.1f}H{frame.width - RIGHT}" stroke="{colour(step["color"])}" '
        f'stroke-dasharray="8 6" opacity=".7"/>'
        for step in steps
        if step["value"] is not None and frame.low < step["value"] < frame.high
    ]


def _line(frame: Frame, line: Line, below: Sequence[tuple[float, float]], fill: float) -> list[str]:
    parts = []
    floor = dict(below)
    for run in _runs(line.points):
        there = [f"{frame.x(t):.1f} {frame.y(v):.1f}" for t, v in run]
        back = [f"{frame.x(t):.1f} {frame.y(floor.get(t, 0.0)):.1f}" for t, _ in reversed(run)]
        if fill:
            parts.append(f'<path d="M{"L".join(there + back)}z" fill="{line.colour}" opacity="{fill:g}"/>')
        parts.append(f'<path d="M{"L".join(there)}" fill="none" stroke="{line.colour}" stroke-width="1.4"/>')
    return parts


def _runs(points: Sequence[tuple[float, float]], gap_s: float = 40.0) -> list[list[tuple[float, float]]]:
    """Stretches without a gap."""
    runs: list[list[tuple[float, float]]] = []
    for at, value in points:
        if not math.isfinite(value):
            continue
        if not runs or at - runs[-1][-1][0] > gap_s:
            runs.append([])
        runs[-1].append((at, value))
    return runs


def _stack(lines: Sequence[Line]) -> list[Line]:
    total: dict[float, float] = {}
    stacked = []
    for line in lines:
        for at, value in line.points:
            total[at] = total.get(at, 0.0) + (value if math.isfinite(value) else 0.0)
        stacked.append(Line(line.name, line.colour, [(at, total[at]) for at, _ in line.points]))
    return stacked


def _ticks(lines: Sequence[Line], config: Mapping[str, Any]) -> list[float]:
    """Round values from the lowest to the highest, four or five of them."""
    values = [value for line in lines for _, value in line.points if math.isfinite(value)] or [0.0, 1.0]
    low = config["min"] if config.get("min") is not None else min(values)
    high = config["max"] if config.get("max") is not None else max(values)
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / 4
    base = 1024 ** math.floor(math.log(rough, 1024)) if config.get("unit") == "bytes" else 1
    power = base * 10 ** math.floor(math.log10(rough / base))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
