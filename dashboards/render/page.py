"""A dashboard as one HTML page, laid out on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from .frames import Answers
from .panels import KINDS
from .queries import API, variables
from .style import BACKGROUND, BORDER, FAINT, PANEL, TEXT

CELL, GAP, HEAD = 30, 8, 44

STYLE = f"""
body {{ margin: 0; background: {BACKGROUND}; color: {TEXT}; font: 12px Inter, "DejaVu Sans", sans-serif;
  position: relative }}
header {{ height: {HEAD}px; line-height: {HEAD}px; padding: 0 14px; font-size: 15px }}
header span {{ float: right; font-size: 12px; color: {FAINT} }}
section {{ position: absolute; background: {PANEL}; border: 1px solid {BORDER}; border-radius: 2px;
  box-sizing: border-box; overflow: hidden; padding: 26px 6px 4px }}
section h2 {{ position: absolute; top: 6px; left: 8px; margin: 0; font-size: 12px; font-weight: 600 }}
.row {{ position: absolute; font-size: 14px; font-weight: 600; padding: 5px 8px }}
.stat {{ position: absolute; left: 0; right: 0; top: 40%; text-align: center; font-weight: 600 }}
.spark {{ position: absolute; left: 0; bottom: 0 }}
svg {{ display: block }} svg text {{ font-family: inherit }}
table {{ border-collapse: collapse; width: 100% }} th {{ font-weight: 500; color: #6e9fff }}
.legend td, .legend th {{ font-size: 11px; text-align: right; padding: 0 6px; height: 17px; line-height: 16px;
  white-space: nowrap }}
.legend .n {{ text-align: left; width: 99%; max-width: 0; overflow: hidden; text-overflow: ellipsis }}
.legend i, .key i {{ display: inline-block; width: 12px; height: 4px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle }}
.key span {{ margin: 0 14px 0 8px; font-size: 11px }}
.data td, .data th {{ text-align: right; padding: 4px 10px; border-bottom: 1px solid {BORDER}; height: 17px }}
.data td.n, .data th.n {{ text-align: left }}
"""


def page(
    dashboard: Mapping[str, Any],
    api: API,
    *,
    start_s: float,
    end_s: float,
    width: int = 1400,
    chosen: Mapping[str, str] | None = None,
    rows: int | None = None,
) -> tuple[str, int]:
    """The page, and its height in pixels.

    Args:
        chosen: values of variables instead of the saved ones, by `$name`.
        rows: how many lines of the grid are shown, from the top; all if None.
    """
    values = variables(dashboard) | dict(chosen or {})
    answers = Answers(api, values, start_s, end_s)
    marks = answers.marks(dashboard)
    column = (width - GAP) / 24
    parts, row, foot = [], "", 0
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        if rows is not None and at["y"] + at["h"] > rows:
            continue
        box = (
            round(GAP + at["x"] * column),
            HEAD + at["y"] * CELL,
            round(at["w"] * column) - GAP,
            at["h"] * CELL - GAP,
        )
        place = f"left:{box[0]}px;top:{box[1]}px;width:{box[2]}px;height:{box[3]}px"
        if panel["type"] == "row":
            row = f'<div class="row" style="{place}">⌄ {escape(panel["title"])}</div>'
            continue
        if panel["type"] not in KINDS:
            continue
        inside = KINDS[panel["type"]](panel, answers, marks, (box[2] - 14, box[3] - 32))
        parts.append(f'{row}<section style="{place}"><h2>{escape(panel["title"])}</h2>{inside}</section>')
        row = ""
        foot = max(foot, box[1] + box[3])
    clock = " to ".join(datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") for at in (start_s, end_s))
    shown = "".join(f"  {name.removeprefix('$')}: {value}" for name, value in values.items())
    head = f"<header>{escape(dashboard['title'])}{escape(shown)}<span>{clock} UTC</span></header>"
    document = f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><body>{head}{"".join(parts)}</body>'
    return document, foot + GAP
