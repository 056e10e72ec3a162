"""Conditions on labels, ready to be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from . import patterns
from .series import Matcher


def predicate(matcher: Matcher) -> Callable[[str], bool]:
    """Whether a label's value meets a condition.

    Raises:
        PatternError: the condition's regular expression is not one.
    """
    wanted = matcher.value
    match matcher.operator:
        case "=":
            return lambda value: value == wanted
        case "!=":
            return lambda value: value != wanted
        case "=~":
            pattern = patterns.compile(wanted, captures=False)
            return lambda value: pattern.fullmatch(value) is not None
        case "!~":
            pattern = patterns.compile(wanted, captures=False)
            return lambda value: pattern.fullmatch(value) is None
    raise ValueError(f"no such operator: {matcher.operator}")


def matches(matchers: Sequence[Matcher]) -> Callable[[Mapping[str, str]], bool]:
    """Whether labels meet every condition."""
    tests = [(matcher.label, predicate(matcher)) for matcher in matchers]
    return lambda labels: all(accepts(labels.get(label, "")) for label, accepts in tests)
