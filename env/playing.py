"""What a session is played with: its environment, copies of it to read, and the process that has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

from cluster_sim import Cluster

from .episode import Told
from .models import Action, EpisodeOptions, Observation


class Environment(Protocol):
    """One episode at a time, as the server needs it."""

    @property
    def done(self) -> bool: ...

    def reset(self, task_id: str, seed: int, options: EpisodeOptions = ...) -> Observation: ...

    def step(self, action: Action) -> Observation: ...

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]: ...

    def branch(self) -> Environment:
        """An independent one in the same state."""
        ...

    def state(self) -> dict[str, Any]: ...

    def info(self) -> dict[str, Any]: ...

    def exposition(self) -> bytes: ...

    @property
    def observations(self) -> Sequence[Told]:
        """What was given out since the reset."""
        ...

    @property
    def answers(self) -> Sequence[Told]:
        """What reads were answered."""
        ...

    @property
    def read_api(self) -> bool: ...

    @property
    def cluster(self) -> Cluster: ...


EnvironmentFactory = Callable[[], Environment]


@dataclass(frozen=True, slots=True)
class Later:
    """The part of a call that needs the session no more: its next caller need not wait for it."""

    work: Callable[[], Any]


class View:
    """An environment as it stood, for reads that its steps do not wait for.

    Attributes:
        lock: held by who reads, as a read may remember something.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = Lock()

    def later(self, read: Callable[[Environment], Any]) -> Later:
        """A read of it."""

        def locked() -> Any:
            with self.lock:
                return read(self.environment)

        return Later(locked)


class Home(Protocol):
    """A process in which sessions are played."""

    def forget(self, session_id: str) -> None:
        """Frees what a session takes there."""
        ...


class Nowhere:
    """The home of parked sessions, of which only the log is kept."""

    def forget(self, session_id: str) -> None:
        """There is nothing to free."""


PARKED = Nowhere()
