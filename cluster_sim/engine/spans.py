"""What sampled requests leave behind: fixed-size records of calls, waits and answers, read by `telemetry.traces`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..clock import MILLISECOND, WINDOW
from .call import KEPT, SAMPLED
from .chunk import Chunk, chunk_of
from .failures import Failure
from .log import RETENTION
from .span_record import (
    CONNECTION,
    GIVEN_UP,
    LAYOUT,
    NOBODY,
    RECORD,
    RECORD_BYTES,
    REQUEST,
    SERVED,
    SPAN,
    UNSERVED,
    USER,
    WORKER,
)
from .state import State

if TYPE_CHECKING:
    from .call import Call, Flow

__all__ = [
    "CONNECTION",
    "GIVEN_UP",
    "LAYOUT",
    "NOBODY",
    "RECORD_BYTES",
    "REQUEST",
    "SERVED",
    "SPAN",
    "UNSERVED",
    "USER",
    "WORKER",
    "SpanLog",
]

_pack = RECORD.pack

CHUNK: Final = 1024
"""Records packed together (chosen: a healthy cluster at the default load makes them in a minute and a half)."""

CAPACITY = 128 * CHUNK
"""Records kept at most (chosen: an hour at three times the default load, or three megabytes)."""

MOST_KEPT = 32 * CHUNK
"""Records kept of requests that were not sampled (chosen: those of a quarter of an hour of a bad incident)."""

FAILED: Final = 0
DELAYED: Final = 1
"""Why the spans of a request are kept that was not sampled: a call failed that it needed, or it waited very long."""
KEPT_PER_WINDOW = (90, 30)
"""How many of each are kept per 15 seconds (chosen: a cluster at the default load gets 300 requests in that time)."""

LONG_WAIT: Final = 250 * MILLISECOND
"""A very long wait for a connection or a worker (chosen: a third of the tightest latency objective)."""

_BATCH: Final = 128
"""Records made bytes at a time (chosen: those that are not yet cost a snapshot about 0.2 µs each)."""

Answer = tuple["Call", "Call | None", int, int]
"""A call that a pod has answered, its caller (if still there), the instant, and the failure or 0."""

Values = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The fields of a record."""


