"""Agents that play an episode through its observations, and what runs them."""

from __future__ import annotations

from .client import EnvironmentClient
from .errors import NotBriefed, PolicyUnavailable, UnknownPolicy
from .policy import Briefed, Closing, Policy, PolicyFactory
from .registry import POLICIES, PRIVILEGED, deterministic, policy_factory
from .rule_based import RuleBasedPolicy
from .runner import EpisodeResult, PlayedEnvironment, run_episode

__all__ = [
    "POLICIES",
    "PRIVILEGED",
    "Briefed",
    "Closing",
    "EnvironmentClient",
    "EpisodeResult",
    "NotBriefed",
    "PlayedEnvironment",
    "Policy",
    "PolicyFactory",
    "PolicyUnavailable",
    "RuleBasedPolicy",
    "UnknownPolicy",
    "deterministic",
    "policy_factory",
    "run_episode",
]
