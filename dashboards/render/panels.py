"""Each kind of panel as HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any

from .chart import LEFT, Frame, Line, Mark, chart, time_labels
from .frames import Answers
from .graph import node_graph
from .queries import STEP_S
from .style import TEXT, by_thresholds, colour, write

Panel = Mapping[str, Any]
Size = tuple[int, int]

LEGEND_ROW = 17


def timeseries(panel: Panel, answers: Answers, marks: Sequence[Mark], size: Size) -> str:
    """Chart and legend table."""
    config, key = panel["fieldConfig"]["defaults"], panel["options"]["legend"]
    lines = answers.lines(panel)
    rows = min(len(lines), max(2, int(size[1] * 0.38 / LEGEND_ROW)))
    drawn = chart(
        lines,
        marks,
        config,
        size=(size[0], size[1] - (rows + 1) * LEGEND_ROW),
        span_s=(answers.start_s, answers.end_s),
    )
    return drawn + _legend(lines, rows, key, config)


_CALCS: Mapping[str, tuple[str, Callable[[Sequence[float]], float]]] = MappingProxyType(
    {"lastNotNull": ("Last *", lambda values: values[-1]), "max": ("Max", max), "min": ("Min", min)}
)


def _legend(lines: Sequence[Line], rows: int, key: Panel, config: Panel) -> str:
    calcs = key["calcs"]
    rank = _CALCS[calcs[-1]][1]
    lines = sorted(lines, key=lambda line: rank(_finite(line) or [0.0]), reverse=key["sortDesc"])
    head = "".join(f"<th>{_CALCS[calc][0]}</th>" for calc in calcs)
    body = []
    for line in lines[:rows]:
        values = _finite(line)
        cells = "".join(
            f"<td>{escape(write(_CALCS[calc][1](values), config.get('unit', 'none')) if values else '–')}</td>"
            for calc in calcs
        )
        body.append(f'<tr><td class="n"><i style="background:{line.colour}"></i>{escape(line.name)}</td>{cells}</tr>')
    return f'<table class="legend"><tr><th class="n">Name</th>{head}</tr>{"".join(body)}</table>'


def _finite(line: Line) -> list[float]:
    return [value for _, value in line.points if math.isfinite(value)]


def stat(panel: Panel, answers: Answers, marks: Sequence[Mark], size: Size) -> str:
    """One figure over a spark line."""
    del marks
    config = panel["fieldConfig"]["defaults"]
    lines = answers.lines(panel)
    values = [value for line in lines for _, value in line.points if math.isfinite(value)]
    last = next((v for line in lines for _, v in reversed(line.points) if math.isfinite(v)), None)
    shade = by_thresholds(last, config["thresholds"]["steps"]) if last is not None else TEXT
    if last is None:
        shown = config.get("noValue", "–")
    elif panel["options"].get("textMode") == "name":
        shown = lines[-1].name
    else:
        shown = write(last, config.get("unit", "none"), config.get("decimals"))
    spark = ""
    if last is not None and panel["options"].get("graphMode") == "area" and len(values) > 1:
        spark = _spark(lines[0], shade, size)
    letters = min(26, int(size[0] / max(len(shown), 1) / 0.64))
    return f'{spark}<div class="stat" style="color:{shade};font-size:{letters}px">{escape(shown)}</div>'


def _spark(line: Line, shade: str, size: Size) -> str:
    points = [(at, value) for at, value in line.points if math.isfinite(value)]
    low, high = min(v for _, v in points), max(v for _, v in points)
    start, end = points[0][0], points[-1][0]
    width, height = size[0], size[1] * 0.45
    path = "L".join(
        f"{(at - start) / (end - start or 1) * width:.1f} {height - (v - low) / (high - low or 1) * (height - 2):.1f}"
        for at, v in points
    )
    return (
        f'<svg class="spark" width="{width}" height="{height:.0f}"><path d="M{path}L{width} {height}L0 {height}z" '
        f'fill="{shade}" opacity=".2"/><path d="M{path}" fill="none" stroke="{shade}"/></svg>'
    )


def state_timeline(panel: Panel, answers: Answers, marks: Sequence[Mark], size: Size) -> str:
    """A bar for each series, coloured by value."""
    del marks
    mappings = {k: v for mapping in panel["fieldConfig"]["defaults"]["mappings"] for k, v in mapping["options"].items()}
    lines = sorted(answers.lines(panel), key=lambda line: line.points[0][0])
    names = min(max((len(line.name) for line in lines), default=0) * 7 + 16, size[0] // 2)
    frame = Frame(width=size[0] - names + LEFT, height=size[1] - 18, start_s=answers.start_s, end_s=answers.end_s)
    room = (frame.height - 24) / max(len(lines), 1)
    height = min(room * 0.8, 24)
    parts = [f'<svg width="{size[0]}" height="{frame.height}"><g transform="translate({names - LEFT} 0)">']
    parts += time_labels(frame)
    for row, line in enumerate(lines):
        y = row * room + 2
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + height / 2 + 4:.1f}" text-anchor="end" fill="{TEXT}" font-size="11">'
            f"{escape(line.name)}</text>"
        )
        for begin, end, value in _spells(line):
            if (shown := mappings.get(f"{value:g}")) is not None:
                left, right = frame.x(begin), frame.x(min(end, answers.end_s))
                parts.append(
                    f'<rect x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{height:.1f}" '
                    f'fill="{colour(shown["color"])}" opacity=".75"/>'
                )
    key = "".join(
        f'<span><i style="background:{colour(shown["color"])}"></i>{escape(shown["text"])}</span>'
        for shown in mappings.values()
    )
    return "".join(parts) + f'</g></svg><div class="key">{key}</div>'


def _spells(line: Line) -> list[tuple[float, float, float]]:
    """Times from which to which a value stays the same, and the value."""
    spells: list[tuple[float, float, float]] = []
    for at, value in line.points:
        if spells and spells[-1][2] == value and spells[-1][1] >= at:
            spells[-1] = (spells[-1][0], at + STEP_S, value)
        else:
            spells.append((at, at + STEP_S, value))
    return spells


def table(panel: Panel, answers: Answers, marks: Sequence[Mark], size: Size) -> str:
    """Rows joined by their labels."""
    del marks, size
    organize = next(t["options"] for t in panel["transformations"] if t["id"] == "organize")
    titles = organize["renameByName"]
    labels = [name for name in sorted(organize["indexByName"], key=organize["indexByName"].get) if name not in titles]
    overrides = {
        o["matcher"]["options"]: {p["id"]: p["value"] for p in o["properties"]}
        for o in panel["fieldConfig"]["overrides"]
    }
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    tables = answers.tables(panel)
    for ref, values in tables.items():
        title = titles[f"Value #{ref}" if len(tables) > 1 else "Value"]
        for metric, value in values.items():
            rows.setdefault(tuple(dict(metric).get(label, "") for label in labels), {})[title] = value
    order = sorted(rows)
    for sorting in panel["options"].get("sortBy", []):
        order.sort(key=lambda row: -rows[row].get(sorting["displayName"], -math.inf))
    head = "".join(f'<th class="n">{escape(name)}</th>' for name in labels)
    head += "".join(f"<th>{escape(name)}</th>" for name in titles.values())
    body = "".join(
        "<tr>"
        + "".join(f'<td class="n">{escape(name)}</td>' for name in row)
        + "".join(_cell(rows[row].get(title), overrides[title]) for title in titles.values())
        + "</tr>"
        for row in order
    )
    return f'<table class="data"><tr>{head}</tr>{body}</table>'


def _cell(value: float | None, look: Mapping[str, Any]) -> str:
    if value is None:
        return "<td></td>"
    text = escape(write(value, look.get("unit", "none"), look.get("decimals")))
    if "custom.cellOptions" not in look:
        return f"<td>{text}</td>"
    return f'<td style="background:{by_thresholds(value, look["thresholds"]["steps"])}bb;color:#fff">{text}</td>'


def graph(panel: Panel, answers: Answers, marks: Sequence[Mark], size: Size) -> str:
    """Circles and arrows."""
    del marks
    by_field: dict[str, dict[str, dict[str, float]]] = {"node": {}, "edge": {}}
    ends: dict[str, tuple[str, str]] = {}
    for ref, values in answers.tables(panel).items():
        kind, field = ref.split("_", 1)
        for metric, value in values.items():
            labels = dict(metric)
            by_field[kind].setdefault(labels["id"], {})[field] = value
            if kind == "edge":
                ends[labels["id"]] = (labels["source"], labels["target"])
    edges = {ends[name]: fields for name, fields in by_field["edge"].items()}
    return node_graph(by_field["node"], edges, panel["options"], size)


KINDS: Mapping[str, Callable[[Panel, Answers, Sequence[Mark], Size], str]] = MappingProxyType(
    {"timeseries": timeseries, "stat": stat, "state-timeline": state_timeline, "table": table, "nodeGraph": graph}
)
"""By the panel's type; others (logs) are left out."""
