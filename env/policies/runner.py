"""Plays one episode with one policy and prints the lines that a harness reads."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import BadRequest
from ..models import Action, Observation
from .errors import ActionRefused, OutOfTime
from .policy import Policy

ENV_NAME = "incident-response-env"
SCORE_RANGE = (0.01, 0.99)
"""Scores print strictly within (0, 1); an episode that has no score prints the floor."""
SUCCESS_SCORE = 0.5
"""The score from which an episode counts as a success; chosen: beyond what looking and talking earn."""
REFUSALS_IN_A_ROW = 3
"""An episode is given up when the environment refuses this many actions one after the other; chosen."""
LONGEST_ACTION = 2000
LONGEST_ERROR = 200

log = logging.getLogger(__name__)


class PlayedEnvironment(Protocol):
    """What an episode is played against: the environment itself, or a client of its server."""

    def reset(self, task_id: str, seed: int) -> Observation:
        """Start an episode."""
        ...

    def step(self, action: Action) -> Observation:
        """Take one action."""
        ...

    def state(self) -> Mapping[str, Any]:
        """The episode's state, with its `score` once it is done."""
        ...


@dataclass(frozen=True, kw_only=True)
class EpisodeResult:
    """How an episode went.

    Attributes:
        task_id: the task that was played.
        rewards: one reward per step.
        score: the environment's score, or the lowest one where the episode did not come to its end.
        done: the environment ended the episode.
        failure: what stopped the episode before its end.
    """

    task_id: str
    rewards: tuple[float, ...]
    score: float
    done: bool
    failure: str | None = None

    @property
    def success(self) -> bool:
        """The incident was brought to a good end."""
        return self.done and self.failure is None and self.score >= SUCCESS_SCORE


class Transcript:
    """The [START], [STEP] and [END] lines of one episode.

    Args:
        write: takes one line without its end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def start(self, task_id: str, env_name: str, model_name: str) -> None:
        """Announce the episode."""
        self._write(f"[START] task={one_token(task_id)} env={one_token(env_name)} model={one_token(model_name)}")

    def step(self, number: int, action: Action, reward: float, done: bool, error: str | None) -> None:
        """Report one action and what came of it."""
        said = "null" if error is None else one_line(error)
        self._write(
            f"[STEP] step={number} action={action_text(action)} reward={reward:.2f} done={_word(done)} error={said}"
        )

    def end(self, result: EpisodeResult) -> None:
        """Close the episode."""
        rewards = ",".join(f"{reward:.2f}" for reward in result.rewards)
        self._write(
            f"[END] success={_word(result.success)} steps={len(result.rewards)}"
            f" score={result.score:.3f} rewards={rewards}"
        )


class Run:
    """One episode under way: what was earned so far, and whether it came to its end."""

    def __init__(self, environment: PlayedEnvironment, policy: Policy, transcript: Transcript) -> None:
        self.environment = environment
        self.policy = policy
        self.transcript = transcript
        self.rewards: list[float] = []
        self.done = False
        self._refusals = 0

    def play(self, task_id: str, seed: int, out_of_time: Callable[[], bool]) -> None:
        """Reset the environment and act until it says done."""
        observation = self.environment.reset(task_id, seed)
        while not observation.done:
            if out_of_time():
                raise OutOfTime("the episode's time budget is spent")
            observation = self._step(observation)
        self.done = True

    def score(self) -> float:
        """What the environment says the episode is worth."""
        lowest, highest = SCORE_RANGE
        if not self.done:
            return lowest
        return min(max(float(self.environment.state()["score"]), lowest), highest)

    def _step(self, observation: Observation) -> Observation:
        action = self.policy.act(observation)
        try:
            after = self.environment.step(action)
        except (ActionRefused, BadRequest) as refusal:
            return self._refused(observation, action, refusal)
        self._refusals = 0
        reward = after.reward or 0.0
        self.rewards.append(reward)
        error = getattr(self.policy, "error", None) or after.metadata.get("error")
        self.transcript.step(len(self.rewards), action, reward, after.done, None if error is None else str(error))
        return after

    def _refused(self, observation: Observation, action: Action, refusal: Exception) -> Observation:
        """Report the refusal, and show the policy the same scene with the reason as its message."""
        self._refusals += 1
        self.rewards.append(0.0)
        self.transcript.step(len(self.rewards), action, 0.0, False, str(refusal))
        if self._refusals >= REFUSALS_IN_A_ROW:
            raise refusal
        return observation.model_copy(update={"message": f"Refused: {one_line(str(refusal))}"})


def run_episode(
    environment: PlayedEnvironment,
    policy: Policy,
    task_id: str,
    seed: int,
    *,
    env_name: str = ENV_NAME,
    model_name: str | None = None,
    write: Callable[[str], None] = print,
    budget_s: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> EpisodeResult:
    """Play one episode from its reset to its end and write its lines, the last one whatever happens.

    Args:
        environment: the environment or a client of it.
        policy: a fresh policy.
        task_id: the task to reset to.
        seed: the episode's seed.
        env_name: the environment's name in the [START] line.
        model_name: the model's name there; the policy's unless told.
        write: takes one line without its end.
        budget_s: wall-clock seconds after which no further step is begun.
        clock: seconds on a monotonic clock.
        guard: what is held around the episode, as an alarm that raises `OutOfTime`.

    Raises:
        BaseException: only what is no `Exception`, as KeyboardInterrupt, after the [END] line; `OutOfTime`
            ends the episode only.
    """
    transcript = Transcript(write)
    run = Run(environment, policy, transcript)
    end_s = clock() + budget_s
    failure: str | None = "interrupted"
    score = SCORE_RANGE[0]
    transcript.start(task_id, env_name, model_name or policy.name)
    try:
        with guard():
            run.play(task_id, seed, lambda: clock() >= end_s)
            score = run.score()
        failure = None
    except (Exception, OutOfTime) as error:
        failure = one_line(f"{type(error).__name__}: {error}")
        log.error("episode %s stopped: %s", task_id, failure)
        log.debug("where it stopped", exc_info=True)
    finally:
        result = EpisodeResult(task_id=task_id, rewards=tuple(run.rewards), score=score, done=run.done, failure=failure)
        transcript.end(result)
    return result


def action_text(action: Action) -> str:
    """An action as one token: `investigate:postgres-db`, `escalate:<team>:<details as JSON>`."""
    parts = [action.action_type.value]
    if action.target is not None:
        parts.append(action.target)
    if action.details is not None:
        parts.append(json.dumps(action.details, separators=(",", ":")))
    text = one_token(":".join(parts))
    return text if len(text) <= LONGEST_ACTION else f"{text[:LONGEST_ACTION]}..."


def one_token(text: str) -> str:
    r"""The text in printable ASCII without blanks, with `\uXXXX` for everything else."""
    return "".join(character if "!" <= character <= "~" else _escape(character) for character in text) or _escape(" ")


def one_line(text: str) -> str:
    r"""The text in printable ASCII on one line, cut short, with `\uXXXX` for what is neither."""
    line = "".join(character if " " <= character <= "~" else _escape(character) for character in " ".join(text.split()))
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}..."


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _word(flag: bool) -> str:
    return "true" if flag else "false"
