"""What can go wrong with a sweep.

SweepError
├── SweepRefused (ValueError)   what was asked for cannot be done; nothing has begun
├── EpisodeLost (RuntimeError)  an episode kills whoever plays it
└── EngineLost (RuntimeError)   the machinery that plays the episodes is gone
Interrupted (KeyboardInterrupt) somebody ended it
After all but the first the same sweep goes on from where its file ends.
"""

from __future__ import annotations


class SweepError(Exception):
    """Base of this package's errors."""


class SweepRefused(SweepError, ValueError):
    """The sweep cannot be done as asked for; nothing was begun."""


class EpisodeLost(SweepError, RuntimeError):
    """An episode has killed the process that played it, again and again."""


class EngineLost(SweepError, RuntimeError):
    """Nobody is left to play the episodes: a cluster went away, or its nodes run other code."""


class Interrupted(KeyboardInterrupt):
    """The sweep was interrupted.

    Attributes:
        there, wanted: how many of how many episodes are in the file.
    """

    def __init__(self, there: int, wanted: int) -> None:
        super().__init__(f"{there} of {wanted} episodes are played")
        self.there = there
        self.wanted = wanted
