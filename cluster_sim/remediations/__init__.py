"""The remediations by name, and the teams that own them."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import catalogue
from . import (
    applications,
    database,
    exporters,
    infrastructure,
    latency,
    load,
    pods,
    pools,
    queries,
    security,
    stores,
    tokens,
)
from .remediation import Remediation

REMEDIATIONS: Mapping[str, Remediation] = catalogue(
    Remediation,
    database,
    applications,
    infrastructure,
    security,
    pools,
    queries,
    stores,
    tokens,
    latency,
    load,
    exporters,
    pods,
)
TEAMS: tuple[str, ...] = tuple(dict.fromkeys(remediation.team for remediation in REMEDIATIONS.values()))

__all__ = ["REMEDIATIONS", "TEAMS", "Remediation"]