class SpanLog(State):
    """The records of one cluster in the order in which they were made.

    What is kept is a function of the records alone, however many come at once and whenever they are packed: each time
    another `CHUNK` of them is full, whole chunks go that are older than `RETENTION` or too many, and before that, from
    the oldest ones, the records of requests that were not sampled, if there are too many of these.

    Attributes:
        fresh: the newest. Of a call that was answered only the objects are noted, which is quick, and its values are
            read some time later, a batch at once: nothing changes them any more.
        pods: number of a pod → its name, of all there ever were.
    """

    def __init__(self) -> None:
        self.fresh: list[Answer | Values] = []
        self.pods: dict[int, str] = {}
        self._chunks: list[Chunk] = []
        self._rest = bytearray()
        self._window = -1
        self._kept = [0, 0]

    def __getstate__(self) -> dict[str, Any]:
        # Packed, the same records are the same bytes, whenever those of the original are packed.
        chunks, rest = self._packed()
        return {"_chunks": chunks, "_kept": self._kept, "_rest": rest, "_window": self._window, "pods": self.pods}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.fresh = []
        self.pods = state["pods"]
        self._chunks = state["_chunks"]
        self._rest = state["_rest"]
        self._window = state["_window"]
        self._kept = state["_kept"]

    # ------------------------------------------------------------ reading

    def rows(self) -> NDArray[Any]:
        """All records, of the type `SPAN`."""
        chunks, rest = self._packed()
        return np.concatenate([*(chunk.rows() for chunk in chunks), np.frombuffer(rest, SPAN)])

    def packed(self) -> bytes:
        """The bytes of all records, one after another."""
        return self.rows().tobytes()

    def chunks(self, first: int, last: int) -> list[Chunk]:
        """All records made from one instant to another, and some more, oldest first."""
        chunks, rest = self._packed()
        found = [chunk for chunk in chunks if chunk.first <= last and chunk.last >= first]
        return [*found, chunk_of(np.frombuffer(rest, SPAN))] if rest else found

    # ------------------------------------------------------------ writing

    def extend(self, records: NDArray[Any]) -> None:
        """Add records of the type `SPAN` that are not older than the last, nor each than the one before it."""
        self._chunks, self._rest = self._packed(records.tobytes())
        self.fresh.clear()

    def keep(self, call: Call, now: int, why: int) -> None:
        """Keep the spans of a request from here on, if its user still waits and not too many are kept already."""
        self._turn_window(now)
        top = call
        while top.parent is not None:
            top = top.parent
        if self._kept[why] < KEPT_PER_WINDOW[why] and not hasattr(top, "edge"):  # only the user's side has no edge
            self._kept[why] += 1
            call.flow.sampled = KEPT

    def _turn_window(self, now: int) -> None:
        if now // WINDOW != self._window:
            self._window = now // WINDOW
            self._kept = [0, 0]

    def count_kept(self, now: int, why: int) -> None:
        """The spans of one more request are kept."""
        self._turn_window(now)
        self._kept[why] += 1

    def kept_already(self, why: int) -> dict[int, int]:
        """How many are kept of the window of the last one."""
        return {self._window: self._kept[why]}

    def answered(self, flow: Flow, now: int, status: int) -> None:
        """A user has an answer, or has given up."""
        fresh = self.fresh
        number, start, user, sampled = flow.number, flow.start, flow.user, flow.sampled
        fresh.append((number, start, now, user, USER, NOBODY, 0, 0, flow.endpoint, status, 0, sampled, REQUEST, 0))
        if len(fresh) >= _BATCH:
            self._chunks, self._rest = self._packed()
            fresh.clear()

    def given_up(self, call: Call, now: int, failure: Failure) -> None:
        """A caller has stopped waiting for a call."""
        self._note(call, call.start, now, GIVEN_UP, failure)

    def unserved(self, call: Call, now: int, failure: Failure) -> None:
        """A call has failed on its way."""
        if failure is Failure.POOL_TIMEOUT:
            assert call.parent is not None
            assert call.parent.replica is not None
            pool = call.parent.replica.pools[call.edge.server]
            self._note(call, call.start, now, CONNECTION, failure, pool.open, len(pool.waiting))
        else:
            self._note(call, call.start, now, UNSERVED, failure)

    def connected(self, call: Call, asked: int, now: int) -> None:
        """A call has its connection."""
        self._note(call, asked, now, CONNECTION)

    def queued(self, call: Call, now: int) -> None:
        """A call has its worker."""
        self._note(call, call.start, now, WORKER)

    def _note(
        self, call: Call, start: int, now: int, kind: int, failure: int = 0, first: int = 0, second: int = 0
    ) -> None:
        caller, since, caller_pod = _caller(call.parent)
        pod = 0 if call.replica is None else call.replica.uid
        flow = call.flow
        self.fresh.append(
            (
                flow.number,
                start,
                now,
                since,
                call.edge.index,
                caller,
                pod,
                caller_pod,
                first,
                second,
                call.attempt,
                flow.sampled,
                kind,
                failure,
            )
        )

    def _packed(self, more: bytes = b"") -> tuple[list[Chunk], bytearray]:
        """The chunks, and the bytes of what came after them."""
        rest = self._rest + b"".join(map(_record, self.fresh)) + more
        chunks = self._chunks
        size = CHUNK * RECORD_BYTES
        full = len(rest) // size
        if full:
            chunks = chunks.copy()
            for place in range(full):
                chunks.append(chunk_of(np.frombuffer(rest, SPAN, CHUNK, place * size)))
                _forget(chunks)
            rest = rest[full * size :]
        return chunks, rest


def _forget(chunks: list[Chunk]) -> None:
    """Drop what is too much, now that there is one chunk more."""
    too_many = sum(chunk.kept for chunk in chunks) - MOST_KEPT
    place = 0
    while too_many > 0:
        chunk = chunks[place]
        too_many -= chunk.kept
        if chunk.kept == chunk.length:
            del chunks[place]
            continue
        if chunk.kept:
            rows = chunk.rows()
            chunks[place] = chunk_of(rows[rows["sampled"] == SAMPLED])
        place += 1
    count = sum(chunk.length for chunk in chunks)
    gone = 0
    while chunks[gone].last < chunks[-1].last - RETENTION or count > CAPACITY:
        count -= chunks[gone].length
        gone += 1
    del chunks[:gone]


def _record(noted: Answer | Values) -> bytes:
    if len(noted) != 4:
        return _pack(*noted)
    call, parent, end, failure = noted
    caller, caller_start, caller_pod = _caller(parent)
    assert call.replica is not None
    return _pack(
        call.flow.number,
        call.start,
        end,
        caller_start,
        call.edge.index,
        caller,
        call.replica.uid,
        caller_pod,
        0,
        len(call.items),
        call.attempt,
        call.flow.sampled,
        SERVED,
        failure,
    )


def _caller(call: Call | None) -> tuple[int, int, int]:
    """Edge, start and pod of the call that made a call."""
    if call is None:
        return NOBODY, 0, 0
    if call.replica is None:
        return USER, call.start, 0
    return call.edge.index, call.start, call.replica.uid
