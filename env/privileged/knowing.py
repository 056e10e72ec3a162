"""A policy that knows the truth, and writes its plan as a story that hears what comes of each action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any

from ..models import Action, EpisodeOptions, Observation
from ..policies import NotBriefed
from ..policies.blind import NOTHING_MORE
from .briefing import Briefing, brief

Plan = Generator[Action, Observation, None]
"""Yields an action and is sent what is seen after it."""


class Knowing(ABC):
    """A policy that is briefed; once its plan is used up it leaves it at that."""

    name = "knowing"

    def __init__(self) -> None:
        self._briefing: Briefing | None = None
        self._plan: Plan | None = None

    def briefed(
        self, task_id: str, seed: int, options: EpisodeOptions, warm_ups: Any = None, yardsticks: Any = None
    ) -> None:
        """Learn what is about to be played."""
        self._briefing = brief(task_id, seed, options, warm_ups, yardsticks)

    def act(self, observation: Observation) -> Action:
        """The next action of the plan.

        Raises:
            NotBriefed: nobody has told it the truth.
        """
        if self._briefing is None:
            raise NotBriefed(f"{self.name} knows the truth by a briefing, which only sweeps and evaluations give")
        try:
            if self._plan is None:
                self._plan = self.plan(self._briefing, observation)
                return next(self._plan)
            return self._plan.send(observation)
        except StopIteration:
            return NOTHING_MORE

    @abstractmethod
    def plan(self, truth: Briefing, observation: Observation) -> Plan:
        """What it does, from the first observation on."""
