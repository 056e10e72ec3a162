"""Answers of Prometheus in the shapes that panels draw."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .chart import Line, Mark
from .queries import API, Question, fill_in, questions
from .style import SERIES, colour

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Answers:
    """The answers to the queries of one dashboard, over one range of time."""

    def __init__(self, api: API, values: Mapping[str, str], start_s: float, end_s: float) -> None:
        self.api = api
        self.values = values
        self.start_s = start_s
        self.end_s = end_s

    def lines(self, panel: Mapping[str, Any]) -> list[Line]:
        """The series of a panel's range queries."""
        found: list[tuple[str, Sequence[tuple[float, float]]]] = []
        for question in questions(panel, self.values):
            for series in self.api.ask(question, self.start_s, self.end_s):
                points = [(float(at), float(value)) for at, value in series["values"]]
                found.append((_name(question.legend, series["metric"]), points))
        return [Line(name, SERIES[i % len(SERIES)], points) for i, (name, points) in enumerate(found)]

    def tables(self, panel: Mapping[str, Any]) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """By query: labels → value, of a panel's instant queries."""
        return {
            question.ref: {
                tuple(sorted(series["metric"].items())): float(series["value"][1])
                for series in self.api.ask(question, self.start_s, self.end_s)
            }
            for question in questions(panel, self.values)
        }

    def marks(self, dashboard: Mapping[str, Any]) -> list[Mark]:
        """Where each series of the enabled annotations begins."""
        marks = []
        for annotation in dashboard.get("annotations", {}).get("list", []):
            if not annotation["enable"]:
                continue
            expr = fill_in(annotation["expr"], self.values)
            question = Question(panel="annotation", ref=annotation["name"], expr=expr, legend="", instant=False)
            starts: set[float] = set()
            for series in self.api.ask(question, self.start_s, self.end_s):
                times = [float(at) for at, _ in series["values"]]
                starts.update(at for i, at in enumerate(times) if i == 0 or at - times[i - 1] > 16)
            marks += [Mark(at, colour(annotation["iconColor"])) for at in sorted(starts)]
        return marks


def _name(legend: str, metric: Mapping[str, str]) -> str:
    if not legend:
        inside = ", ".join(f'{k}="{v}"' for k, v in sorted(metric.items()) if k != "__name__")
        return f"{metric.get('__name__', '')}{{{inside}}}" if inside else metric.get("__name__", "Value")
    return _LABEL.sub(lambda found: metric.get(found[1], ""), legend)
