"""Limits to the work that one query may make."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time
from typing import TypeVar

from .errors import QueryError

Found = TypeVar("Found")

MOST_WORK = 300_000
"""Units of work (chosen: some 1.2 seconds of it)."""
NEW_LINE, LINE, STAGE = 3, 1, 1
"""Units that it takes to read a line, to read it again, and to apply a stage to it (measured: some 4 µs each)."""

MOST_S = 0.5
"""CPU seconds (chosen: some five times what ordinary expressions take for all that an episode logs).

RE2 takes time in proportion to the text, but with some expressions a microsecond and more a character.
"""


class Patience:
    """What is left of these limits."""

    def __init__(self) -> None:
        self._left = MOST_S
        self._work = MOST_WORK

    def work(self, units: int) -> None:
        """Some work is to be done.

        Raises:
            QueryError: it is too much.
        """
        self._work -= units
        if self._work < 0:
            raise QueryError(
                "the query would read too many lines; consider adding more specific stream selectors or reduce the "
                "time range of the query"
            )

    def bounded(self, function: Callable[[str], Found]) -> Callable[[str], Found]:
        """A function whose time counts; when there is none left it raises QueryError."""

        def limited(text: str) -> Found:
            begun = thread_time()
            found = function(text)
            self._left -= thread_time() - begun
            if self._left < 0:
                raise QueryError(
                    "Request timed out, decrease the duration of the request or add more label matchers (prefer exact "
                    "match over regex match) to reduce the amount of data processed."
                )
            return found

        return limited
