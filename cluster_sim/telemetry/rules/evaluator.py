"""Evaluates rules one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...clock import WINDOW, unix_ms
from ..promql import Scalar, Vector, evaluate
from ..recordings import SeriesKey
from ..series import NAME
from .plan import Plan
from .rule import RecordingRule, Rule
from .step import Values

if TYPE_CHECKING:
    from ...cluster import Cluster

Result = tuple[tuple[SeriesKey, ...], Values]
"""The labels of the series that an expression yields, sorted, and their values; None: not there."""


class Evaluator:
    """Evaluates the rules of one cluster: by plan where they can be planned, else by the general evaluator."""

    def __init__(self, cluster: Cluster, rules: Sequence[Rule]) -> None:
        self.cluster = cluster
        self.rules = rules
        self._plan: Plan | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_plan": None}  # made again from the scrapes

    def evaluate(self, now: int) -> Iterator[Result]:
        """The result of each rule; what a rule records is to be stored before the next one is asked for."""
        if not self.rules:
            return
        if self.cluster.scrapes.interval != WINDOW:
            for rule in self.rules:
                yield generally(self.cluster, rule, now)
            return
        if self._plan is None:
            self._plan = Plan(self.cluster, self.rules)
        self._plan.advance(now)
        for rule, planned in zip(self.rules, self._plan.evaluate(), strict=True):
            if planned is None:
                yield generally(self.cluster, rule, now)
            else:
                yield planned.keys, planned.last


def generally(cluster: Cluster, rule: Rule, now: int) -> Result:
    """What the general evaluator makes of a rule."""
    found = evaluate(cluster.metrics, rule.expr, unix_ms(now, cluster.epoch_s))
    own = {**rule.labels, NAME: rule.record} if isinstance(rule, RecordingRule) else {}
    if isinstance(found, Scalar):
        return (tuple(sorted(own.items())),), [found.value]
    assert isinstance(found, Vector)
    keys = tuple(tuple(sorted({**sample.labels, **own}.items())) for sample in found.samples)
    return keys, [sample.value for sample in found.samples]
