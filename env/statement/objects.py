"""JSON objects as they were written, keys that come twice too, and the text in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

DEEPEST, LONGEST_LABEL = 8, 60
"""How far a JSON object is read, and how much of each of its keys (chosen)."""

ROOT_KEYS = frozenset({"rootcause", "rootcauses", "rootcauseservice"})

Pairs = Sequence[tuple[str, Any]]


class JsonObject(list[tuple[str, Any]]):
    """A JSON object with every pair that it was written with, keys that come twice too."""


def pairs_of(details: str | dict[str, Any] | None) -> Pairs:
    """The pairs of the JSON object in the details of an action; none where there is no such object."""
    if isinstance(details, dict):
        return list(details.items())
    if not details or not details.lstrip().startswith("{"):
        return []
    try:
        value = json.loads(details, object_pairs_hook=JsonObject)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, JsonObject) else []


def folded(key: str) -> str:
    """A key without what people write differently in it."""
    return re.sub(r"[^a-z]", "", key[:LONGEST_LABEL].lower())


def text_of(details: str | dict[str, Any] | None) -> str:
    """The prose in the details of an action: all of a text; of a JSON object a line for each string, after its key."""
    pairs = pairs_of(details)
    if pairs:
        return "\n".join(_lines(JsonObject(pairs), "", DEEPEST))
    return details if isinstance(details, str) else ""


def _lines(value: Any, label: str, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield f"{label}: {value}" if label else value
    elif depth and isinstance(value, dict | JsonObject):
        for key, inner in value.items() if isinstance(value, dict) else value:
            within = f"{label}: " if folded(label) in ROOT_KEYS else ""
            yield from _lines(inner, f"{within}{key[:LONGEST_LABEL]}", depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _lines(inner, label, depth - 1)
