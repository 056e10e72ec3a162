"""The seam between an agent and an episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from ..models import Action, EpisodeOptions, Observation


class Policy(Protocol):
    """An agent for one episode: it sees observations and answers with actions, and nothing else."""

    @property
    def name(self) -> str:
        """What the agent is called in results; no spaces."""
        ...

    def act(self, observation: Observation) -> Action:
        """Choose the next action from what is seen now and what was seen before."""
        ...


@runtime_checkable
class Briefed(Protocol):
    """A policy that is told the truth before the episode begins: a yardstick, not an agent.

    Only who plays episodes in its own process can tell it; over HTTP nobody does.
    """

    def briefed(self, task_id: str, seed: int, options: EpisodeOptions, warm_ups: Any, yardsticks: Any) -> None:
        """Learn what is about to be played.

        Args:
            warm_ups: incidents begun before, if any are kept.
            yardsticks: what full grades were measured by before, if any are kept.
        """
        ...


@runtime_checkable
class Closing(Protocol):
    """A policy that holds something, as a connection, which it gives back after the episode."""

    def close(self) -> None:
        """Give it back."""
        ...


PolicyFactory = Callable[[int], Policy]
"""Makes a fresh policy for one episode from a seed, which policies without randomness ignore."""


def offered(observation: Observation, verb: str) -> list[str]:
    """The targets that `available_actions` lists for one verb, in the listed order."""
    prefix = f"{verb}:"
    return [entry.removeprefix(prefix) for entry in observation.available_actions if entry.startswith(prefix)]
