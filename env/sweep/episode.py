"""Plays the episodes of a sweep, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from cluster_sim import WarmUps, draw

from ..assessment import Yardsticks
from ..environment import IncidentEnvironment
from ..errors import BadRequest
from ..grading import LeftAlone, Repaired
from ..models import Action, EpisodeOptions, Observation
from ..policies import Briefed, Closing, Policy
from ..policies.runner import SCORE_RANGE, Run, Transcript, one_line
from ..privileged import PRIVILEGED
from ..scenes import address_of
from ..tasks import GENERATED, IncidentTask
from ..trajectory import export
from ..version import version
from .entrants import factory_of, policy_seed
from .errors import EngineLost
from .measured import measured
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
        graded = sweep.grading == "full" or (sweep.grading is None and GENERATED in sweep.tasks)
        told = any(name in PRIVILEGED for name in sweep.policies)
        self._warm_ups = WarmUps() if told or graded or len(sweep.entrants) > 1 else None
        self._yardsticks = Yardsticks(most=len(sweep.tasks))
        self._world: tuple[EpisodeOptions, int] | None = None

    def play(self, number: int) -> Row | Recorded:
        """Play the episode at a place in the sweep's order; recorded, if the sweep keeps trajectories."""
        episode = self._sweep.episode(number)
        world = (episode.options, episode.seed)
        if self._warm_ups is not None and world != self._world:
            self._warm_ups.clear()  # the order never comes back to a world
        self._world = world
        if self._sweep.trajectories is None:
            return play(episode, self._warm_ups, self._yardsticks)
        whole = self._sweep.trajectories == "full"
        return play_recorded(episode, self._warm_ups, self._yardsticks, whole=whole)


def play(episode: Episode, warm_ups: WarmUps | None = None, yardsticks: Yardsticks | None = None) -> Row:
    """Play one episode; whatever goes wrong with it is in the row.

    Raises:
        MemoryError: this machine has too little, which says nothing of the episode.
    """
    return _row(episode, IncidentEnvironment(warm_ups, yardsticks), warm_ups, yardsticks)


def play_recorded(
    episode: Episode,
    warm_ups: WarmUps | None = None,
    yardsticks: Yardsticks | None = None,
    *,
    whole: bool = False,
) -> Recorded:
    """The same, with the trajectory of an episode that came to its end.

    Args:
        whole: the trajectory holds the observations, not only their digests.
    """
    environment = IncidentEnvironment(warm_ups, yardsticks, keep_whole=whole)
    row = _row(episode, environment, warm_ups, yardsticks)
    return Recorded(row=row, trajectory=export(environment, policy=episode.policy) if row.done else None)


def _row(
    episode: Episode,
    environment: IncidentEnvironment,
    warm_ups: WarmUps | None,
    yardsticks: Yardsticks | None,
) -> Row:
    told: dict[str, Any] = {
        "version": version(),
        "noise": episode.options.noise,
        "arrival_rate_hz": episode.options.arrival_rate_hz,
        "reward_mode": episode.options.reward_mode,
        "seed": episode.seed,
        "task": episode.task,
        "split": episode.options.split,
        "difficulty": episode.options.difficulty,
        "difficulty_played": _difficulty(episode),
        "policy": episode.policy,
        "trial": episode.trial,
    }
    try:
        page = environment.reset(episode.task, episode.seed, episode.options)
    except BadRequest:
        return Row(**told, outcome="nobody_paged")
    except MemoryError:
        raise
    except Exception as error:  # one bad world is a row, not the end of ten thousand
        return Row(**told, outcome="failed", failure=_said(error))
    return Row(**told, **_played(_Heard(environment, page), episode, warm_ups, yardsticks))


def _played(heard: _Heard, episode: Episode, warm_ups: WarmUps | None, yardsticks: Yardsticks | None) -> dict[str, Any]:
    paged = heard.environment.cluster.now
    failure = None
    score = SCORE_RANGE[0]
    try:
        with _policy(episode, warm_ups, yardsticks) as policy:
            run = Run(heard, policy, Transcript(_unread))
            run.play(episode.task, episode.seed, lambda: False)
            score = run.score()
            failure = getattr(policy, "failure", None)
    except MemoryError:
        raise
    except Exception as error:
        failure = _said(error)
    state = heard.environment.state()
    parts = state.get("breakdown", {"lines": {}, "deductions": {}})
    now = heard.environment.cluster.now
    return {
        "fault": heard.environment.task.fault,
        "family": str(heard.environment.task.root.family),
        "outcome": "played" if failure is None else "failed",
        "failure": failure,
        "score": score,
        "resolved": _resolved(parts, heard.environment.task),
        "done": state["done"],
        "steps": state["step_count"],
        "simulated_s": round(now / 1e9, 3),
        "after_page_s": round((now - paged) / 1e9, 3),
        "total_reward": round(sum(state["rewards"]), 6),
        "rewards": state["rewards"],
        "lines": parts["lines"],
        "deductions": parts["deductions"],
        **measured(parts),
        "actions": [action.model_dump(mode="json", exclude_none=True) for action in heard.actions],
        "observations": heard.digest.hexdigest(),
    }


@contextmanager
def _policy(episode: Episode, warm_ups: WarmUps | None, yardsticks: Yardsticks | None) -> Iterator[Policy]:
    """The policy, told the truth if it is one of those, and closed in the end if it holds anything."""
    policy = factory_of(episode.policy)(policy_seed(episode.seed, episode.trial))
    if isinstance(policy, Briefed):
        policy.briefed(episode.task, episode.seed, episode.options, warm_ups, yardsticks)
    try:
        yield policy
    finally:
        if isinstance(policy, Closing):
            policy.close()


def _resolved(parts: Mapping[str, Any], task: IncidentTask) -> bool:
    """Whether the world was repaired: the gate of full grading says so, or a line of the table."""
    if "gate" in parts:
        return bool(parts["gate"]["resolved"])
    fixes = [line.name for line in task.criteria if isinstance(line, Repaired | LeftAlone)]
    return any(parts["lines"].get(name, 0.0) > 0 for name in fixes)


def _difficulty(episode: Episode) -> int | None:
    """How hard a generated incident is."""
    return draw(address_of(episode.seed, episode.options)).difficulty if episode.task == GENERATED else None


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
