"""Rules made into stages, in which operations of one kind are done together for all rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..matching import matches
from ..metrics.spec import Column, Kind
from .compiler import Compiler, Outline
from .needs import needs
from .nodes import Aggregation, And, Arithmetic, Input, Limit, Node, Or, Recorded, Scaled, SumOverTime

_ORDER = (Recorded, Aggregation, SumOverTime, Scaled, Arithmetic, Limit, And, Or)
"""Of the operations that could be next, the first of these is: what comes late waits for more of its kind."""


class Stage(NamedTuple):
    """Vectors of one kind, with one operator, none of which needs another.

    Attributes:
        settled: whether it follows from which inputs are there which of its series are; values do not matter.
    """

    kind: type[Node]
    nodes: list[Node]
    settled: bool


class Plan:
    """What depends on nothing but the rules.

    Attributes:
        rules: for each rule the vector that it yields; None where the general evaluator has to do it.
        recording, alerting: those of recording rules, and those of alert rules.
        feeds: the scraped series that are looked at.
        accepts: for each of them, whether labels meet its conditions; None where it has none.
        inputs: the vectors of scraped series: of values as they are, of growth by span, of quantiles by span.
        needs: for each of them, which of their labels matter for the vectors computed from them.
        spans: over which the growth of counters is looked at.
        stages: in their order.
        late: stages only needed where `guards` have something: those that look far back.
        guards: None where the late stages are always needed.
        remembered: names of the recorded series that are looked back at.
    """

    def __init__(self, rules: Sequence[Outline], refused: frozenset[object]) -> None:
        compiler = Compiler(rules, refused)
        self.rules = [compiler.rule(rule) for rule in rules]
        self.feeds = list(compiler.feeds)
        self.accepts = [matches(feed.leaf.matchers) if feed.leaf.matchers else None for feed in self.feeds]
        self._of_values: dict[str, list[int]] = {}
        self._of_histograms: dict[str, list[int]] = {}
        for number, feed in enumerate(self.feeds):
            name = feed.leaf.name
            self._of_values.setdefault(name, []).append(number)
            for suffix in ("_bucket", "_count", "_sum"):
                if name.endswith(suffix):
                    self._of_histograms.setdefault(name.removesuffix(suffix), []).append(number)
        planned = [(rule.record, node) for rule, node in zip(rules, self.rules, strict=True) if node is not None]
        self.recording = [node for record, node in planned if record]
        self.alerting = [node for record, node in planned if not record]
        roots = [node for node in self.rules if node is not None]
        nodes = _needed(roots)
        self.inputs = sorted((one for one in nodes if isinstance(one, Input)), key=lambda one: (one.q > 0, one.span))
        needed = needs(nodes)
        self.needs = [needed[one] for one in self.inputs]
        self.spans = sorted({node.span for node in self.inputs if node.span})
        late = _needing(nodes, SumOverTime)
        early = [node for node in nodes if node not in late]
        unsettled = _needing(nodes, Limit, SumOverTime)
        self.stages = _stages(early, self.inputs, unsettled)
        self.late = _stages([node for node in nodes if node in late], early, unsettled)
        self.guards = _guards([node for node in roots if node in late], late)
        self.remembered = sorted({node.name for node in nodes if isinstance(node, SumOverTime)})

    def looking_at(self, column: Column) -> Sequence[int]:
        """The feeds that name the series of a column."""
        return (self._of_histograms if column.kind is Kind.HISTOGRAM else self._of_values).get(column.name, ())


@lru_cache(maxsize=16)
def plan_of(rules: tuple[Outline, ...], refused: frozenset[object]) -> Plan:
    """The plan of some rules, without what was found out to be not supported; the same for all clusters."""
    return Plan(rules, refused)


def _needed(roots: Iterable[Node]) -> list[Node]:
    """The nodes that these need and they themselves, each after those it needs."""
    nodes: dict[Node, None] = {}

    def add(node: Node) -> None:
        if node not in nodes:
            for source in node.sources:
                add(source)
            nodes[node] = None

    for root in roots:
        add(root)
    return list(nodes)


def _needing(nodes: Iterable[Node], *kinds: type[Node]) -> set[Node]:
    """The nodes of some kinds, and what needs them."""
    needing: set[Node] = set()
    for node in nodes:
        if isinstance(node, kinds) or any(source in needing for source in node.sources):
            needing.add(node)
    return needing


def _guards(waiting: list[Node], late: set[Node]) -> list[Node] | None:
    """Vectors without anything of which the late ones have nothing to say; None if there are no such."""
    guards: list[Node] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, SumOverTime):
            return None
        if isinstance(node, And) and node.left not in late:
            guards.append(node.left)
        else:
            waiting += [source for source in node.sources if source in late]
    return guards


def _stages(nodes: Iterable[Node], done: Iterable[Node], unsettled: set[Node]) -> list[Stage]:
    stages = []
    made = set(done)
    left = [node for node in nodes if node not in made]
    while left:
        ready = [node for node in left if all(source in made for source in node.sources)]
        first = min(ready, key=lambda node: _ORDER.index(type(node)))
        alike = [node for node in ready if _operation(node) == _operation(first)]
        chosen = [node for node in alike if (node in unsettled) is (first in unsettled)]
        stages.append(Stage(type(first), chosen, first not in unsettled))
        made.update(chosen)
        left = [node for node in left if node not in made]
    return stages


def _operation(node: Node) -> tuple[type[Node], str]:
    """What nodes that are done together have in common."""
    return type(node), node.operator if isinstance(node, Scaled | Arithmetic | Limit) else ""
