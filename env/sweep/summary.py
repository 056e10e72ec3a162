"""What a sweep comes to: a table of scores, per policy and task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..tasks import GENERATED
from .row import OUTCOMES
from .statistics import bootstrap, quantile, wilson

DIGITS = 3
"""Scores are counted to a thousandth, which bounds what is kept of any number of episodes."""
_MICRO = 1_000_000
"""Scores have six digits: sums of whole millionths are exact, in whatever order."""

Key = tuple[str, str, float, float]
"""Policy, task, noise, arrival rate."""


@dataclass
class Group:
    """The episodes of one policy, task, noise and arrival rate.

    Attributes:
        scores: how often each score occurs, to a thousandth, of the episodes with a score.
        sum: of the scores, in millionths.
        outcomes: how often each outcome occurs.
        resolved: episodes whose world was repaired at the end.
        steps: in all of them.
    """

    scores: Counter[float] = field(default_factory=Counter)
    sum: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    resolved: int = 0
    steps: int = 0

    @property
    def episodes(self) -> int:
        """Those with a score: somebody was paged."""
        return self.scores.total()

    @property
    def mean(self) -> float:
        return self.sum / _MICRO / self.episodes

    def add(self, row: Mapping[str, Any]) -> None:
        self.outcomes[row["outcome"]] += 1
        if row["score"] is not None:
            self.scores[round(row["score"], DIGITS)] += 1
            self.sum += round(row["score"] * _MICRO)
            self.resolved += row["resolved"]
            self.steps += row["steps"]


class Summary:
    """Grows row by row; what it keeps does not.

    Attributes:
        groups: in the order in which they came.
        families: the same by policy and confusable set, of generated incidents.
    """

    def __init__(self) -> None:
        self.groups: dict[Key, Group] = {}
        self.families: dict[tuple[str, str], Group] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row of the results in."""
        key = (row["policy"], row["task"], row["noise"], row["arrival_rate_hz"])
        self.groups.setdefault(key, Group()).add(row)
        if row["task"] == GENERATED and row["family"] is not None:
            self.families.setdefault((row["policy"], row["family"]), Group()).add(row)

    @property
    def episodes(self) -> int:
        """Rows taken in."""
        return sum(group.outcomes.total() for group in self.groups.values())

    def table(self) -> Iterator[str]:
        """The lines of a Markdown table."""
        varied = [place for place in (2, 3) if len({key[place] for key in self.groups}) > 1]
        other = [name for name in OUTCOMES[1:] if any(group.outcomes[name] for group in self.groups.values())]
        head = ["policy", "task", *(("noise", "requests/s")[place - 2] for place in varied), "episodes"]
        head += ["mean score (95 %)", "5 %", "median", "95 %", "resolved (95 %)", "mean steps"]
        head += [name.replace("_", " ") for name in other]
        yield _line(head)
        yield f"|{'---|' * len(head)}"
        for key, group in self.groups.items():
            yield _line(
                [
                    key[0],
                    key[1],
                    *(f"{key[place]:g}" for place in varied),
                    f"{group.episodes}",
                    *(_figures(group) if group.episodes else ["–"] * 6),
                    *(f"{group.outcomes[name]}" for name in other),
                ]
            )

    def family_table(self) -> Iterator[str]:
        """The lines of a Markdown table by confusable set; none where nothing generated was played."""
        if not self.families:
            return
        head = [
            "policy",
            "set",
            "episodes",
            "mean score (95 %)",
            "5 %",
            "median",
            "95 %",
            "resolved (95 %)",
            "mean steps",
        ]
        yield _line(head)
        yield f"|{'---|' * len(head)}"
        for (policy, family), group in sorted(self.families.items()):
            if group.episodes:
                yield _line([policy, family, f"{group.episodes}", *_figures(group)])


def _figures(group: Group) -> Iterator[str]:
    low, high = bootstrap(group.scores)
    yield f"{group.mean:.3f} ({low:.3f} to {high:.3f})"
    for share in (0.05, 0.5, 0.95):
        yield f"{quantile(group.scores, share):.3f}"
    low, high = wilson(group.resolved, group.episodes)
    yield f"{group.resolved / group.episodes:.1%} ({low:.1%} to {high:.1%})"
    yield f"{group.steps / group.episodes:.1f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
