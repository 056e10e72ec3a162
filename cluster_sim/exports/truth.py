"""The truth about an episode, for those who grade what was concluded from its telemetry."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version

from ..clock import rfc3339, unix_s
from .episode import Episode

_LIBRARIES = ("networkx", "numpy", "simpy")
"""What the numbers come from besides the project's own code."""


def truth(episode: Episode) -> dict[str, object]:
    """Fault, root cause, times (Unix seconds), fixes, options and versions."""
    plan, fault = episode.plan, episode.plan.fault
    return {
        "fault": fault.name if fault else None,
        "root_cause_service": fault.service if fault else None,
        "mechanism": str(fault.mechanism) if fault else "no_incident",
        "team": fault.team if fault else None,
        "seed": episode.seed,
        "arrival_rate_hz": plan.arrival_rate_hz,
        "noise": plan.noise,
        "started": unix_s(0),
        "started_at": rfc3339(0),
        "onset": _unix(episode.onset),
        "paged": _unix(episode.paged),
        "pages": list(episode.pages),
        "remediation": plan.remediation.name if plan.remediation else None,
        "remediation_ordered": _unix(episode.ordered),
        "ended": unix_s(episode.cluster.now),
        "right_fixes": None if episode.right_fixes is None else list(episode.right_fixes),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
    }


def _unix(at: int | None) -> float | None:
    return None if at is None else unix_s(at)


def document(episode: Episode) -> Iterator[str]:
    """The truth as JSON."""
    yield json.dumps(truth(episode), indent=2) + "\n"
