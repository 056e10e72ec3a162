"""Sweeps: many episodes on many cores, to the same bytes however they were played."""

from __future__ import annotations

from .episode import play, play_recorded
from .errors import EngineLost, EpisodeLost, Interrupted, SweepError, SweepRefused
from .means import Means
from .plan import Episode, Sweep
from .results import read
from .row import Recorded, Row
from .runs import Report, rows, run
from .summary import Summary

__all__ = [
    "EngineLost",
    "Episode",
    "EpisodeLost",
    "Interrupted",
    "Means",
    "Recorded",
    "Report",
    "Row",
    "Summary",
    "Sweep",
    "SweepError",
    "SweepRefused",
    "play",
    "play_recorded",
    "read",
    "rows",
    "run",
]
