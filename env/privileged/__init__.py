"""Yardsticks: policies that are told the truth before the episode, and act through its interface only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..policies import PolicyFactory
from .briefing import Briefing, brief
from .oracle import Oracle
from .twin import TwinsFix

PRIVILEGED: Mapping[str, PolicyFactory] = MappingProxyType(
    {"oracle": lambda seed: Oracle(), "twins_fix": lambda seed: TwinsFix()}
)
"""By name. No server has them: who plays over HTTP is told nothing."""

__all__ = ["PRIVILEGED", "Briefing", "Oracle", "TwinsFix", "brief"]
