"""Evaluates rules, for as many instants at once as are due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...clock import WINDOW, unix_ms
from ..promql import Scalar, Vector, evaluate
from ..recordings import SeriesKey
from ..series import NAME
from .compiler import Outline
from .leaf import Unsupported
from .part import InSight, Labels, Part, in_sight, part_of
from .plan import Plan, plan_of
from .rule import RecordingRule, Rule
from .sight import Sight, look
from .view import View

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ..scrape import Block

_MOST = 64
"""Instants that are evaluated at once (chosen: what that takes stays below a few megabytes)."""

_FEW = 8
"""Instants for which the arrays are kept until the next time (chosen: those for forty take half a megabyte)."""


class Outcome(NamedTuple):
    """What a rule yields at some instants.

    Attributes:
        keys: labels of the series, sorted.
        columns: for each series its values; None where it is not there.
    """

    keys: Sequence[SeriesKey]
    columns: Sequence[Sequence[float | None]]


class Evaluator:
    """Evaluates the rules of one cluster: by plan where they can be planned, else by the general evaluator."""

    def __init__(self, cluster: Cluster, rules: Sequence[Rule]) -> None:
        self.cluster = cluster
        self.rules = rules
        self._refused: frozenset[object] = frozenset()
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"cluster": self.cluster, "rules": self.rules}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _refused=frozenset())
        self._forget()  # it is made again from the scrapes

    def _forget(self) -> None:
        self._plan: Plan | None = None
        self._view: View | None = None
        self._blocks: list[tuple[Block, ...]] = []
        self._targets: dict[tuple[Block, ...], InSight] = {}
        self._parts: dict[Block, tuple[Part, Labels]] = {}

    def evaluate(self, instants: Sequence[int]) -> Iterator[tuple[Sequence[int], Iterator[Outcome]]]:
        """What the rules yield: for the instants that can be done at once, an outcome for each rule.

        What a rule records is to be stored before the outcome of the next one is asked for.

        Args:
            instants: one interval after the other, after those that have been evaluated.
        """
        planned = self.cluster.scrapes.interval == WINDOW
        done = 0
        while self.rules and done < len(instants):
            if not planned:
                now = instants[done]
                yield (now,), (generally(self.cluster, rule, now) for rule in self.rules)
                done += 1
                continue
            if self._plan is None:
                self._plan = plan_of(tuple([Outline.of(rule) for rule in self.rules]), self._refused)
            due = instants[done : done + (1 if None in self._plan.rules else _MOST)]
            try:
                outcomes = self._by(self._plan, due)
            except Unsupported as error:
                self._refused |= {error.what}
                self._forget()
            else:
                yield due, outcomes
                done += len(due)

    def _by(self, plan: Plan, instants: Sequence[int]) -> Iterator[Outcome]:
        now = instants[-1]
        phase = 0 if self.cluster.spec.scrape.jitter else 1
        depth = max([span // WINDOW + phase for span in plan.spans], default=1)
        # Nothing was scraped before the first evaluation there ever was.
        rows = min(len(instants) + depth - 1, now // WINDOW)
        sight = look(self.cluster.scrapes.targets, now, rows)
        view = self._view
        if view is None or sight.blocks != self._blocks:
            view = self._view = self._viewed(plan, sight, phase)
            self._blocks = sight.blocks
        batch = view.evaluate(sight, instants, depth)
        computed = view.computation
        if len(instants) > _FEW:
            self._view = None
        return self._in_order(plan, computed.recorded(batch), iter(computed.alerting(batch)), now)

    def _viewed(self, plan: Plan, sight: Sight, phase: int) -> View:
        targets, parts = self._targets, self._parts
        self._targets, self._parts = {}, {}
        for target, blocks in zip(sight.targets, sight.blocks, strict=True):
            for block in blocks:
                self._parts[block] = parts.get(block) or part_of(plan, target, block)
            known = targets.get(blocks)
            self._targets[blocks] = known or in_sight(plan, [self._parts[block] for block in blocks])
        return View(plan, sight, list(self._targets.values()), self.cluster.recordings, phase, self._view)

    def _in_order(self, plan: Plan, recorded: Iterator[Any], alerting: Iterator[Any], now: int) -> Iterator[Outcome]:
        for rule, node in zip(self.rules, plan.rules, strict=True):
            if node is None:
                yield generally(self.cluster, rule, now)
            else:
                yield Outcome(*next(recorded if isinstance(rule, RecordingRule) else alerting))


def generally(cluster: Cluster, rule: Rule, now: int) -> Outcome:
    """What the general evaluator makes of a rule."""
    found = evaluate(cluster.metrics, rule.expr, unix_ms(now, cluster.epoch_s))
    own = {**rule.labels, NAME: rule.record} if isinstance(rule, RecordingRule) else {}
    if isinstance(found, Scalar):
        return Outcome((tuple(sorted(own.items())),), [[found.value]])
    assert isinstance(found, Vector)
    keys = tuple(tuple(sorted({**sample.labels, **own}.items())) for sample in found.samples)
    return Outcome(keys, [[sample.value] for sample in found.samples])
