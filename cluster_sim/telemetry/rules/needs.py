"""Which labels of a vector make a difference for what is computed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .nodes import Aggregation, And, Arithmetic, Input, Limit, Node, Together

ALL = "*"
SAME = "="
"""Stand for all labels, and for whether all are the same as another series'."""


def needs(nodes: Sequence[Node]) -> Mapping[Node, frozenset[str]]:
    """Names of labels, or what stands for them; of nodes each of which comes after those it needs."""
    needed: dict[Node, frozenset[str]] = dict.fromkeys(nodes, frozenset())
    before: dict[Node, frozenset[str]] = {}
    while before != needed:
        before = dict(needed)
        for node in reversed(nodes):
            for source, names in zip(node.sources, _of_sources(node, needed), strict=True):
                needed[source] |= names
    return needed


def _of_sources(node: Node, needed: Mapping[Node, frozenset[str]]) -> list[frozenset[str]]:
    """What a node needs of each of its sources."""
    if isinstance(node, Limit):  # it hands the labels on
        return [needed[node]]
    if isinstance(node, Aggregation):
        return [frozenset(node.by)]
    if not isinstance(node, Together):
        return [frozenset([ALL]) for _ in node.sources]
    matching = node.matching
    if matching.on:
        both = frozenset(matching.labels)
    elif matching.labels or not all(_scraped(source) and ALL not in needed[source] for source in node.sources):
        both = frozenset([ALL])
    else:
        both = frozenset([SAME])
    handed = frozenset() if isinstance(node, Arithmetic) and matching.on else needed[node]
    return [both | handed, both if isinstance(node, And | Arithmetic) else both | handed]


def _scraped(node: Node) -> bool:
    return isinstance(node, Input) or (isinstance(node, Limit) and _scraped(node.source))
