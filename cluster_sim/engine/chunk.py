"""Some hundred consecutive span records in little more than half their bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .call import KEPT
from .span_record import LAYOUT, NOBODY, SPAN

Column = NDArray[Any]

_PLACES = {name: place for place, (name, _) in enumerate(LAYOUT)}
_WIDEST = 8
"""Bytes of the largest number."""


class Chunk(NamedTuple):
    """Consecutive records, column by column, each number in as few bytes as the largest of its column needs.

    What is large but near something else is kept as the difference from it: an instant from the one before, a start
    from its end.

    Attributes:
        length: how many records.
        kept: how many of them are of requests that were not sampled, but kept for their trouble.
        first, last: the instants of the oldest and the newest.
        lowest: the lowest number of a request.
        widths: bytes of a number, per column.
        columns: their numbers, one column after another, little-endian.
    """

    length: int
    kept: int
    first: int
    last: int
    lowest: int
    widths: bytes
    columns: bytes

    def column(self, name: str) -> Column:
        """One field of all records."""
        numbers = self._numbers(_PLACES[name])
        match name:
            case "number":
                return numbers.astype(np.int64) + self.lowest
            case "end":
                return np.cumsum(numbers, dtype=np.int64) + self.first
            case "start":
                return self.column("end") - numbers.astype(np.int64)
            case "caller_start":
                since = numbers.astype(np.int64)
                return np.where(self.column("caller") != NOBODY, self.column("start") - since, since)
            case "edge" | "caller":
                return numbers.astype(np.uint16) + np.uint16(NOBODY)
        return numbers

    def _numbers(self, place: int) -> Column:
        """The numbers of a column as they are kept."""
        width = self.widths[place]
        offset = self.length * sum(self.widths[:place])
        if width in (1, 2, 4, _WIDEST):
            return np.frombuffer(self.columns, f"<u{width}", self.length, offset)
        wide = np.zeros((self.length, _WIDEST), np.uint8)
        wide[:, :width] = np.frombuffer(self.columns, np.uint8, self.length * width, offset).reshape(self.length, width)
        return wide.view("<u8")[:, 0]

    def rows(self) -> NDArray[Any]:
        """The records, oldest first."""
        rows = np.empty(self.length, SPAN)
        for name in _PLACES:
            rows[name] = self.column(name)
        return rows


def chunk_of(rows: NDArray[Any]) -> Chunk:
    """Pack records; there is at least one."""
    start, end, caller = rows["start"], rows["end"], rows["caller"]
    lowest, first, last = int(rows["number"].min()), int(end[0]), int(end[-1])
    near: dict[str, Column] = {
        "number": rows["number"] - lowest,
        "start": end - start,
        "end": np.diff(end, prepend=first),
        "caller_start": np.where(caller != NOBODY, start - rows["caller_start"], rows["caller_start"]),
        # Who is no edge becomes the smallest number.
        "edge": rows["edge"] - np.uint16(NOBODY),
        "caller": caller - np.uint16(NOBODY),
    }
    widths = bytearray()
    packed: list[bytes] = []
    for name in _PLACES:
        numbers = (near[name] if name in near else rows[name]).astype("<u8")
        width = (int(numbers.max()).bit_length() + 7) // 8
        widths.append(width)
        packed.append(numbers.view(np.uint8).reshape(-1, _WIDEST)[:, :width].tobytes())
    kept = int(np.count_nonzero(rows["sampled"] == KEPT))
    return Chunk(len(rows), kept, first, last, lowest, bytes(widths), b"".join(packed))
