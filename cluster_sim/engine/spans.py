"""What sampled requests leave behind: fixed-size records of calls, waits and answers, read by `telemetry.traces`."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from ..clock import MILLISECOND, WINDOW
from .call import KEPT
from .failures import Failure

if TYPE_CHECKING:
    from .call import Call, Flow

# Kinds of records.
REQUEST = 0  # a user's request, from sending it to the answer
SERVED = 1  # a call, at the pod that answered it
GIVEN_UP = 2  # a call whose caller stopped waiting, as the caller saw it
UNSERVED = 3  # a call that reached no pod
CONNECTION = 4  # a wait for a connection
WORKER = 5  # a wait in the queue of a pod

USER = 0xFFFF
"""In the place of the caller's edge: the user."""
NOBODY = 0xFFFE
"""In the place of the caller's edge: its caller had given up, or died."""

LAYOUT = (
    ("number", "q"),
    ("start", "q"),
    ("end", "q"),
    ("caller_start", "q"),
    ("edge", "H"),
    ("caller", "H"),
    ("pod", "H"),
    ("caller_pod", "H"),
    ("first", "H"),
    ("second", "H"),
    ("attempt", "H"),
    ("kind", "B"),
    ("failure", "B"),
)
"""The fields of a record and their formats, little-endian.

A call is known by its (number, edge, start), where the start is when it reached its server; (number, caller,
caller_start) name in the same way the call that made it. Pods are 0 where there is none. `first` and `second` are

- of a request: the endpoint and the status; `caller_start` is the user and `attempt` the `Flow.sampled`;
- of a served call: 0, and how many items it has at its end;
- of a wait for a connection in vain: the connections that were open, and the others who waited.
"""
_RECORD = Struct("<" + "".join(kind for _, kind in LAYOUT))
_pack = _RECORD.pack
RECORD_BYTES = _RECORD.size

CAPACITY = 48_000
"""Records kept: at the default load half an hour with a bad incident in it."""
_DROPPED = CAPACITY // 8

FAILED, DELAYED = range(2)
"""Why the spans of a request are kept that was not sampled: a call failed that it needed, or it waited very long."""
KEPT_PER_WINDOW = (90, 30)
"""How many of each are kept per 15 seconds (chosen: a cluster at the default load gets 300 requests in that time)."""

LONG_WAIT = 250 * MILLISECOND
"""A very long wait for a connection or a worker (chosen: a third of the tightest latency objective)."""


_BATCH = 128
"""Records packed at a time (chosen: an unpacked one costs a snapshot about 0.3 µs)."""

Answer = tuple["Call", "Call | None", int, int]
"""A call that a pod has answered, its caller (if still there), the instant, and the failure or 0."""

Values = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The fields of a record."""


class SpanLog:
    """The records of one cluster in the order in which they were made.

    Attributes:
        fresh: the newest. Of a call that was answered only the objects are noted, which is quick, and its values are
            read some time later, a batch at once: nothing changes them any more.
        pods: number of a pod → its name, of all there ever were.
    """

    def __init__(self) -> None:
        self.fresh: list[Answer | Values] = []
        self.pods: dict[int, str] = {}
        self._packed = bytearray()
        self._window = -1
        self._kept = [0, 0]

    def __getstate__(self) -> dict[str, Any]:
        # Packed, the same records are the same bytes, whenever those of the original are packed.
        return self.__dict__ | {"fresh": [], "_packed": self.packed()}

    def packed(self) -> bytearray:
        """All records, one after another."""
        return self._packed + b"".join(map(_record, self.fresh))

    def keep(self, call: Call, now: int, why: int) -> None:
        """Keep the spans of a request from here on, if its user still waits and not too many are kept already."""
        if now // WINDOW != self._window:
            self._window = now // WINDOW
            self._kept = [0, 0]
        top = call
        while top.parent is not None:
            top = top.parent
        if self._kept[why] < KEPT_PER_WINDOW[why] and not hasattr(top, "edge"):  # only the user's side has no edge
            self._kept[why] += 1
            call.flow.sampled = KEPT

    def answered(self, flow: Flow, now: int, status: int) -> None:
        """A user has an answer, or has given up."""
        start, user, endpoint, sampled = flow.start, flow.user, flow.endpoint, flow.sampled
        self.fresh.append((flow.number, start, now, user, USER, NOBODY, 0, 0, endpoint, status, sampled, REQUEST, 0))
        count = len(self.fresh)
        full = count + len(self._packed) // RECORD_BYTES > CAPACITY
        if count >= _BATCH or full:
            self._pack()
        if full:
            del self._packed[: _DROPPED * RECORD_BYTES]

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
        number, edge = call.flow.number, call.edge.index
        self.fresh.append(
            (number, start, now, since, edge, caller, pod, caller_pod, first, second, call.attempt, kind, failure)
        )

    def _pack(self) -> None:
        self._packed += b"".join(map(_record, self.fresh))
        self.fresh.clear()


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
