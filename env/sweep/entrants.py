"""Who may play in a sweep: policies that observe, and those that are told the truth."""

from __future__ import annotations

from cluster_sim import Streams

from ..policies import PolicyFactory, policy_factory
from ..privileged import PRIVILEGED


def factory_of(name: str) -> PolicyFactory:
    """The factory of a policy that a sweep can play.

    Raises:
        UnknownPolicy: nothing is called so, or it cannot be had here.
    """
    return PRIVILEGED[name] if name in PRIVILEGED else policy_factory(name)


def policy_seed(seed: int, trial: int) -> int:
    """The seed that a policy gets: the episode's in its first trial, in each further one another."""
    return seed if trial == 0 else Streams(seed).bits("policy-trial", trial) >> 1
