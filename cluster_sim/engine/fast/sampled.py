"""The spans of the sampled requests of a stretch, in the order in which events would record them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..call import SAMPLED
from ..recorder import GOOD
from ..spans import FAILED, NOBODY, REQUEST, SERVED, SPAN, USER, WORKER
from .accounts import Accounts
from .lanes import Batch, Ints, ints
from .stretch import SAMPLED_BITS

_CALL_FIELDS = ("number", "start", "end", "caller_start", "edge", "caller", "pod", "caller_pod", "second")


def record_spans(accounts: Accounts) -> None:
    """Record the spans of what is over at the end of a stretch."""
    stretch, until = accounts.stretch, accounts.until
    spans = stretch.cluster.recorder.spans
    sampled = _Sampled(accounts, stretch.batch)
    traced = [span for trace in stretch.traces for span in trace.spans if span[2] < until]
    kind = list(SPAN.names or ()).index("kind")
    records = np.concatenate(
        [
            np.array([span for span in traced if span[kind] != WORKER], dtype=SPAN),
            sampled.calls(SERVED),
            sampled.requests(),
            np.array([span for span in traced if span[kind] == WORKER], dtype=SPAN),
            sampled.calls(WORKER),
        ]
    )
    if len(records):
        spans.extend(_in_order(records))
    for at in sorted(at for trace in stretch.traces for at in trace.kept if at < until):
        spans.count_kept(at, FAILED)


class _Sampled:
    """The sampled lanes of a batch, for their spans."""

    def __init__(self, accounts: Accounts, batch: Batch) -> None:
        self.batch = batch
        self.until = accounts.until
        self.lanes = np.nonzero(batch.numbers & SAMPLED_BITS == 0)[0]
        self.pods = accounts.uids[accounts.served_by(batch)[:, self.lanes]]
        self.enter, self.end = batch.enter[:, self.lanes], batch.end[:, self.lanes]

    def calls(self, kind: int) -> Any:
        """The calls that are over, or the waits for a worker."""
        parts = self._fields(kind)
        calls = np.zeros(len(parts[0]) if parts else 0, dtype=SPAN)
        for name, part in zip(_CALL_FIELDS, parts, strict=bool(parts)):
            calls[name] = part
        calls["sampled"], calls["kind"] = SAMPLED, kind
        return calls

    def requests(self) -> Any:
        """The requests that are over."""
        batch = self.batch
        over = self.lanes[batch.done[self.lanes] < self.until]
        requests = np.zeros(len(over), dtype=SPAN)
        values = (batch.numbers, batch.arrivals, batch.done, batch.users, batch.endpoints)
        for name, value in zip(("number", "start", "end", "caller_start", "first"), values, strict=True):
            requests[name] = value[over]
        requests["edge"], requests["caller"], requests["second"] = USER, NOBODY, GOOD
        requests["sampled"], requests["kind"] = SAMPLED, REQUEST
        return requests

    def _fields(self, kind: int) -> tuple[Ints, ...]:
        """The fields of the records of a kind, in the order of `_CALL_FIELDS`; nothing of none."""
        batch, lanes, enter = self.batch, self.lanes, self.enter
        end = self.end
        asks = batch.tree.asks
        if kind == WORKER:
            if not batch.waiting:
                return ()
            end = batch.begin[:, lanes]
            ask, lane = np.nonzero((end > enter) & (enter >= 0) & (end < self.until))
        else:
            # Of calls that end at one instant, in the order in which they are answered.
            answers = ints(batch.tree.answers)
            ask, lane = np.nonzero(((enter >= 0) & (end < self.until))[answers])
            ask = answers[ask]
        if not len(ask):
            return ()
        edges = ints([a.edge.index for a in asks])
        callers = ints(batch.tree.callers)[ask]
        by_users = callers < 0
        second = np.zeros(len(ask), dtype=np.int64)
        if kind == SERVED:
            for number, items in batch.left.items():
                mine = np.nonzero(ask == number)[0]
                second[mine] = items.live[:, lanes[lane[mine]]].sum(0)
        return (
            batch.numbers[lanes][lane],
            enter[ask, lane],
            end[ask, lane],
            np.where(by_users, batch.arrivals[lanes][lane], enter[callers, lane]),
            edges[ask],
            np.where(by_users, USER, edges[callers]),
            self.pods[ask, lane],
            np.where(by_users, 0, self.pods[callers, lane]),
            second,
        )


def _in_order(records: Any) -> Any:
    """Records in the order in which events make them; of one instant, waits for a worker are the last."""
    records = records[np.argsort(records["end"], kind="stable")]
    for place in np.nonzero(records["kind"] == WORKER)[0].tolist():
        # A worker is given to the next in the queue just before the answer is noted of the call that had it.
        first = int(np.searchsorted(records["end"], records["end"][place]))
        at_pod = records["pod"][first:place] == records["pod"][place]
        before = np.nonzero(at_pod & (records["kind"][first:place] == SERVED))[0]
        if before.size:
            moved = first + int(before[0])
            wait = records[place].copy()
            records[moved + 1 : place + 1] = records[moved:place].copy()
            records[moved] = wait
    return records
