"""Evaluations: what policies score, and what that says of them."""

from __future__ import annotations

from .by_task import Played, play, summary
from .figures import PASS_SCORE, Figures, Harm
from .report import Report, Standing, report
from .statistics import Estimate, all_pass, clustered, pass_hat

__all__ = [
    "PASS_SCORE",
    "Estimate",
    "Figures",
    "Harm",
    "Played",
    "Report",
    "Standing",
    "all_pass",
    "clustered",
    "pass_hat",
    "play",
    "report",
    "summary",
]
