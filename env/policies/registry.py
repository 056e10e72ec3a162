"""The policies that can be named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from . import blind
from .alert_follower import alert_follower
from .blind import Scripted
from .errors import PolicyUnavailable, UnknownPolicy
from .model import PREFIX, model_policy
from .policy import PolicyFactory
from .rule_based import RuleBasedPolicy


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
        "restart_everything": _scripted("restart_everything", blind.restart_everything),
        "all_clear": _scripted("all_clear", blind.all_clear),
        "all_clear_after_looking": _scripted("all_clear_after_looking", blind.all_clear_after_looking),
        "alert_follower": _scripted("alert_follower", alert_follower),
    }
)
"""Every policy that needs nothing but a seed, by name: the rule-based agent, the blind ones, who trusts the page."""

SEEDED = frozenset({"random_valid"})
"""Those of them whose actions depend on the seed."""

PRIVILEGED = ("oracle", "twins_fix")
"""Yardsticks that know the truth; who plays episodes in its own process has them (`env.privileged`)."""


def policy_factory(name: str) -> PolicyFactory:
    """The factory of a shipped policy, of a model as `model:<name>`, or of one's own as `package.module:factory`.

    What a policy does must be a function of its seed and of what it observes: then it can be played again. Models are
    the exception.

    Raises:
        UnknownPolicy: nothing is called so, or it cannot be had here.
    """
    if name in POLICIES:
        return POLICIES[name]
    if name in PRIVILEGED:
        raise PolicyUnavailable(f"policy {name!r} knows the truth, which only sweeps and evaluations can tell it")
    if name.startswith(PREFIX):
        return model_policy(name.removeprefix(PREFIX))
    module, colon, attribute = name.partition(":")
    if not colon:
        raise UnknownPolicy(
            f"unknown policy {name!r} (choose from {', '.join((*POLICIES, *PRIVILEGED))}, or give model:<name> or"
            " module:factory)"
        )
    try:
        factory: PolicyFactory = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # importing runs code that is not ours
        raise UnknownPolicy(f"policy {name!r} cannot be imported: {error}") from None
    if not callable(factory):
        raise UnknownPolicy(f"policy {name!r} is nothing that makes a policy from a seed")
    return factory


def deterministic(name: str) -> bool:
    """Whether a policy is known to do the same whatever its seed, so that another trial would be the same one."""
    return (name in POLICIES and name not in SEEDED) or name in PRIVILEGED
