"""The fields of a statement that was made as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from cluster_sim import SERVICES, Mechanism, Sustained, Trigger

from ..episode import Chain, RootCauseStatement
from ..wording import affirmed, mechanisms_in, sentences, services_in
from .claims import leading
from .objects import ROOT_KEYS, JsonObject, Pairs, folded

MECHANISM_KEYS = frozenset({"mechanism", "mechanisms", "rootcausemechanism"})
TRIGGER_KEYS = frozenset({"trigger", "triggers", "triggeredby"})
SUSTAINED_KEYS = frozenset({"sustainedby", "sustained"})
CHAIN_KEYS = frozenset({"chain", "causalchain"})
CONFIDENCE_KEYS = frozenset({"confidence"})

MOST_EDGES = 20
"""Edges of a chain from which on it is a list of guesses (chosen: the services have nine calls among them)."""

LONGEST_PATH = 1000
"""Characters of a path that is written with arrows (chosen: of as many edges)."""

_ARROW = re.compile(r"[-=]{1,4}>|→")

Id = TypeVar("Id", Trigger, Sustained)


def from_fields(pairs: Pairs) -> RootCauseStatement:
    """The statement that the fields of an object make."""
    root = _only(_given(pairs, ROOT_KEYS))
    named = _given(pairs, MECHANISM_KEYS)
    if isinstance(root, dict | JsonObject):
        inner = list(root.items()) if isinstance(root, dict) else root
        named += _given(inner, MECHANISM_KEYS)
        root = _only([value for key, value in inner if folded(key) in {"service", "name"} | ROOT_KEYS])
    return RootCauseStatement(
        service=_service(root),
        mechanism=_mechanism(_only(named) if named else root),
        trigger=_id(Trigger, _only(_given(pairs, TRIGGER_KEYS))),
        sustained_by=_id(Sustained, _only(_given(pairs, SUSTAINED_KEYS))),
        chain=_chain(_given(pairs, CHAIN_KEYS)),
        confidence=_confidence(_given(pairs, CONFIDENCE_KEYS)),
    )


def _given(pairs: Pairs, keys: frozenset[str]) -> list[Any]:
    """The values of every key that is written in one of some ways."""
    return [value for key, value in pairs if folded(key) in keys]


def _only(values: Sequence[Any]) -> Any:
    """The one value that a field was given, alone or in a list; None if it was given several."""
    first = values[0] if values else None
    if any(value != first for value in values):
        return None
    if isinstance(first, list) and not isinstance(first, JsonObject):
        return first[0] if len(first) == 1 else None
    return first


def _service(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if value.strip() in SERVICES:
        return value.strip()
    found = [leading(text) for text in map(affirmed, sentences(value)) if services_in(text)]
    return found[0][0] if found and len(found[0]) == 1 else None


def _mechanism(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = re.sub(r"[ -]", "_", value.strip().lower())
    if name in set(Mechanism):
        return Mechanism(name)
    found = mechanisms_in(" ".join(map(affirmed, sentences(value))))
    return found[0] if len(found) == 1 else None


def _id(ids: type[Id], value: Any) -> Id | None:
    """The id that a value is, however it is spaced; no other words stand for one."""
    if not isinstance(value, str) or not value.isascii():  # some letters that are none become one in lower case
        return None
    name = re.sub(r"[ -]", "_", value.strip().lower())
    return next((id_ for id_ in ids if id_ == name), None)


def _confidence(values: Sequence[Any]) -> float | None:
    """The number that was given, if it is one from 0 to 1."""
    first = values[0] if values else None
    if isinstance(first, bool) or not isinstance(first, int | float) or any(value != first for value in values):
        return None
    return float(first) if 0 <= first <= 1 else None  # nor is anything else that is no finite number


# ---------------------------------------------------------------- the chain


def _chain(values: Sequence[Any]) -> Chain | None:
    """How trouble spread: pairs, arrows from one to the next, or the services of one path in their order.

    None of what is neither, names what is no service, or lists guesses.
    """
    if not values:
        return frozenset()
    first = values[0]
    if any(value != first for value in values):
        return None
    steps = [first] if isinstance(first, str) else first
    if not isinstance(steps, list) or isinstance(steps, JsonObject):
        return None
    if len(steps) > 1 and all(isinstance(step, str) and step.strip() in SERVICES for step in steps):
        steps = [" -> ".join(steps)]
    return chain_of(map(_names, steps))


def _names(step: Any) -> list[str]:
    """The services of a pair, or of a path written with arrows; none of anything else."""
    if isinstance(step, str):
        return [name.strip() for name in _ARROW.split(step[:LONGEST_PATH])]
    pair = isinstance(step, list) and not isinstance(step, JsonObject) and len(step) == 2
    return [name.strip() for name in step] if pair and all(isinstance(name, str) for name in step) else []


def chain_of(paths: Iterable[Sequence[str]]) -> Chain | None:
    """The edges along some paths; None if one of them is none, or there are too many edges."""
    edges: list[tuple[str, str]] = []
    for path in paths:
        steps = list(pairwise(path))
        if not steps or not all(one in SERVICES and other in SERVICES and one != other for one, other in steps):
            return None
        edges += steps
        if len(edges) > MOST_EDGES:
            return None
    return frozenset(edges)
