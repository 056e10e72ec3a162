"""A sweep: which episodes are played, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from ..models import MAX_SEED, EpisodeOptions
from ..policies import UnknownPolicy, policy_factory
from ..tasks import GENERATED, TASK_IDS
from ..trajectory import MOST_CHARS
from .errors import SweepRefused

OBSERVATIONS = ("digest", "full")
"""How the observations of a trajectory are kept."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One episode of a sweep."""

    options: EpisodeOptions
    seed: int
    task: str
    policy: str


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Every combination of what is listed.

    The episodes have a fixed order: by noise, arrival rate, seed, task and policy, the last of which varies fastest. So
    the episodes of one world stand together, and what is left of an interrupted sweep compares policies on equal terms.

    Attributes:
        tasks, policies: names of them.
        seeds: from which seed to which.
        noises: levels of the healthy traffic's own trouble.
        rates_hz: user requests per second at the edge.
        reward_mode: what the steps are paid by.
        split, difficulty: which generated incidents are played; the seed is the index.
        trajectories: how those of finished episodes are kept, if they are: with the `digest` of every observation, or
            with the observations in `full`.

    Raises:
        SweepRefused: there is no such task, policy, seed, noise, rate, reward mode, split or difficulty, or none of
            them at all; or a policy's name is too long for a trajectory.
    """

    tasks: Sequence[str]
    policies: Sequence[str]
    seeds: range
    noises: Sequence[float] = (1.0,)
    rates_hz: Sequence[float] = (20.0,)
    reward_mode: str = "table"
    split: str | None = None
    difficulty: int | None = None
    trajectories: str | None = None

    def __post_init__(self) -> None:
        for name in ("tasks", "policies", "noises", "rates_hz"):
            # Adding zero makes 0 of -0, and float makes noise 1 the same as noise 1.0.
            listed = [float(it) + 0.0 if name in ("noises", "rates_hz") else it for it in getattr(self, name)]
            object.__setattr__(self, name, tuple(dict.fromkeys(listed)))
            if not listed:
                raise SweepRefused(f"no {name.replace('_', ' ')}")
        for task in self.tasks:
            if task not in TASK_IDS:
                raise SweepRefused(f"unknown task {task!r} (choose from {', '.join(TASK_IDS)})")
            if task != GENERATED and (self.split, self.difficulty) != (None, None):
                raise SweepRefused(f"only task {GENERATED} has a split and a difficulty")
        for policy in self.policies:
            try:
                policy_factory(policy)
            except UnknownPolicy as error:
                raise SweepRefused(str(error)) from None
        self._check_trajectories()
        self._check_seeds()
        for noise in self.noises:
            for rate in self.rates_hz:
                self._options(noise, rate)

    def _check_trajectories(self) -> None:
        if self.trajectories is None:
            return
        if self.trajectories not in OBSERVATIONS:
            raise SweepRefused(f"unknown observations {self.trajectories!r} (choose from {', '.join(OBSERVATIONS)})")
        for policy in self.policies:
            if len(policy) > MOST_CHARS:
                raise SweepRefused(f"a trajectory names its policy in at most {MOST_CHARS} characters")

    def _check_seeds(self) -> None:
        first, end = self.seeds.start, self.seeds.stop
        if self.seeds.step != 1 or end <= first:
            raise SweepRefused(f"there is no seed in {first}:{end}")
        if first < 0 or end - 1 > MAX_SEED:
            raise SweepRefused(f"seeds go from 0 to {MAX_SEED}")

    def _options(self, noise: float, rate_hz: float) -> EpisodeOptions:
        given = {
            "noise": noise,
            "arrival_rate_hz": rate_hz,
            "reward_mode": self.reward_mode,
            "split": self.split,
            "difficulty": self.difficulty,
        }
        try:
            return EpisodeOptions.model_validate(given)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise SweepRefused(f"{wrong['loc'][0]} {given[str(wrong['loc'][0])]}: {wrong['msg']}") from None

    @property
    def size(self) -> int:
        """Episodes in all."""
        seeds = self.seeds.stop - self.seeds.start
        return len(self.noises) * len(self.rates_hz) * seeds * len(self.tasks) * len(self.policies)

    def episode(self, number: int) -> Episode:
        """The episode at a place in the order, from 0."""
        number, policy = divmod(number, len(self.policies))
        number, task = divmod(number, len(self.tasks))
        number, seed = divmod(number, self.seeds.stop - self.seeds.start)
        noise, rate = divmod(number, len(self.rates_hz))
        return Episode(
            options=self._options(self.noises[noise], self.rates_hz[rate]),
            seed=self.seeds.start + seed,
            task=self.tasks[task],
            policy=self.policies[policy],
        )

    def parameters(self) -> dict[str, Any]:
        """What decides the episodes, as JSON."""
        return asdict(self) | {"seeds": [self.seeds.start, self.seeds.stop]}
