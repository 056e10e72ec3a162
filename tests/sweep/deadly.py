"""Policies that end the process that plays them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from env.policies import POLICIES, Policy

MARK = "SWEEP_TEST_MARK"
"""The variable that names the file which remembers that the process was killed once."""


def once(seed: int) -> Policy:
    """Kills its process at seed 1, the first time."""
    mark = Path(os.environ[MARK])
    if seed == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return POLICIES["first_listed"](seed)


def always(seed: int) -> Policy:
    """Kills every process that plays seed 1."""
    if seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return POLICIES["first_listed"](seed)


class Clumsy:
    """Fails at its second action."""

    name = "clumsy"

    def __init__(self, seed: int) -> None:
        self._policy = POLICIES["first_listed"](seed)
        self._acted = False

    def act(self, observation):
        if self._acted:
            raise ZeroDivisionError("it cannot\ngo on")
        self._acted = True
        return self._policy.act(observation)
