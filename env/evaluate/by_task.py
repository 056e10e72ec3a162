"""The table of the fixed tasks: what policies score on each, from the lowest to the highest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from .. import sweep
from ..grading import LOWEST
from ..models import EpisodeOptions


@dataclass(frozen=True)
class Played:
    """One episode."""

    policy: str
    task_id: str
    seed: int
    score: float
    steps: int


def play(policy: str, task_id: str, seed: int) -> Played:
    """Play one episode in this process."""
    row = sweep.play(sweep.Episode(options=EpisodeOptions(), seed=seed, task=task_id, policy=policy))
    return Played(policy, task_id, seed, row.score or LOWEST, row.steps)


def summary(played: Sequence[Played]) -> Iterator[str]:
    """A Markdown table: per policy and task the mean, the lowest and the highest score."""
    tasks = list(dict.fromkeys(episode.task_id for episode in played))
    seeds = len({episode.seed for episode in played})
    yield f"Mean (lowest to highest) over {seeds} seeds:"
    yield ""
    yield f"| policy | {' | '.join(tasks)} | mean |"
    yield f"|---|{'---|' * len(tasks)}---|"
    for policy in dict.fromkeys(episode.policy for episode in played):
        mine = [episode for episode in played if episode.policy == policy]
        cells = []
        for task in tasks:
            scores = [episode.score for episode in mine if episode.task_id == task]
            cells.append(f"{mean(scores):.3f} ({min(scores):.2f} to {max(scores):.2f})" if scores else "–")
        yield f"| {policy} | {' | '.join(cells)} | {mean(episode.score for episode in mine):.3f} |"
