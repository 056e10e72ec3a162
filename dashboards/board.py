"""A dashboard in the making: what all of ours share, its rows and its panels."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from cluster_sim.telemetry.metrics import application, kubernetes

from .panels import BLUE, ORANGE, PROMETHEUS, RED
from .promql import select, total

TAG = "incident-response"
COLUMNS = 24
"""Of Grafana's grid."""

STARTED = f"time() - {select(application.START_TIME)} < 30"
"""Processes that began less than two scrapes ago."""
DEPLOYED = " or ".join(
    f"{total(f'changes({select(spec)}[30s])', by='service')} > 0"
    for spec in (
        kubernetes.GENERATION,
        kubernetes.STATEFULSET_GENERATION,
        kubernetes.SPEC_REPLICAS,
        kubernetes.STATEFULSET_SPEC,
    )
)
"""Workloads that were rolled out anew or scaled since the scrape before last."""
PAGES = 'ALERTS{alertstate="firing", severity="critical"}'
TICKETS = 'ALERTS{alertstate="firing", severity="warning"}'
"""`ALERTS` is made by Prometheus itself from the alert rules."""


class Board:
    """One dashboard, by the uid under which others link to it."""

    def __init__(self, uid: str, title: str, description: str) -> None:
        self._builder = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).timezone("utc")
        self._builder.time("now-30m", "now").refresh("15s").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
        self._builder.link(
            dashboard.DashboardLink("Dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        self._panels = 0
        self._skyline = [0] * COLUMNS
        for name, expr, title_format, text_format, colour in (
            ("Pages", PAGES, "{{alertname}}", "{{service}} ({{severity}})", RED),
            ("Tickets", TICKETS, "{{alertname}}", "{{service}} ({{severity}})", ORANGE),
            ("Deploys", DEPLOYED, "Deploy", "{{service}}", BLUE),
            ("Starts", STARTED, "Process started", "{{pod}}", "purple"),
        ):
            self._annotate(name, expr, title_format, text_format, colour)

    def row(self, title: str) -> Board:
        """Begin a row."""
        self._panels += 1
        top = max(self._skyline)
        row = dashboard.Row(title).id(self._panels).grid_pos(models.GridPos(x=0, y=top, w=COLUMNS, h=1))
        self._builder.with_row(row)
        self._skyline = [top + 1] * COLUMNS
        return self

    def add(self, *panels: Builder[models.Panel]) -> Board:
        """Add panels, each as high up as it fits, and there as far to the left."""
        for panel in panels:
            self._panels += 1
            built = panel.build()
            built.id_val = self._panels
            at = built.grid_pos
            assert at is not None
            at.y, at.x = min((max(self._skyline[x : x + at.w]), x) for x in range(COLUMNS - at.w + 1))
            self._skyline[at.x : at.x + at.w] = [at.y + at.h] * at.w
            self._builder.with_panel(panel)
        return self

    def choose(self, name: str, label: str, query: str, current: str) -> Board:
        """Add a variable whose values are those that a label has."""
        self._builder.with_variable(
            dashboard.QueryVariable(name)
            .label(label)
            .query({"query": query, "refId": "values"})
            .datasource(PROMETHEUS)
            .current(models.VariableOption(selected=True, text=current, value=current))
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC)
        )
        return self

    def build(self) -> models.Dashboard:
        """The finished dashboard."""
        return self._builder.build()

    def _annotate(self, name: str, expr: str, title: str, text: str, colour: str) -> None:
        self._builder.annotation(
            dashboard.AnnotationQuery()
            .name(name)
            .datasource(PROMETHEUS)
            .enable(name in ("Pages", "Deploys"))
            .expr(expr)
            .title_format(title)
            .text_format(text)
            .step("15s")
            .icon_color(colour)
        )
