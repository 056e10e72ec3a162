"""Playing many episodes at once, and their rows in order."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

AHEAD = 4
"""Chunks per worker that may be begun before the first unfinished one is done; it bounds the rows held back; chosen."""
CHUNKS_PER_WORKER = 8
"""Chunks that a worker gets at least where there are few episodes, so that all end at about the same time; chosen."""


class Engine(Protocol):
    """Whoever plays chunks of episodes, several at a time."""

    @property
    def workers(self) -> int:
        """How many episodes are played at a time."""
        ...

    @property
    def free(self) -> bool:
        """Whether another chunk can be begun at once."""
        ...

    def begin(self, chunk: range) -> None:
        """Have the episodes of these numbers played."""
        ...

    def wait(self) -> list[tuple[int, bytes]]:
        """Wait for something to happen; returns the episodes played since, by number, and their rows.

        Raises:
            EpisodeLost: an episode kills whoever plays it.
            EngineLost: nobody is left to play.
        """
        ...

    def close(self) -> None:
        """End whatever is still being played."""
        ...


def in_order(engine: Engine, first: int, end: int, chunk: int) -> Generator[bytes, None, None]:
    """The rows of the episodes `first` to `end` in their order, however they come in.

    Args:
        chunk: episodes given out at once, at most.
    """
    chunk = min(chunk, max(1, (end - first) // (CHUNKS_PER_WORKER * engine.workers)))
    ahead = AHEAD * engine.workers * chunk
    early: dict[int, bytes] = {}
    given = first
    wanted = first
    while wanted < end:
        while given < min(end, wanted + ahead) and engine.free:
            engine.begin(range(given, min(end, given + chunk)))
            given += chunk
        early.update(engine.wait())
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1
