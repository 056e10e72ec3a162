"""What is asked of a session, as objects that may be sent to the process in which it is played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic_core import to_json

from ..models import Action, EpisodeOptions
from ..playing import Environment, Later
from ..sessions import Session


def encode(content: Any) -> bytes:
    """JSON in UTF-8; a number that JSON cannot say is null."""
    return to_json(content, inf_nan_mode="null")


@dataclass(frozen=True, slots=True)
class Reset:
    """Begins an episode."""

    changes: ClassVar[bool] = True
    begins: ClassVar[bool] = True
    task_id: str
    seed: int
    options: EpisodeOptions
    episode_id: str | None = None

    def __call__(self, session: Session) -> bytes:
        return encode(session.reset(self.task_id, self.seed, self.options, self.episode_id))


@dataclass(frozen=True, slots=True)
class Step:
    """Takes one step."""

    changes: ClassVar[bool] = True
    begins: ClassVar[bool] = False
    action: Action
    task_id: str | None = None

    def __call__(self, session: Session) -> bytes:
        return encode(session.step(self.action, self.task_id))


@dataclass(frozen=True, slots=True)
class UseTool:
    """Reads the telemetry over MCP, which lets simulated time pass."""

    changes: ClassVar[bool] = True
    begins: ClassVar[bool] = False
    tool: str
    arguments: dict[str, Any]

    def __call__(self, session: Session) -> bytes:
        return encode(session.read(self.tool, self.arguments))


@dataclass(frozen=True, slots=True)
class State:
    """Where the episode stands."""

    changes: ClassVar[bool] = False
    begins: ClassVar[bool] = False
    task_id: str | None = None

    def __call__(self, session: Session) -> bytes:
        return encode(session.state(self.task_id))


@dataclass(frozen=True, slots=True)
class Export:
    """The record of the finished episode, as a line."""

    changes: ClassVar[bool] = False
    begins: ClassVar[bool] = False
    task_id: str | None = None

    def __call__(self, session: Session) -> bytes:
        return session.trajectory(self.task_id).json()


@dataclass(frozen=True, slots=True)
class Exposition:
    """The Prometheus page of the session's cluster as of its simulated now."""

    changes: ClassVar[bool] = False
    begins: ClassVar[bool] = False

    def __call__(self, session: Session) -> Later:
        return session.view().later(exposition)


def exposition(environment: Environment) -> bytes:
    return environment.exposition()
