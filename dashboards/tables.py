"""Panels made of several instant queries joined by their labels: tables and the node graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, nodegraph, table
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

from .panels import GREEN, PROMETHEUS, RED, UNCOLOURED, Query, Steps, target, thresholds


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of figures.

    Attributes:
        title: at its head.
        expr: its series have the labels of the table's rows, and no others.
        steps: thresholds that colour the cell.
    """

    title: str
    expr: str
    unit: str = "none"
    steps: Steps = UNCOLOURED
    decimals: int | None = None


def table_panel(
    title: str,
    *columns: Column,
    labels: Sequence[str],
    description: str,
    span: int = 24,
    height: int = 8,
    sort_by: str = "",
) -> table.Panel:
    """A row for each combination of labels; the figures of all columns are as of the end of the time range."""
    panel = table.Panel().title(title).description(description).datasource(PROMETHEUS).span(span).height(height)
    refs = [chr(ord("A") + number) for number in range(len(columns))]
    for ref, column in zip(refs, columns, strict=True):
        panel.with_target(target(Query(column.expr), ref, "table"))
    values = [f"Value #{ref}" for ref in refs] if len(refs) > 1 else ["Value"]
    names = {value: column.title for value, column in zip(values, columns, strict=True)}
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    order = {name: number for number, name in enumerate([*labels, *values])}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
    for column in columns:
        panel.override_by_name(column.title, _cell(column))
    if sort_by:
        panel.sort_by([common.TableSortByFieldState().display_name(sort_by).desc(True)])
    return panel


def node_graph_panel(
    title: str,
    *,
    nodes: Sequence[tuple[str, str]],
    edges: Sequence[tuple[str, str]],
    units: tuple[str, str],
    description: str,
    span: int = 12,
    height: int = 12,
) -> nodegraph.Panel:
    """Circles and arrows.

    The panel looks for fields by name: those that are labels of the series (`id`, `title`, `source`, `target`) are
    there already, those that are values (`mainstat`, `secondarystat`, `arc__failed`) each are a query's.

    Args:
        nodes: field and expression.
        edges: likewise.
        units: of the main and the secondary figure.
    """
    panel = nodegraph.Panel().title(title).description(description).datasource(PROMETHEUS).span(span).height(height)
    for kind, fields in (("node", nodes), ("edge", edges)):
        for field, expr in fields:
            panel.with_target(target(Query(expr), f"{kind}_{field}", "table"))
        frames = models.MatcherConfig(id_val="byRefId", options=f"/^{kind}_/")
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}, filter_val=frames))
        for field, _ in fields:
            # A field gets the name that the panel looks for only where it is computed: renaming just changes its label.
            options = {
                "mode": "unary",
                "unary": {"operator": "abs", "fieldName": f"Value #{kind}_{field}"},
                "alias": field,
                "timeSeries": False,
            }
            panel.with_transformation(models.DataTransformerConfig(id_val="calculateField", options=options))
    main, secondary = units
    look = nodegraph.NodeOptions().main_stat_unit(main).secondary_stat_unit(secondary)
    look.arcs([nodegraph.ArcOption().field(field).color(colour) for field, colour in ARCS])
    arrows = nodegraph.EdgeOptions().main_stat_unit(main).secondary_stat_unit(secondary)
    return panel.nodes(look).edges(arrows)


ARCS = (("arc__failed", RED), ("arc__ok", GREEN))
"""The circle around a node: the fields of its parts, which add up to 1, and their colours."""


def _cell(column: Column) -> list[models.DynamicConfigValue]:
    properties = [
        models.DynamicConfigValue(id_val="unit", value=column.unit),
        models.DynamicConfigValue(id_val="thresholds", value=thresholds(column.steps).build()),
    ]
    if column.decimals is not None:
        properties.append(models.DynamicConfigValue(id_val="decimals", value=column.decimals))
    if len(column.steps) > 1:
        coloured = common_models.TableColoredBackgroundCellOptions(
            mode=common_models.TableCellBackgroundDisplayMode.BASIC
        )
        properties.append(models.DynamicConfigValue(id_val="custom.cellOptions", value=coloured))
    return properties
