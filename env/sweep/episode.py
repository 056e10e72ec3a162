"""Plays the episodes of a sweep, one at a time."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from cluster_sim import WarmUps

from ..environment import IncidentEnvironment
from ..errors import BadRequest
from ..grading import LeftAlone, Repaired
from ..models import Action, EpisodeOptions, Observation
from ..policies import policy_factory
from ..policies.runner import SCORE_RANGE, Run, Transcript, one_line
from ..trajectory import export
from ..version import version
from .errors import EngineLost
from .plan import Episode, Sweep
from .row import Recorded, Row

DIGEST_BYTES = 16


class Player:
    """Plays episodes of one sweep in this process; what comes of one does not depend on those before it.

    Args:
        expected: the version that the whole sweep is played as.

    Raises:
        EngineLost: this process runs another one.
    """

    def __init__(self, sweep: Sweep, expected: str) -> None:
        if version() != expected:
            raise EngineLost(f"the sweep is played as version {expected}, and code or libraries here are {version()}")
        self._sweep = sweep
        self._warm_ups = WarmUps() if len(sweep.policies) > 1 else None
        self._world: tuple[EpisodeOptions, int] | None = None

    def play(self, number: int) -> Row | Recorded:
        """Play the episode at a place in the sweep's order; recorded, if the sweep keeps trajectories."""
        episode = self._sweep.episode(number)
        world = (episode.options, episode.seed)
        if self._warm_ups is not None and world != self._world:
            self._warm_ups.clear()  # the order never comes back to a world
        self._world = world
        if self._sweep.trajectories is None:
            return play(episode, self._warm_ups)
        return play_recorded(episode, self._warm_ups, whole=self._sweep.trajectories == "full")


def play(episode: Episode, warm_ups: WarmUps | None = None) -> Row:
    """Play one episode; whatever goes wrong with it is in the row.

    Raises:
        MemoryError: this machine has too little, which says nothing of the episode.
    """
    return _row(episode, IncidentEnvironment(warm_ups))


def play_recorded(episode: Episode, warm_ups: WarmUps | None = None, *, whole: bool = False) -> Recorded:
    """The same, with the trajectory of an episode that came to its end.

    Args:
        whole: the trajectory holds the observations, not only their digests.
    """
    environment = IncidentEnvironment(warm_ups, keep_whole=whole)
    row = _row(episode, environment)
    return Recorded(row=row, trajectory=export(environment, policy=episode.policy) if row.done else None)


def _row(episode: Episode, environment: IncidentEnvironment) -> Row:
    told: dict[str, Any] = {
        "version": version(),
        "noise": episode.options.noise,
        "arrival_rate_hz": episode.options.arrival_rate_hz,
        "reward_mode": episode.options.reward_mode,
        "seed": episode.seed,
        "task": episode.task,
        "split": episode.options.split,
        "difficulty": episode.options.difficulty,
        "policy": episode.policy,
    }
    try:
        page = environment.reset(episode.task, episode.seed, episode.options)
    except BadRequest:
        return Row(**told, outcome="nobody_paged")
    except MemoryError:
        raise
    except Exception as error:  # one bad world is a row, not the end of ten thousand
        return Row(**told, outcome="failed", failure=_said(error))
    return Row(**told, **_played(_Heard(environment, page), episode))


def _played(heard: _Heard, episode: Episode) -> dict[str, Any]:
    paged = heard.environment.cluster.now
    failure = None
    score = SCORE_RANGE[0]
    try:
        run = Run(heard, policy_factory(episode.policy)(episode.seed), Transcript(_unread))
        run.play(episode.task, episode.seed, lambda: False)
        score = run.score()
    except MemoryError:
        raise
    except Exception as error:
        failure = _said(error)
    state = heard.environment.state()
    parts = state.get("breakdown", {"lines": {}, "deductions": {}})
    fixes = [line.name for line in heard.environment.task.criteria if isinstance(line, Repaired | LeftAlone)]
    now = heard.environment.cluster.now
    return {
        "fault": heard.environment.task.fault,
        "family": str(heard.environment.task.root.family),
        "outcome": "played" if failure is None else "failed",
        "failure": failure,
        "score": score,
        "resolved": any(parts["lines"].get(name, 0.0) > 0 for name in fixes),
        "done": state["done"],
        "steps": state["step_count"],
        "simulated_s": round(now / 1e9, 3),
        "after_page_s": round((now - paged) / 1e9, 3),
        "total_reward": round(sum(state["rewards"]), 6),
        "rewards": state["rewards"],
        "lines": parts["lines"],
        "deductions": parts["deductions"],
        "actions": [action.model_dump(mode="json", exclude_none=True) for action in heard.actions],
        "observations": heard.digest.hexdigest(),
    }


class _Heard:
    """An environment whose observations are digested on their way to the policy.

    Attributes:
        actions: those that the environment has carried out.
    """

    def __init__(self, environment: IncidentEnvironment, page: Observation) -> None:
        self.environment = environment
        self.actions: list[Action] = []
        self.digest = blake2b(digest_size=DIGEST_BYTES)
        self._page = self._noted(page)

    def reset(self, task_id: str, seed: int) -> Observation:
        """The first observation of the episode, which has begun already."""
        return self._page

    def step(self, action: Action) -> Observation:
        after = self._noted(self.environment.step(action))
        self.actions.append(action)
        return after

    def state(self) -> dict[str, Any]:
        return self.environment.state()

    def _noted(self, observation: Observation) -> Observation:
        self.digest.update(observation.model_dump_json().encode() + b"\n")
        return observation


def _unread(line: str) -> None:
    """Nobody reads the lines of a sweep's episodes."""


def _said(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")
