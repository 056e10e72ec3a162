"""What a service's programs wrote, as records: the newest as they are, older ones packed in blocks."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from sys import intern
from typing import NamedTuple

from ..clock import SECOND

RETENTION = 3600 * SECOND
"""How long a record is kept at least (chosen: the longest episode is over by then; a live cluster runs for days)."""

BLOCK = 256
"""Records packed together (chosen: what is not packed yet costs a snapshot about a microsecond a record)."""

LARGEST = 1024
"""Blocks kept of one service, whatever their age (chosen: some three megabytes)."""


class LogRecord(NamedTuple):
    """One thing a program wrote, before it is rendered.

    Attributes:
        at: simulated nanoseconds.
        source: pod that wrote it.
        event: what kind of line it is; the service's log format knows how to render it.
        data: the values in the line.
    """

    at: int
    source: str
    event: str
    data: tuple[object, ...]


class Block(NamedTuple):
    """Some consecutive records, packed.

    Attributes:
        first, last: the instants of the oldest and the newest.
        rows: their pickle, compressed (to a quarter or so); the same records give the same bytes.
    """

    first: int
    last: int
    rows: bytes

    def records(self) -> list[LogRecord]:
        """The records, oldest first."""
        return [LogRecord(*row) for row in pickle.loads(zlib.decompress(self.rows))]


class Log:
    """The records of one service in the order in which they were written.

    Attributes:
        blocks: what is packed.
        fresh: what came after it.
    """

    __slots__ = ("blocks", "fresh")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.fresh: list[LogRecord] = []

    def append(self, record: LogRecord) -> None:
        """Add a record that is not older than the last."""
        fresh = self.fresh
        fresh.append(record)
        if len(fresh) >= BLOCK:
            self._pack()

    def _pack(self) -> None:
        # The pickle of equal strings is shorter, and the same in every process, when they are one object.
        rows = [
            (at, intern(source), intern(event), tuple([intern(v) if v.__class__ is str else v for v in data]))
            for at, source, event, data in self.fresh
        ]
        blocks = self.blocks
        packed = zlib.compress(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL), zlib.Z_BEST_SPEED)
        blocks.append(Block(rows[0][0], rows[-1][0], packed))
        self.fresh = []
        oldest = rows[-1][0] - RETENTION
        gone = max(len(blocks) - LARGEST, 0)
        while blocks[gone].last < oldest:
            gone += 1
        del blocks[:gone]

    def __iter__(self) -> Iterator[LogRecord]:
        for block in self.blocks:
            yield from block.records()
        yield from self.fresh

    def span(self, first: int, last: int, *, newest_first: bool = False) -> Iterator[LogRecord]:
        """The records from one instant to another, both included."""
        runs = [(block.first, block.last, block.records) for block in self.blocks]
        if self.fresh:
            runs.append((self.fresh[0].at, self.fresh[-1].at, self.fresh.copy))
        for begin, end, unpack in reversed(runs) if newest_first else runs:
            if end < first or begin > last:
                continue
            records = unpack()
            for record in reversed(records) if newest_first else records:
                if first <= record.at <= last:
                    yield record
