"""Regular expressions of queries: RE2, the syntax of Go, which matches in linear time whatever the pattern is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import re2  # type: ignore[import-untyped]

_LARGEST = 1 << 20
"""Bytes a compiled pattern may take (chosen: RE2's own default of 8 MB makes the first match of a monster slow)."""

_LONGEST = 4096
"""Characters; the compiler takes quadratic time for some patterns, a tenth of a second for these (chosen)."""


class PatternError(ValueError):
    """A regular expression that RE2 refuses; the message is RE2's."""


class Pattern(Protocol):
    """A compiled regular expression, with the methods of the standard library's."""

    groups: int
    groupindex: dict[str, int]

    def search(self, text: str) -> Any:
        """The first match anywhere, or None."""
        ...

    def match(self, text: str) -> Any:
        """A match at the beginning, or None."""
        ...

    def fullmatch(self, text: str) -> Any:
        """A match of the whole text, or None."""
        ...


@lru_cache(maxsize=256)
def compile(pattern: str, *, captures: bool = True, most_bytes: int = _LARGEST) -> Pattern:
    """A pattern to search with.

    Args:
        captures: whether anybody wants its groups; without them a pattern of a thousand groups is as fast as any.
        most_bytes: what the compiled pattern may take.

    Raises:
        PatternError: it is not a regular expression of RE2, or a too large one.
    """
    if len(pattern) > _LONGEST:
        raise PatternError(f"pattern longer than {_LONGEST} characters")
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise PatternError("invalid UTF-8") from None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = most_bytes
    options.never_capture = not captures
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(_words(error)) from None
    return compiled


def _words(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
