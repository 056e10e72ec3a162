"""The queries of a dashboard as Grafana would send them, and their answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

STEP_S = 15
BUILT_IN = {"$__rate_interval": "1m", "$__interval": f"{STEP_S}s", "$__range": "30m"}
"""Grafana takes four scrapes for the rate interval while the step is no longer than a scrape."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query with its variables filled in."""

    panel: str
    ref: str
    expr: str
    legend: str
    instant: bool


class QueryFailed(Exception):
    """Prometheus refused a query."""


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The panels that show something; rows are just headings."""
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def variables(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a dashboard with the values they are saved with."""
    found = dashboard.get("templating", {}).get("list", [])
    return {f"${variable['name']}": variable["current"]["value"] for variable in found}


def fill_in(expr: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables; the longest names first, as one may begin like another."""
    for name, value in sorted((BUILT_IN | dict(values)).items(), key=lambda item: -len(item[0])):
        expr = expr.replace(name, value)
    return expr


def questions(panel: Mapping[str, Any], values: Mapping[str, str]) -> list[Question]:
    """What a panel asks Prometheus."""
    return [
        Question(
            panel=panel["title"],
            ref=target["refId"],
            expr=fill_in(target["expr"], values),
            legend=target.get("legendFormat", ""),
            instant=bool(target.get("instant")),
        )
        for target in panel.get("targets", [])
        if target["datasource"]["type"] == "prometheus"
    ]


class API(Protocol):
    """What answers queries."""

    def ask(self, question: Question, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """The series of the answer: a matrix over the range, or a vector at its end."""
        ...


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus HTTP API, a real one's or a session's.

    Attributes:
        url: what `/api/v1/query` is appended to.
    """

    url: str

    def ask(self, question: Question, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """The series of the answer: a matrix over the range, or a vector at its end.

        Raises:
            QueryFailed: with the server's message.
        """
        if question.instant:
            return self.query("query", query=question.expr, time=str(end_s))
        span = {"start": str(start_s), "end": str(end_s), "step": str(STEP_S)}
        return self.query("query_range", query=question.expr, **span)

    def now_s(self) -> float:
        """The server's time, which in a session is simulated."""
        return float(self.query("query", query="vector(time())")[0]["value"][1])

    def query(self, kind: str, **parameters: str) -> list[dict[str, Any]]:
        """The result of one request."""
        url = f"{self.url}/api/v1/{kind}"
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(url, data=body, timeout=30) as answer:
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            raise QueryFailed(f"{parameters['query']}: {error.read().decode()}") from None
