"""Trajectories: finished episodes as lines of JSON, which replaying verifies."""

from __future__ import annotations

from .files import Checked, Line, WorkerLost, lines, verify_lines
from .parsing import Unreadable, parse
from .playing import with_whole
from .record import FORMAT, MOST_CHARS, Trajectory, Whole, checksum, export
from .verdict import Difference, Verdict, verify, verify_line

__all__ = [
    "FORMAT",
    "MOST_CHARS",
    "Checked",
    "Difference",
    "Line",
    "Trajectory",
    "Unreadable",
    "Verdict",
    "Whole",
    "WorkerLost",
    "checksum",
    "export",
    "lines",
    "parse",
    "verify",
    "verify_line",
    "verify_lines",
    "with_whole",
]
