"""Panels in the style that all dashboards share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from grafana_foundation_sdk.builders import common, dashboard, loki, prometheus, stat, statetimeline, text, timeseries
from grafana_foundation_sdk.builders import logs as logs_panel
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = common_models.DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI = common_models.DataSourceRef(type_val="loki", uid="loki")
GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"
UNCOLOURED: tuple[tuple[float | None, str], ...] = ((None, GREEN),)

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from which value on a colour holds; None for the lowest."""

P = TypeVar("P", timeseries.Panel, stat.Panel, statetimeline.Panel, logs_panel.Panel)


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        legend: the name of its series, with labels as `{{label}}`.
    """

    expr: str
    legend: str = ""


def timeseries_panel(
    title: str,
    *queries: Query,
    description: str,
    unit: str,
    span: int = 8,
    height: int = 8,
    steps: Steps = UNCOLOURED,
    stacked: bool = False,
    maximum: float | None = None,
    minimum: float | None = 0,
    calcs: Sequence[str] = ("lastNotNull", "max"),
) -> timeseries.Panel:
    """Lines over time with a table of `calcs` sorted by the last of them; thresholds are dashed lines."""
    panel = _panel(timeseries.Panel(), title, queries, description, unit, span, height, steps)
    panel.line_width(1).fill_opacity(60 if stacked else 8).show_points(common_models.VisibilityMode.NEVER)
    panel.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    panel.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(list(calcs))
        .sort_by(calcs[-1].capitalize())
        .sort_desc(calcs[-1] == "max")
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if len(steps) > 1:
        dashed = common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(dashed)
    if minimum is not None:
        panel.min(minimum)
    if maximum is not None:
        panel.max(maximum)
    return panel


def stat_panel(
    title: str,
    query: Query,
    *,
    description: str,
    unit: str,
    span: int = 3,
    height: int = 4,
    steps: Steps = UNCOLOURED,
    no_value: str = "0",
    decimals: int | None = None,
    textual: bool = False,
) -> stat.Panel:
    """One figure with a spark line; `textual` shows the names of series instead of values."""
    panel = _panel(stat.Panel(), title, (query,), description, unit, span, height, steps)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.color_mode(common_models.BigValueColorMode.VALUE)
    if textual:
        panel.text_mode(common_models.BigValueTextMode.NAME).graph_mode(common_models.BigValueGraphMode.NONE)
    if decimals is not None:
        panel.decimals(decimals)
    return panel.no_value(no_value)


def states_panel(
    title: str,
    *queries: Query,
    description: str,
    mappings: Sequence[tuple[str, str, str]] = (),
    unit: str = "none",
    span: int = 12,
    height: int = 8,
    steps: Steps = UNCOLOURED,
) -> statetimeline.Panel:
    """A bar over time for each series, in the colours of `mappings`: value, text, colour."""
    panel = _panel(statetimeline.Panel(), title, queries, description, unit, span, height, steps)
    panel.merge_values(True).row_height(0.8).show_value(common_models.VisibilityMode.NEVER).per_page(30)
    panel.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if mappings:
        options = {
            value: models.ValueMappingResult(text=shown, color=colour, index=number)
            for number, (value, shown, colour) in enumerate(mappings)
        }
        panel.mappings([models.ValueMap(options=options)])
    return panel


def logs(title: str, expr: str, *, description: str, span: int = 24, height: int = 10) -> logs_panel.Panel:
    """Log lines from Loki, newest first."""
    panel = logs_panel.Panel().title(title).description(description).datasource(LOKI).span(span).height(height)
    panel.with_target(loki.Dataquery().expr(expr).query_type("range").ref_id("A").datasource(LOKI))
    panel.show_time(True).wrap_log_message(True).sort_order(common_models.LogsSortOrder.DESCENDING)
    return panel.enable_log_details(True)


def note(content: str, *, span: int = 24, height: int = 3) -> text.Panel:
    """A text in Markdown."""
    return text.Panel().title("").transparent(True).content(content).span(span).height(height)


def target(query: Query, ref: str, form: Literal["range", "table"] = "range") -> prometheus.Dataquery:
    """What Grafana sends: a range query, or an instant query read as a table."""
    built = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(PROMETHEUS)
    if form == "table":
        return built.instant().format(PromQueryFormat.TABLE)
    return built.range().legend_format(query.legend)


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Colours from some values on."""
    config = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE)
    return config.steps([models.Threshold(value=value, color=colour) for value, colour in steps])


def _panel(
    panel: P, title: str, queries: Sequence[Query], description: str, unit: str, span: int, height: int, steps: Steps
) -> P:
    """What panels of Prometheus queries have in common."""
    built: Any = panel
    built.title(title).description(description).datasource(PROMETHEUS).unit(unit).span(span).height(height)
    for number, query in enumerate(queries):
        built.with_target(target(query, chr(ord("A") + number)))
    built.thresholds(thresholds(steps))
    return panel
