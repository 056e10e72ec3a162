"""Entry point: plays the three tasks with the language model, or with the rule-based agent, over HTTP."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType

from env.policies import EnvironmentClient, EpisodeResult, Policy, RuleBasedPolicy, run_episode
from env.policies.chat import ChatModel
from env.policies.errors import OutOfTime
from env.policies.language_model import LanguageModelPolicy
from env.policies.model import BASE_URL, api_key
from env.policies.runner import ENV_NAME, SCORE_RANGE, Transcript

log = logging.getLogger("inference")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is told by its environment variables.

    Attributes:
        env_url: where the environment is served.
        api_key: the key for the model; without one the rule-based agent plays.
        api_base_url: the OpenAI-compatible server.
        model_name: the model to ask there.
        tasks: the tasks to play, in order.
        seed: the seed of every episode.
        model_timeout_s: seconds one answer of the model may take.
        model_retries: how often a failed question is repeated.
        budget_s: wall-clock seconds for the whole run.
    """

    env_url: str = "http://localhost:7860"
    api_key: str | None = None
    api_base_url: str = BASE_URL
    model_name: str = "gpt-4o-mini"
    tasks: tuple[str, ...] = ("task_easy", "task_medium", "task_hard")
    seed: int = 0
    model_timeout_s: float = 60.0
    model_retries: int = 2
    budget_s: float = 1080.0

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Settings:
        """The settings that environment variables spell; empty ones count as absent."""
        given = {name: value.strip() for name, value in variables.items() if value.strip()}
        tasks = tuple(task.strip() for task in given.get("TASKS", "").split(",") if task.strip())
        return cls(
            env_url=given.get("ENV_URL", cls.env_url),
            api_key=api_key(given),
            api_base_url=given.get("API_BASE_URL", cls.api_base_url),
            model_name=given.get("MODEL_NAME", cls.model_name),
            tasks=tasks or cls.tasks,
            seed=int(given.get("SEED", cls.seed)),
            model_timeout_s=float(given.get("MODEL_TIMEOUT_S", cls.model_timeout_s)),
            model_retries=int(given.get("MODEL_RETRIES", cls.model_retries)),
            budget_s=float(given.get("RUN_BUDGET_S", cls.budget_s)),
        )

    @property
    def task_budget_s(self) -> float:
        """Wall-clock seconds for one task."""
        return self.budget_s / len(self.tasks)


def main(variables: Mapping[str, str] = os.environ) -> int:
    """Play every task; the exit status is 0 unless a task, or the model, failed from beginning to end."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.read(variables)
    except ValueError as error:
        log.error("cannot read the settings: %s", error)
        for task_id in Settings.tasks:
            transcript = Transcript(_print)
            transcript.start(task_id, ENV_NAME, "none")
            transcript.end(
                EpisodeResult(task_id=task_id, rewards=(), score=SCORE_RANGE[0], done=False, failure=str(error))
            )
        return 2
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(contextlib.closing(_chat_model(settings))) if settings.api_key else None
        played: list[EpisodeResult] = []
        answers = 0
        for task_id in settings.tasks:
            policy = _policy(model, settings)
            played.append(play(task_id, policy, settings))
            answers += policy.answers if isinstance(policy, LanguageModelPolicy) else 0
    if model is not None and answers == 0:
        log.error("the model %s never gave an action", settings.model_name)
        return 1
    return 1 if any(result.failure is not None and not result.rewards for result in played) else 0


def play(task_id: str, policy: Policy, settings: Settings) -> EpisodeResult:
    """Play one task against the server and print its lines to stdout."""
    with EnvironmentClient(settings.env_url) as environment:
        return run_episode(
            environment,
            policy,
            task_id,
            settings.seed,
            write=_print,
            budget_s=settings.task_budget_s,
            guard=lambda: time_limit(settings.task_budget_s),
        )


def _print(line: str) -> None:
    print(line, flush=True)


def _chat_model(settings: Settings) -> ChatModel:
    return ChatModel(
        base_url=settings.api_base_url,
        model=settings.model_name,
        api_key=settings.api_key or "",
        timeout_s=settings.model_timeout_s,
        retries=settings.model_retries,
    )


def _policy(model: ChatModel | None, settings: Settings) -> Policy:
    if model is None:
        return RuleBasedPolicy()
    return LanguageModelPolicy(model, budget_s=settings.task_budget_s)


@contextlib.contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Raise `OutOfTime` in the block after a while, whatever it waits for; main thread of Unix only."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"the task's {limit_s:g} s are spent")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _on_terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _on_terminate)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
