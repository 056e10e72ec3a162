"""The paths of `| json name="a.b[0]["c d"]"`."""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import ParseError

_STEP = re.compile(r"""\.?([A-Za-z_][A-Za-z0-9_]*)|\[(\d{1,6})\]|\["([^"\\]*)"\]""")


@lru_cache(maxsize=256)
def path(text: str) -> tuple[str | int, ...]:
    """The keys and indices on the way to a value.

    Raises:
        ParseError: it is no such path.
    """
    steps: list[str | int] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None or (found[0][0] == "." and not steps) or (steps and found[1] and found[0][0] != "."):
            raise ParseError(f"cannot parse expression [{text[:80]}]: syntax error: unexpected token")
        steps.append(int(found[2]) if found[2] else found[1] or found[3] or "")
        place = found.end()
    if not steps:
        raise ParseError("cannot parse expression []: syntax error: unexpected $end")
    return tuple(steps)


def value_at(steps: tuple[str | int, ...], document: object) -> object:
    """What stands at the end of a path in a JSON document; None if nothing does."""
    for step in steps:
        if isinstance(step, str) and isinstance(document, dict):
            document = document.get(step)
        elif isinstance(step, int) and isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return None
    return document
