"""Answers straight from the store of a cluster in this process, in the shape that Prometheus gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster_sim.telemetry import promql
from cluster_sim.telemetry.series import Series, Source

from .queries import STEP_S, QueryFailed, Question


@dataclass(frozen=True)
class Stored:
    """What `Prometheus` is for a server's address, for a store."""

    source: Source

    def ask(self, question: Question, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """The series of the answer: a matrix over the range, or a vector at its end.

        Raises:
            QueryFailed: with the engine's message.
        """
        start_ms, end_ms = round(start_s * 1000), round(end_s * 1000)
        try:
            if not question.instant:
                matrix = promql.evaluate_range(self.source, question.expr, start_ms, end_ms, STEP_S * 1000)
                return [_series(one) for one in matrix.series]
            vector = promql.evaluate(self.source, question.expr, end_ms)
        except promql.QueryError as error:
            raise QueryFailed(f"{question.expr}: {error}") from None
        if not isinstance(vector, promql.Vector):
            raise QueryFailed(f"{question.expr}: is not a vector")
        return [{"metric": dict(s.labels), "value": [s.at_ms / 1000, repr(s.value)]} for s in vector.samples]


def _series(series: Series) -> dict[str, Any]:
    points = zip(series.times.tolist(), series.values.tolist(), strict=True)
    return {"metric": dict(series.labels), "values": [[at / 1000, repr(value)] for at, value in points]}
