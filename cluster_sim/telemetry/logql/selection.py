"""The rows that a selector and a pipeline let through."""

from __future__ import annotations

from collections.abc import Iterator

from ..series import Matcher
from .patience import LINE, NEW_LINE, STAGE, Patience
from .rows import Row
from .source import Entry, LogSource
from .steps import line_test, step
from .syntax import LineFilter, Stage


class Seen:
    """A source, and what one query has read of it.

    Attributes:
        lines, size: entries read and the characters of their lines.
        patience: with the query.
    """

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self.lines = 0
        self.size = 0
        self.patience = Patience()
        self._kept: dict[tuple[tuple[Matcher, ...], int, int], list[Entry]] = {}

    def entries(
        self, matchers: tuple[Matcher, ...], first: int, last: int, *, newest_first: bool = False
    ) -> Iterator[Entry]:
        """Entries as the source gives them."""
        for entry in self.source.entries(matchers, first, last, newest_first=newest_first):
            self.patience.work(NEW_LINE)
            self.lines += 1
            self.size += len(entry.line)
            yield entry

    def all_entries(self, matchers: tuple[Matcher, ...], first: int, last: int) -> Iterator[Entry]:
        """Entries that the query may ask for again: both sides of a ratio often read the same."""
        kept = self._kept.get((matchers, first, last))
        if kept is None:
            kept = self._kept[matchers, first, last] = list(self.entries(matchers, first, last))
        for entry in kept:
            self.patience.work(LINE)
            yield entry

    def rows(self, entries: Iterator[Entry], stages: tuple[Stage, ...]) -> Iterator[tuple[int, Row]]:
        """What a pipeline lets through, with the instants, in nanoseconds of Unix time."""
        filters, rest = _split(stages)
        tests = [line_test(stage, self.patience) for stage in filters]
        steps = [step(stage, self.patience) for stage in rest]
        work = STAGE * len(steps)
        for at, line, stream in entries:
            if all(passes(line) for passes in tests):
                self.patience.work(work)
                row = Row(line, stream.labels, stream.all)
                if all(apply(row) for apply in steps):
                    yield at, row


def _split(stages: tuple[Stage, ...]) -> tuple[list[LineFilter], tuple[Stage, ...]]:
    """The line filters that a pipeline begins with, which need no row, and the rest."""
    filters: list[LineFilter] = []
    for stage in stages:
        if not isinstance(stage, LineFilter):
            break
        filters.append(stage)
    return filters, stages[len(filters) :]
