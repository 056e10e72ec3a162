"""Rules made into steps, each done once per evaluation however many rules need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from ...clock import MILLISECOND, SECOND, WINDOW
from ..promql import Aggregate, Binary, Call, Expr, Number, Paren, Range, Selector, parse
from ..recordings import SeriesKey
from ..series import NAME
from .leaves import Buckets, Growth, Quantile, Recorded, Recording, Scraped, SumOverTime
from .operations import AGGREGATIONS, ARITHMETIC, COMPARISONS, Aggregation, And, Arithmetic, Limit, Or, Scaled
from .recent import Recent
from .rule import RecordingRule, Rule
from .step import NOTHING, Labels, Step, Values
from .want import Unsupported, UnsupportedSeries, Want, want

if TYPE_CHECKING:
    from ...cluster import Cluster


_QUIET_FOR = 6
"""Evaluations for which nothing must have changed (chosen)."""


class Planned:
    """A rule's last step.

    Attributes:
        leaves: the scraped series that are all it looks at; None where it looks at others, too.
        guard: a recording that has to be above a number for there to be anything.
        keys: labels of the series, sorted; of a recording rule as they are recorded.
        last: the values at the last evaluation.
    """

    def __init__(self, step: Step) -> None:
        self.leaves = _leaves(step)
        self.guard = _guard(step)
        self.keys: tuple[SeriesKey, ...] = ()
        self.last: Values = NOTHING
        self._step = step
        self._seen: Sequence[Labels] | None = None

    def values(self) -> Values:
        """The values of the series that `keys` are the labels of."""
        values = self.last = self._step.values()
        if values and self._step.labels is not self._seen:
            self._seen = self._step.labels
            self.keys = tuple(tuple(sorted(labels.items())) for labels in self._seen)
        return values


def _leaves(step: Step) -> list[Scraped] | None:
    if isinstance(step, Scraped):
        return [step]
    if step.sources is None:
        return None
    found = [_leaves(source) for source in step.sources]
    return [leaf for leaves in found for leaf in leaves or ()] if None not in found else None


def _guard(step: Step) -> tuple[Recording, float] | None:
    if isinstance(step, And):
        return _guard(step.left)
    if isinstance(step, Limit) and step.holds is COMPARISONS[">"] and isinstance(step.source, Recorded):
        return step.source.source, step.number
    return None


class Quiet:
    """Rules that look at nothing that has changed for a while: they are evaluated again when any of it does."""

    def __init__(self, recent: Recent, rules: Iterable[Planned | None]) -> None:
        before = recent.now - _QUIET_FOR * WINDOW
        self.rules: set[Planned] = set()
        self._leaves: list[Scraped] = []
        slots: dict[int, list[int]] = {}
        for rule in rules:
            if rule is not None and rule.leaves and all(leaf.changed_at < before for leaf in rule.leaves):
                self.rules.add(rule)
                self._leaves += rule.leaves
        for leaf in self._leaves:
            slots.setdefault(leaf.span, []).extend(leaf.slots)
        self._recent = recent
        self._version = recent.version
        self._take = [(span, itemgetter(taken[0], *taken)) for span, taken in slots.items() if taken]
        self._seen = self._look()

    def holds(self) -> bool:
        """Whether it is all as it was."""
        recent = self._recent
        if recent.version != self._version:
            if any(recent.changed_since(leaf.want, self._version) for leaf in self._leaves):
                return False
            self._version = recent.version
        return self._look() == self._seen

    def _look(self) -> list[object]:
        return [take(self._recent.seen(span)) for span, take in self._take]


class Plan:
    """The steps of all rules that can be planned.

    What cannot is left to the general evaluator: other functions than `rate`, `increase`, `histogram_quantile` over a
    sum of rates and `sum_over_time` of recorded series; spans that are no multiple of the scrape interval; `offset` and
    `@`; other matching than one to one.

    Attributes:
        rules: one for each rule, None where the general evaluator has to do it.
    """

    def __init__(self, cluster: Cluster, rules: Sequence[Rule]) -> None:
        self.cluster = cluster
        self._all = rules
        self._refused: set[object] = set()
        self._prepare()

    def _prepare(self) -> None:
        """Make the steps anew, without what was found out to be not supported."""
        compiler = Compiler(self.cluster, self._refused)
        self.rules = [compiler.rule(rule) for rule in self._all]
        self._recent = compiler.recent
        self._recent.look_for(compiler.wants.values(), compiler.longest)
        self._quiet: Quiet | None = None
        self._evaluations = 0

    def advance(self, now: int) -> None:
        """Take in what was scraped since the evaluation before."""
        while True:
            try:
                self._recent.advance(now)
            except UnsupportedSeries as error:
                self._refused.add(error.want.key)
                self._prepare()
            else:
                return

    def evaluate(self) -> Iterator[Planned | None]:
        """Each rule with its `last` values brought up to date; None where the general evaluator has to do it."""
        quiet = self._quiet
        skipped = quiet.rules if quiet is not None and quiet.holds() else ()
        for rule in self.rules:
            if rule is not None and rule not in skipped:
                guard = rule.guard
                if guard is not None and guard[0].peak <= guard[1]:
                    rule.last = NOTHING
                else:
                    rule.values()
            yield rule
        self._evaluations += 1
        if not skipped or self._evaluations % _QUIET_FOR == 0:
            self._quiet = Quiet(self._recent, self.rules)


class Compiler:
    """Makes steps of expressions; equal expressions become one step."""

    def __init__(self, cluster: Cluster, refused: set[object]) -> None:
        self.cluster = cluster
        self.refused = refused
        self.recent = Recent(cluster.scrapes)
        self.wants: dict[object, Want] = {}
        self.longest = 0
        self._steps: dict[object, Step] = {}
        self._buckets: dict[object, Buckets] = {}
        self._recorded: dict[str, Recording | None] = {}

    def rule(self, rule: Rule) -> Planned | None:
        """The steps of a rule; None where it cannot be planned."""
        step: Step | None
        try:
            step = self._step(parse(rule.expr))
        except Unsupported:
            step = None
        if isinstance(rule, RecordingRule):
            if step is not None and rule.record not in self._recorded:
                step = Recording(self.recent, step, {**rule.labels, NAME: rule.record})
                self._recorded[rule.record] = step
            else:
                # A second rule with the name adds to what the first recorded: not planned, nor what looks at it.
                self._recorded[rule.record] = step = None
        return Planned(step) if step is not None else None

    def _step(self, expr: Expr) -> Step:
        while isinstance(expr, Paren):
            expr = expr.expr
        step = self._steps.get(expr)
        if step is None:
            step = self._steps[expr] = self._made(expr)
        return step

    def _made(self, expr: Expr) -> Step:
        match expr:
            case Selector():
                return self._instant(expr)
            case Call(function="rate" | "increase" as function, arguments=(Range() as over,)):
                span = over.range_ms * MILLISECOND
                looked = self._want(over, span)
                if looked.name.endswith("_bucket"):
                    raise Unsupported(expr)
                return Growth(self.recent, looked, span, span / SECOND if function == "rate" else 1.0)
            case Call(function="histogram_quantile", arguments=(Number(value=q), of)) if 0 < q <= 1:
                return Quantile(q, self._histogram(of))
            case Call(function="sum_over_time", arguments=(Range() as over,)):
                looked = want(over.selector, ranged=True)
                if self._recorded.get(looked.name) is None:
                    raise Unsupported(expr)
                return SumOverTime(self.cluster.recordings, self.recent, looked, over.range_ms * MILLISECOND)
            case Aggregate(operator=operator, labels=by, without=False, parameter=None) if operator in AGGREGATIONS:
                return Aggregation(AGGREGATIONS[operator], by, self._step(expr.expr))
            case Binary():
                return self._binary(expr)
        raise Unsupported(expr)

    def _instant(self, selector: Selector) -> Step:
        looked = want(selector, ranged=False)
        if looked.name in self._recorded:
            recording = self._recorded[looked.name]
            if recording is None:
                raise Unsupported(selector)
            return Recorded(recording, looked)
        return Scraped(self.recent, self._noted(looked))

    def _want(self, over: Range, span: int) -> Want:
        looked = want(over.selector, ranged=True)
        if looked.name in self._recorded or span % WINDOW or self.recent.scrapes_within(span) < 2:
            raise Unsupported(over)
        self.longest = max(self.longest, span)
        return self._noted(looked)

    def _noted(self, looked: Want) -> Want:
        if looked.key in self.refused:
            raise Unsupported(looked)
        return self.wants.setdefault(looked.key, looked)

    def _histogram(self, expr: Expr) -> Buckets:
        match expr:
            case Aggregate(
                operator="sum",
                labels=labels,
                without=False,
                expr=Call(function="rate", arguments=(Range() as over,)),
            ) if "le" in labels:
                span = over.range_ms * MILLISECOND
                looked = self._want(over, span)
                if not looked.name.endswith("_bucket") or any(matcher.label == "le" for matcher in looked.matchers):
                    raise Unsupported(expr)
                by = tuple(label for label in labels if label != "le")
                return self._buckets.setdefault((looked, span, by), Buckets(self.recent, looked, span, by))
        raise Unsupported(expr)

    def _binary(self, expr: Binary) -> Step:
        if expr.as_bool or expr.matching.include or expr.matching.cardinality not in ("one-to-one", "many-to-many"):
            raise Unsupported(expr)
        match expr:
            case Binary(operator="and", left=left, right=right, matching=matching):
                return And(self._step(left), self._step(right), matching)
            case Binary(operator="or", left=left, right=right, matching=matching):
                return Or(self._step(left), self._step(right), matching)
            case Binary(operator=operator, left=left, right=Number(value=number)):
                if operator in COMPARISONS:
                    return Limit(self._step(left), COMPARISONS[operator], number)
                if operator in ARITHMETIC:
                    return Scaled(self._step(left), partial(_with, ARITHMETIC[operator], number))
            case Binary(operator=operator, left=left, right=right, matching=matching) if operator in ARITHMETIC:
                if not isinstance(left, Number):
                    return Arithmetic(self._step(left), self._step(right), matching, ARITHMETIC[operator])
        raise Unsupported(expr)


def _with(function: object, right: float, left: float) -> float:
    assert callable(function)
    return float(function(left, right))
