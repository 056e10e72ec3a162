"""The faults: root causes by name."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import catalogue
from . import capacity, credentials, memory
from .fault import Fault, Mechanism

FAULTS: Mapping[str, Fault] = catalogue(Fault, capacity, memory, credentials)

__all__ = ["FAULTS", "Fault", "Mechanism"]
