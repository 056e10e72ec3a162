"""A sweep: which episodes are played, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from ..models import MAX_SEED, EpisodeOptions
from ..policies import UnknownPolicy, deterministic
from ..tasks import GENERATED, TASK_IDS
from ..trajectory import MOST_CHARS
from .entrants import factory_of
from .errors import SweepRefused

MOST_TRIALS = 100

OBSERVATIONS = ("digest", "full")
"""How the observations of a trajectory are kept."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One episode of a sweep.

    Attributes:
        trial: the how manieth time it is that the policy plays this incident, from 0.
    """

    options: EpisodeOptions
    seed: int
    task: str
    policy: str
    trial: int = 0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Every combination of what is listed.

    The episodes have a fixed order: by noise, arrival rate, seed, task, policy and trial, the last of which varies
    fastest. So the episodes of one world stand together, and what is left of an interrupted sweep compares policies on
    equal terms.

    Attributes:
        tasks, policies: names of them.
        seeds: from which seed to which.
        noises: levels of the healthy traffic's own trouble.
        rates_hz: user requests per second at the edge.
        reward_mode: what the steps are paid by.
        split, difficulty: which generated incidents are played; the seed is the index.
        trajectories: how those of finished episodes are kept, if they are: with the `digest` of every observation, or
            with the observations in `full`.
        grading: by the table, in full, or as is usual for the task.
        trials: how often each policy plays each incident, with another seed of its own every time; one that does the
            same whatever its seed plays once.

    Raises:
        SweepRefused: there is no such task, policy, seed, noise, rate, reward mode, split, difficulty or grading,
            or none of them at all; or a policy's name is too long for a trajectory.
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
    grading: str | None = None
    trials: int = 1

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
                factory_of(policy)
            except UnknownPolicy as error:
                raise SweepRefused(str(error)) from None
        self._check_trajectories()
        if not 1 <= self.trials <= MOST_TRIALS:
            raise SweepRefused(f"{self.trials} trials are not between 1 and {MOST_TRIALS}")
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
            "grading": self.grading,
        }
        try:
            return EpisodeOptions.model_validate(given)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise SweepRefused(f"{wrong['loc'][0]} {given[str(wrong['loc'][0])]}: {wrong['msg']}") from None

    @cached_property
    def entrants(self) -> tuple[tuple[str, int], ...]:
        """Who plays each incident: policies, each with the number of its trial."""
        return tuple(
            (name, trial) for name in self.policies for trial in range(1 if deterministic(name) else self.trials)
        )

    @property
    def size(self) -> int:
        """Episodes in all."""
        seeds = self.seeds.stop - self.seeds.start
        return len(self.noises) * len(self.rates_hz) * seeds * len(self.tasks) * len(self.entrants)

    def episode(self, number: int) -> Episode:
        """The episode at a place in the order, from 0."""
        number, entrant = divmod(number, len(self.entrants))
        number, task = divmod(number, len(self.tasks))
        number, seed = divmod(number, self.seeds.stop - self.seeds.start)
        noise, rate = divmod(number, len(self.rates_hz))
        return Episode(
            options=self._options(self.noises[noise], self.rates_hz[rate]),
            seed=self.seeds.start + seed,
            task=self.tasks[task],
            policy=self.entrants[entrant][0],
            trial=self.entrants[entrant][1],
        )

    def parameters(self) -> dict[str, Any]:
        """What decides the episodes, as JSON."""
        return asdict(self) | {"seeds": [self.seeds.start, self.seeds.stop]}
