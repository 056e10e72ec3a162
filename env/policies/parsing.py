"""Finds the action in what a language model wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from ..models import Action, ActionType

LONGEST_ANSWER = 20_000
"""Characters of an answer that are looked through, its last ones; chosen."""


def find_action(answer: str) -> Action | None:
    """The last action in the answer that fits the schema, or None.

    An action is a JSON object, bare, fenced or in the middle of prose, possibly under the key `action`; or a
    line that spells an entry of `available_actions`, as `investigate:postgres-db`. Drafts come before the
    decision, so the last one counts.
    """
    text = answer[-LONGEST_ANSWER:]
    objects = [action for value in json_objects(text) if (action := _from_object(value)) is not None]
    if objects:
        return objects[-1]
    lines = [action for line in text.splitlines() if (action := _from_line(line)) is not None]
    return lines[-1] if lines else None


def json_objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Every outermost JSON object in a text."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def _from_object(value: Mapping[str, Any]) -> Action | None:
    inner = value.get("action")
    if isinstance(inner, Mapping):
        return _from_object(inner)
    if isinstance(inner, str) and "action_type" not in value:
        return _checked({**_split(inner), **value})
    return _checked(value)


def _from_line(line: str) -> Action | None:
    entry = line.strip().strip("`*\"' ")
    if " " in entry or (":" not in entry and entry != ActionType.NO_OP):
        return None
    return _checked(_split(entry))


def _split(entry: str) -> dict[str, Any]:
    verb, _, target = entry.partition(":")
    return {"action_type": verb, "target": target or None}


def _checked(fields: Mapping[str, Any]) -> Action | None:
    known = {name: fields[name] for name in ("action_type", "target", "details") if name in fields}
    if isinstance(known.get("details"), list):
        known["details"] = json.dumps(known["details"])
    try:
        return Action.model_validate(known)
    except ValueError:
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
