"""What random queries may ask about: the names, labels and values of some series."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster_sim.telemetry.series import Series


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What there is to ask about.

    Attributes:
        metrics: names with the labels of their series.
        conditions: label matchers, by label.
        groupings: labels to group by and to match on.
        histogram: the name of one, without `_bucket`.
        untied: metrics whose values are never equal: of several equal ones `topk` may take any.
        alike: a regular expression of names whose series have the same labels.
    """

    metrics: Mapping[str, Sequence[str]]
    conditions: Mapping[str, Sequence[str]]
    groupings: Sequence[str]
    histogram: str
    untied: Sequence[str]
    alike: str


def vocabulary(found: Sequence[Series], seed: int, *, histogram: str, untied: Sequence[str], alike: str) -> Vocabulary:
    """The names of these series, and conditions on labels that they have."""
    draw = random.Random(seed)
    metrics: dict[str, list[str]] = {}
    values: dict[str, set[str]] = {}
    for one in found:
        rest = {name: value for name, value in one.labels.items() if name != "__name__"}
        metrics[one.labels["__name__"]] = sorted({*metrics.get(one.labels["__name__"], ()), *rest})
        for name, value in rest.items():
            values.setdefault(name, set()).add(value)
    conditions = {}
    for name in sorted(values):
        conditions[name] = [f'{name}=""']
        for value in draw.sample(sorted(values[name]), min(3, len(values[name]))):
            conditions[name].append(name + draw.choice(("=", "=", "!=")) + json.dumps(value, ensure_ascii=False))
            if value.isascii() and value.replace("-", "").isalnum():
                conditions[name].append(f'{name}{draw.choice(("=~", "!~"))}"{value[:3]}.*|{value}"')
    return Vocabulary(
        metrics=metrics,
        conditions=conditions,
        groupings=sorted(values),
        histogram=histogram,
        untied=untied,
        alike=alike,
    )
