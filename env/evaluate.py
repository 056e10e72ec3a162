"""Plays policies over many seeds and sums up their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from statistics import mean

from .environment import IncidentEnvironment
from .policies import POLICIES, run_episode


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
    result = run_episode(IncidentEnvironment(), POLICIES[policy](seed), task_id, seed, write=_unheard)
    return Played(policy, task_id, seed, result.score, len(result.rewards))


def _unheard(line: str) -> None:
    """Nobody reads the lines of an evaluation."""


def play_all(policies: Sequence[str], tasks: Sequence[str], seeds: range, workers: int | None = None) -> list[Played]:
    """Play every policy on every task and seed, on all cores."""
    jobs = list(product(policies, tasks, seeds))
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(play, *zip(*jobs, strict=True), chunksize=4))


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
            cells.append(f"{mean(scores):.3f} ({min(scores):.2f} to {max(scores):.2f})")
        yield f"| {policy} | {' | '.join(cells)} | {mean(episode.score for episode in mine):.3f} |"
