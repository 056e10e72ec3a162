"""What the tests of sweeps share: a small sweep, rows made up without playing, and an engine that plays none."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from env.sweep import Row, Sweep
from env.version import version


def made_up(sweep: Sweep, number: int) -> bytes:
    """A row as an episode might leave it, a function of its place."""
    episode = sweep.episode(number)
    draws = random.Random(f"{episode.seed}/{episode.task}/{episode.policy}")
    return Row(
        version=version(),
        noise=episode.options.noise,
        arrival_rate_hz=episode.options.arrival_rate_hz,
        reward_mode=episode.options.reward_mode,
        seed=episode.seed,
        task=episode.task,
        policy=episode.policy,
        trial=episode.trial,
        outcome="played",
        score=round(draws.uniform(0.01, 0.99), 6),
        resolved=draws.random() < 0.5,
        done=True,
        steps=draws.randint(1, 20),
        simulated_s=1245.0,
        after_page_s=540.0,
        total_reward=0.25,
        rewards=[0.3, -0.05],
        lines={"fix": 0.4},
        deductions={"wrong fixes": 0.15},
        actions=[{"action_type": "postmortem", "details": {"root_cause": "é", "confidence": 0.5}}],
        observations="00" * 16,
    ).json()


class Instant:
    """An engine that makes rows up, and hands chunks back in whatever order its draws say.

    Attributes:
        begun: how many episodes were begun and not yet handed back, at most.
        fails_at: the number of the episode before which it is interrupted.
    """

    def __init__(self, sweep: Sweep, workers: int = 3, fails_at: int | None = None, disorder: int = 0) -> None:
        self.workers = workers
        self.fails_at = fails_at
        self.most_begun = 0
        self.closed = False
        self._sweep = sweep
        self._chunks: list[range] = []
        self._draws = random.Random(disorder)

    @property
    def free(self) -> bool:
        return len(self._chunks) < self.workers

    def begin(self, chunk: range) -> None:
        self._chunks.append(chunk)

    def wait(self) -> list[tuple[int, bytes]]:
        chunk = self._chunks.pop(self._draws.randrange(len(self._chunks)))
        if self.fails_at is not None and self.fails_at in chunk:
            raise KeyboardInterrupt
        return [(number, made_up(self._sweep, number)) for number in chunk]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sweep() -> Sweep:
    """Forty episodes that nobody plays."""
    return Sweep(tasks=("task_easy", "task_hard"), policies=("nothing", "spam"), seeds=range(10))


@pytest.fixture
def instant(monkeypatch) -> Callable[..., list[Instant]]:
    """Has sweeps played by engines that make rows up; returns those that were started."""

    def use(**options: int) -> list[Instant]:
        started: list[Instant] = []

        def start(self, sweep: Sweep) -> Instant:
            started.append(Instant(sweep, **options))
            return started[-1]

        monkeypatch.setattr("env.sweep.means.Means.start", start)
        return started

    return use


@pytest.fixture
def out(tmp_path) -> Path:
    """Where results go."""
    return tmp_path / "results.jsonl"
