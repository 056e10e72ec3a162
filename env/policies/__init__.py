"""Agents that play an episode through its observations, and what runs them."""

from __future__ import annotations

from .client import EnvironmentClient
from .errors import UnknownPolicy
from .policy import Policy, PolicyFactory
from .registry import POLICIES, policy_factory
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
    "UnknownPolicy",
    "policy_factory",
    "run_episode",
]
