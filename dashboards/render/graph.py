"""The node graph: services in layers from left to right, arrows between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from .style import FAINT, PANEL, TEXT, colour

Fields = Mapping[str, float]
RADIUS = 38


def node_graph(
    nodes: Mapping[str, Fields],
    edges: Mapping[tuple[str, str], Fields],
    options: Mapping[str, Any],
    size: tuple[int, int],
) -> str:
    """Circles with their figures, and arrows with theirs."""
    main, secondary = options["nodes"]["mainStatUnit"], options["nodes"]["secondaryStatUnit"]
    places = _places(nodes, edges, size)
    parts = [
        f'<svg width="{size[0]}" height="{size[1]}"><defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" '
        f'refY="4" orient="auto"><path d="M0 0L8 4L0 8z" fill="{FAINT}"/></marker></defs>'
    ]
    for (source, target), fields in edges.items():
        if source in places and target in places:
            parts.append(_arrow(places[source], places[target], fields))
    for name, (x, y) in places.items():
        parts.append(_circle(name, x, y, nodes[name], options["nodes"]["arcs"], (main, secondary)))
    return "".join(parts) + "</svg>"


def _places(
    nodes: Mapping[str, Fields], edges: Mapping[tuple[str, str], Fields], size: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    """A node stands to the right of all that call it."""
    layer = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in edges:
            if source in layer and target in layer:
                layer[target] = min(max(layer[target], layer[source] + 1), len(nodes))
    columns: dict[int, list[str]] = {}
    for name in sorted(nodes, key=lambda name: (layer[name], name)):
        columns.setdefault(layer[name], []).append(name)
    places = {}
    for i, column in enumerate(columns[key] for key in sorted(columns)):
        x = RADIUS + 30 + i * (size[0] - 2 * RADIUS - 60) / max(len(columns) - 1, 1)
        for j, name in enumerate(column):
            # Columns of one are put off the middle in turn, so that arrows past them stay visible.
            middle = 0.5 if len(column) > 1 or i == 0 else (0.86 if i % 2 else 0.3)
            y = size[1] * ((j + 0.5) / len(column) if len(column) > 1 else middle) - 8
            places[name] = (x, y)
    return places


def _arrow(start: tuple[float, float], end: tuple[float, float], fields: Fields) -> str:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    x1, y1 = start[0] + ux * (RADIUS + 3), start[1] + uy * (RADIUS + 3)
    x2, y2 = end[0] - ux * (RADIUS + 5), end[1] - uy * (RADIUS + 5)
    failed = fields.get("secondarystat", 0.0)
    shade = colour("red") if failed >= 5 else colour("orange") if failed >= 1 else FAINT
    text = f"{fields.get('mainstat', 0):.1f}/s" + (f" {failed:.0f}% failed" if failed >= 1 else "")
    # Off the middle, where arrows cross.
    x, y = x1 + (x2 - x1) * 0.4, y1 + (y2 - y1) * 0.4 - 4
    return (
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{shade}" marker-end="url(#tip)" opacity=".9"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="10" '
        f'fill="{shade}" stroke="{PANEL}" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )


def _circle(
    name: str, x: float, y: float, fields: Fields, arcs: list[Mapping[str, str]], units: tuple[str, str]
) -> str:
    around = 2 * math.pi * RADIUS
    parts, begun = [], 0.0
    for arc in arcs:
        share = max(fields.get(arc["field"], 0.0), 0.0)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{PANEL}" fill-opacity="0" '
            f'stroke="{colour(arc["color"])}" stroke-width="5" '
            f'stroke-dasharray="{share * around:.1f} {around:.1f}" stroke-dashoffset="{-begun * around:.1f}" '
            f'transform="rotate(-90 {x:.1f} {y:.1f})"/>'
        )
        begun += share
    texts = (
        (y - 2, 12, TEXT, f"{fields.get('mainstat', 0):.1f} {units[0]}"),
        (y + 13, 10, TEXT, f"{fields.get('secondarystat', 0):.1f} {units[1]}"),
        (y + RADIUS + 17, 12, TEXT, name),
    )
    for at, size, shade, text in texts:
        parts.append(
            f'<text x="{x:.1f}" y="{at:.1f}" text-anchor="middle" font-size="{size}" fill="{shade}" '
            f'stroke="{PANEL}" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
        )
    return "".join(parts)
