"""The span records of a cluster as columns, and the records of one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engine.spans import LAYOUT, RECORD_BYTES
from ...rng import Streams, mix

if TYPE_CHECKING:
    from ...engine.spans import SpanLog

_DTYPE = np.dtype(
    {
        "names": [name for name, _ in LAYOUT],
        "formats": [{"q": "<i8", "H": "<u2", "B": "u1"}[kind] for _, kind in LAYOUT],
        "itemsize": RECORD_BYTES,
    }
)


class Record(NamedTuple):
    """One record; its fields are those of `engine.spans.LAYOUT`."""

    number: int
    start: int
    end: int
    caller_start: int
    edge: int
    caller: int
    pod: int
    caller_pod: int
    first: int
    second: int
    attempt: int
    kind: int
    failure: int


class Records:
    """A copy of what a cluster has recorded, oldest first."""

    def __init__(self, log: SpanLog) -> None:
        self.rows = np.frombuffer(log.packed(), dtype=_DTYPE)

    def column(self, name: str) -> NDArray[np.int64]:
        """One field of all records, as 64-bit integers."""
        return self.rows[name].astype(np.int64)

    def numbers(self) -> NDArray[np.int64]:
        """The requests that left something, each once."""
        return np.unique(self.rows["number"])

    def of(self, number: int) -> list[Record]:
        """The records of one request."""
        return [Record._make(row) for row in self.rows[self.rows["number"] == number].tolist()]

    def newest_first(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, list[Record]]]:
        """The requests that have a chosen record, with all their records, the one that was sent last first."""
        numbers = self.rows["number"]
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        for number in np.unique(numbers[chosen])[::-1].tolist():
            first, last = np.searchsorted(ordered, [number, number + 1]).tolist()
            yield number, [Record._make(row) for row in self.rows[order[first:last]].tolist()]


def number_of(records: Records, streams: Streams, trace_id: str) -> int | None:
    """The request with a trace id, among those that left something."""
    numbers = records.numbers()
    wanted = np.uint64(int(trace_id[:16], 16))
    for number in numbers[_halves(streams, numbers) == wanted].tolist():
        if streams.bits("trace", number, 1) == int(trace_id[16:], 16):
            return int(number)
    return None


def _halves(streams: Streams, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The first 64 bits of the trace ids: `Streams.bits("trace", number, 0)` for many numbers at once."""
    spread: Any = mix  # it works on arrays as well, whose sums and products wrap by themselves
    hashed: NDArray[np.uint64] = spread(np.uint64(streams.key("trace")) ^ spread(numbers.astype(np.uint64)))
    result: NDArray[np.uint64] = spread(hashed ^ np.uint64(mix(0)))
    return result
