"""The tasks by id."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_sim import catalogue

from . import cache_memory, connections, secret_rotation
from .task import IncidentTask

TASKS: Mapping[str, IncidentTask] = catalogue(IncidentTask, connections, cache_memory, secret_rotation)

__all__ = ["TASKS", "IncidentTask"]
