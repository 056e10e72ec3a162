"""What grading in full costs at the end of an episode."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from .calibration import calibrated
from .figures import Figure

if TYPE_CHECKING:
    from cluster_sim import WarmUps
    from env.assessment import Yardsticks

INDICES = range(24)
"""Incidents of the test split that are measured (chosen)."""


def grading_figures() -> Iterator[Figure]:
    """CPU of the last step of generated episodes, which are repaired by their runbook: the first of an incident, and
    the next ones; those with one change, and those with two or more."""
    from cluster_sim import WarmUps
    from env.assessment import Yardsticks

    first: list[float] = []
    again: dict[bool, list[float]] = {False: [], True: []}
    for index in INDICES:
        warm_ups, yardsticks = WarmUps(), Yardsticks()
        took, changes = _last_step(index, warm_ups, yardsticks)
        if changes:
            first.append(took)
            again[changes > 1].append(min(_last_step(index, warm_ups, yardsticks)[0] for _ in range(2)))
    unit = calibrated()
    label = "at 20/s"
    yield Figure(f"full grade, first of an incident, median {label}", median(first) * 1e3, "ms", median(first) / unit)
    for several, times in again.items():
        name = f"full grade, {'several changes' if several else 'one change'}, cached, {label}"
        for what, value in (("median", median(times)), ("slowest", max(times))):
            yield Figure(f"{name}, {what}", value * 1e3, "ms", value / unit, "150 ms")


def _last_step(index: int, warm_ups: WarmUps, yardsticks: Yardsticks) -> tuple[float, int]:
    """CPU seconds of the postmortem that ends an episode, and how many changes were made before."""
    from env.environment import IncidentEnvironment
    from env.models import Action, ActionType, EpisodeOptions

    environment = IncidentEnvironment(warm_ups, yardsticks)
    environment.reset("generated", index, EpisodeOptions(split="test"))
    fault = environment.task.root
    cause = {"root_cause": fault.service, "mechanism": str(fault.mechanism)}
    if not fault.harmless:
        environment.step(Action(action_type=ActionType.INVESTIGATE, target=fault.service))
        environment.step(Action(action_type=ActionType.ESCALATE, target=fault.team, details=cause))
        for fix in fault.repairs[0]:
            environment.step(Action(action_type=ActionType.APPLY_FIX, target=fix))
    began = process_time()
    environment.step(Action(action_type=ActionType.POSTMORTEM, details=cause))
    return process_time() - began, 0 if fault.harmless else len(fault.repairs[0])
