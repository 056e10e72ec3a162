"""Where entries come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..series import Matcher


@dataclass(frozen=True, eq=False, slots=True)
class Stream:
    """What entries have in common.

    Attributes:
        labels: those of the stream, which selectors ask for.
        all: the same with what the store found out about the entries by itself (Loki's structured metadata).
    """

    labels: Mapping[str, str]
    all: Mapping[str, str]


class Entry(NamedTuple):
    """A line of a log.

    Attributes:
        at: nanoseconds of Unix time.
    """

    at: int
    line: str
    stream: Stream


class LogSource(Protocol):
    """What holds streams of entries."""

    def entries(
        self, matchers: Sequence[Matcher], first: int, last: int, *, newest_first: bool = False
    ) -> Iterator[Entry]:
        """The entries of the streams that meet every condition, from one instant to another, both included, in order.

        Entries of one instant and stream are in the order in which they were written, or with `newest_first` the other
        way round.
        """
        ...

    def streams(self, matchers: Sequence[Matcher], first: int, last: int) -> Iterable[Mapping[str, str]]:
        """The labels of those of the streams that have entries in that span, in a fixed order."""
        ...
