"""The tasks by id."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_sim import catalogue

from . import cache_memory, connections, secret_rotation
from .generated import DESCRIPTION, GENERATED, MAX_STEPS, TITLE, generated_task
from .task import IncidentTask

TASKS: Mapping[str, IncidentTask] = catalogue(IncidentTask, connections, cache_memory, secret_rotation)

TASK_IDS = (*TASKS, GENERATED)
"""What can be played."""

__all__ = ["DESCRIPTION", "GENERATED", "MAX_STEPS", "TASKS", "TASK_IDS", "TITLE", "IncidentTask", "generated_task"]
