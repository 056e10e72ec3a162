"""The seam between an agent and an episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..models import Action, Observation


class Policy(Protocol):
    """An agent for one episode: it sees observations and answers with actions, and nothing else."""

    @property
    def name(self) -> str:
        """What the agent is called in results; no spaces."""
        ...

    def act(self, observation: Observation) -> Action:
        """Choose the next action from what is seen now and what was seen before."""
        ...


PolicyFactory = Callable[[int], Policy]
"""Makes a fresh policy for one episode from a seed, which policies without randomness ignore."""


def offered(observation: Observation, verb: str) -> list[str]:
    """The targets that `available_actions` lists for one verb, in the listed order."""
    prefix = f"{verb}:"
    return [entry.removeprefix(prefix) for entry in observation.available_actions if entry.startswith(prefix)]
