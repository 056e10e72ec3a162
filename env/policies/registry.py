"""The policies that can be named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from . import blind
from .blind import Scripted
from .errors import UnknownPolicy
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
    }
)
"""Every policy that needs nothing but a seed, by name: the rule-based agent and the blind ones."""


def policy_factory(name: str) -> PolicyFactory:
    """The factory of a shipped policy, or of one's own as `package.module:factory`.

    What a policy does must be a function of its seed and of what it observes: then it can be played again.

    Raises:
        UnknownPolicy: nothing is called so.
    """
    if name in POLICIES:
        return POLICIES[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise UnknownPolicy(f"unknown policy {name!r} (choose from {', '.join(POLICIES)}, or give module:factory)")
    try:
        factory: PolicyFactory = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # importing runs code that is not ours
        raise UnknownPolicy(f"policy {name!r} cannot be imported: {error}") from None
    if not callable(factory):
        raise UnknownPolicy(f"policy {name!r} is nothing that makes a policy from a seed")
    return factory
