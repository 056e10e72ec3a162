"""The faults: root causes by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import catalogue
from . import capacity, crashes, credentials, exporters, latency, load, memory, pools, queries, stores, tokens
from .fault import Evidence, Family, Fault, Mechanism, Plan, Sustained, Trigger

FAULTS: Mapping[str, Fault] = catalogue(
    Fault, capacity, memory, credentials, pools, queries, stores, tokens, latency, load, exporters, crashes
)


def twins_of(fault: Fault) -> tuple[Fault, ...]:
    """The other faults of its set, at the same service where they strike there."""
    others = (other for other in FAULTS.values() if other.family is fault.family and other.name != fault.name)
    return tuple(other.at(fault.service) if fault.service in other.places else other for other in others)


TASK_FAULTS = ("pg_max_connections_undersized", "redis_maxmemory_orphan_keys", "jwt_partial_rotation")
"""The faults of the three fixed tasks."""

__all__ = [
    "FAULTS",
    "TASK_FAULTS",
    "Evidence",
    "Family",
    "Fault",
    "Mechanism",
    "Plan",
    "Sustained",
    "Trigger",
    "twins_of",
]
