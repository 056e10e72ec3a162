"""A server whose steps do nothing but burn CPU: what is measured of it is the path of a step."""

from __future__ import annotations

import os
import time
from copy import copy
from functools import cache
from typing import Any

from cluster_sim import Cluster
from env.environment import IncidentEnvironment
from env.episode import Told
from env.models import Action, EpisodeOptions, Observation
from env.server import create_app

BURNT_S = float(os.environ.get("BURNT_MS", "2")) / 1e3
"""CPU of a step, in seconds."""


@cache
def seen() -> dict[str, Any]:
    """A real observation, so that the answers have a usual size."""
    return IncidentEnvironment().reset("task_hard", 1).model_dump()


class BurningEnvironment:
    """Every episode is the same, and never over."""

    done = False
    read_api = False
    cluster: Cluster
    observations: tuple[Told, ...] = ()
    answers: tuple[Told, ...] = ()

    def __init__(self) -> None:
        self._steps = 0

    def reset(self, task_id: str, seed: int, options: EpisodeOptions | None = None) -> Observation:
        """Begin."""
        self._steps = 0
        return self._observe()

    def step(self, action: Action) -> Observation:
        """Burn."""
        end = time.thread_time() + BURNT_S
        while time.thread_time() < end:
            pass
        self._steps += 1
        return self._observe()

    def _observe(self) -> Observation:
        return Observation.model_validate({**seen(), "step": self._steps})

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Nothing is read."""
        return {}

    def branch(self) -> BurningEnvironment:
        """A copy."""
        return copy(self)

    def state(self) -> dict[str, Any]:
        """How far it is."""
        return {"step_count": self._steps}

    def info(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def exposition(self) -> bytes:
        """Nothing."""
        return b""


app = create_app(BurningEnvironment)
