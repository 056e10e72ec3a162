"""The span records of a cluster as columns, and the records of one request."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...rng import Streams, mix

if TYPE_CHECKING:
    from ...cluster import Cluster


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
    sampled: int
    kind: int
    failure: int


class Records:
    """What a cluster has recorded up to now, oldest first, by columns; a record's place is its index in them."""

    def __init__(self, cluster: Cluster) -> None:
        self._chunks = cluster.recorder.spans.chunks(0, cluster.now)
        self._starts = np.cumsum([0, *(chunk.length for chunk in self._chunks)]).tolist()
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._rows: dict[int, NDArray[Any]] = {}

    def __len__(self) -> int:
        """How many records there are."""
        return int(self._starts[-1])

    def column(self, name: str) -> NDArray[np.int64]:
        """One field of all records, as 64-bit integers."""
        if name not in self._columns:
            parts = [chunk.column(name) for chunk in self._chunks]
            self._columns[name] = np.concatenate([np.empty(0, np.int64), *parts], dtype=np.int64)
        return self._columns[name]

    def numbers(self) -> NDArray[np.int64]:
        """The requests that left something, each once."""
        return np.unique(self.column("number"))

    def at(self, places: NDArray[np.intp]) -> list[Record]:
        """The records at some places."""
        return [self._at(place) for place in places.tolist()]

    def _at(self, place: int) -> Record:
        index = bisect_right(self._starts, place) - 1
        if index not in self._rows:
            self._rows[index] = self._chunks[index].rows()
        return Record._make(self._rows[index][place - self._starts[index]].item())

    def of(self, number: int) -> list[Record]:
        """The records of one request."""
        return self.at(np.flatnonzero(self.column("number") == number))

    def newest_first(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, list[Record]]]:
        """The requests that have a chosen record, with all their records, the one that was sent last first."""
        numbers = self.column("number")
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        for number in np.unique(numbers[chosen])[::-1].tolist():
            first, last = np.searchsorted(ordered, [number, number + 1]).tolist()
            yield number, self.at(order[first:last])


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
