"""What the programs of a cluster wrote: the records of their logs, and an access line for each sampled answer."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engine.call import SAMPLED
from ...engine.failures import DENIALS, STATUS
from ...engine.log import LogRecord
from ...engine.recorder import GOOD
from ...engine.spans import SERVED

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.chunk import Chunk
    from ...engine.service import Service

_NO_LINE = 0
_STATUS = np.zeros(256, np.int64)
_STATUS[0] = GOOD
_STATUS[list(DENIALS)] = [STATUS[failure] for failure in DENIALS]
"""Failure (0 for none) → the status in the access line. Of other failures the server's log tells in records."""


class _Answers(NamedTuple):
    """Some answers that have an access line, column by column, oldest first."""

    server: NDArray[Any]
    at: NDArray[Any]
    pod: NDArray[Any]
    edge: NDArray[Any]
    status: NDArray[Any]
    duration: NDArray[Any]
    number: NDArray[Any]


class Written:
    """The records of a cluster's services from one instant to another, both included; it only reads.

    An access line is nowhere kept as a record: all that is in it is in the span that the call left. Of one instant it
    comes after the other records of its service, and of several the one whose span was made first.
    """

    def __init__(self, cluster: Cluster, first: int, last: int, *, newest_first: bool = False) -> None:
        self._cluster = cluster
        self._first = first
        self._last = min(last, cluster.now)
        self._newest_first = newest_first
        indices = {service.name: service.index for service in cluster.services.values()}
        self._least = np.array([edge.logged_from for edge in cluster.edges])
        self._server = np.array([indices[edge.server] for edge in cluster.edges])
        chunks = cluster.recorder.spans.chunks(first, self._last)
        self._unread = chunks[::-1] if not newest_first else chunks  # the next one at the end
        self._read: list[_Answers] = []

    def records(self, service: Service) -> Iterator[LogRecord]:
        """What a service wrote, in order."""
        backward = self._newest_first
        others = service.log.span(self._first, self._last, newest_first=backward)
        runs = (self._answers(service), others) if backward else (others, self._answers(service))
        return merge(*runs, key=lambda record: record.at, reverse=backward)

    def pairs(self, service: Service) -> Iterator[tuple[LogRecord, LogRecord | None]]:
        """What a service wrote, each with the record before it, if that is of the same instant."""
        records = self.records(service)
        other: LogRecord | None = None
        if self._newest_first:
            other = next(records, None)
            while other is not None:
                record, other = other, next(records, None)
                yield record, other if other is not None and other.at == record.at else None
        else:
            for record in records:
                yield record, other if other is not None and other.at == record.at else None
                other = record

    def _answers(self, service: Service) -> Iterator[LogRecord]:
        if self._least[self._server == service.index].min(initial=self._last + 1) > self._last:
            return  # no call can have taken as long as it would have to
        pods = self._cluster.recorder.spans.pods
        step = -1 if self._newest_first else 1
        place = 0
        while (answers := self._stretch(place)) is not None:
            place += 1
            theirs = np.flatnonzero(answers.server == service.index)[::step]
            columns = [column[theirs].tolist() for column in answers[1:]]
            for at, pod, edge, status, duration, number in zip(*columns, strict=True):
                yield LogRecord(at, pods[pod], "access", (edge, status, duration, number))

    def _stretch(self, place: int) -> _Answers | None:
        """The answers of a chunk, which is read once for all services."""
        if place == len(self._read):
            if not self._unread:
                return None
            self._read.append(self._chosen(self._unread.pop()))
        return self._read[place]

    def _chosen(self, chunk: Chunk) -> _Answers:
        """The answers in a chunk that have a line."""
        end = chunk.column("end")
        where = (chunk.column("kind") == SERVED) & (chunk.column("sampled") == SAMPLED)
        where &= (end >= self._first) & (end <= self._last)
        rows = np.flatnonzero(where)
        duration = (end - chunk.column("start"))[rows]
        edge = chunk.column("edge")[rows]
        status = _STATUS[chunk.column("failure")[rows]]
        told = np.flatnonzero((status != _NO_LINE) & (duration >= self._least[edge]))
        rows = rows[told]
        edge = edge[told]
        pod, number = chunk.column("pod")[rows], chunk.column("number")[rows]
        return _Answers(self._server[edge], end[rows], pod, edge, status[told], duration[told], number)
