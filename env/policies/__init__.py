"""Agents that play an episode through its observations, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import blind
from .blind import Scripted
from .client import EnvironmentClient
from .policy import Policy, PolicyFactory
from .rule_based import RuleBasedPolicy
from .runner import EpisodeResult, PlayedEnvironment, run_episode

__all__ = [
    "POLICIES",
    "EnvironmentClient",
    "EpisodeResult",
    "PlayedEnvironment",
    "Policy",
    "PolicyFactory",
    "RuleBasedPolicy",
    "run_episode",
]


def _scripted(name: str, script: blind.Script) -> PolicyFactory:
    return lambda seed: Scripted(name, script)


POLICIES: Mapping[str, PolicyFactory] = MappingProxyType(
    {
        "rule_based": lambda seed: RuleBasedPolicy(),
        "nothing": _scripted("nothing", blind.nothing),
        "spam": _scripted("spam", blind.spam),
        "first_listed": _scripted("first_listed", blind.first_listed),
        "keyword_salad": _scripted("keyword_salad", blind.keyword_salad),
        "look_only": _scripted("look_only", blind.look_only),
        "random_valid": lambda seed: Scripted("random_valid", blind.random_valid(seed)),
    }
)
"""Every policy that needs nothing but a seed, by name: the rule-based agent and the blind ones."""
