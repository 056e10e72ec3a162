"""Finds traces by id, or by what one of their spans is like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...engine.spans import CONNECTION, REQUEST, SERVED, USER, WORKER
from ...rng import Streams
from . import naming
from .assembly import Assembler
from .records import Records, number_of
from .span import Kind, Span, Trace, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...cluster import Cluster

_ID = re.compile(r"[0-9a-fA-F]{1,32}")


@dataclass(frozen=True, kw_only=True)
class TraceQuery:
    """What one span of a trace must be like for the trace to be found.

    Attributes:
        service: who made it.
        operation: its name; empty for any.
        tags: attribute, of the span, its resource or one of its events → value, as text.
        start_ns, end_ns: simulated nanoseconds between which it began, both included.
        min_ns, max_ns: bounds of its duration in nanoseconds; 0 for none.
        limit: traces at most.
    """

    service: str
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    start_ns: int = 0
    end_ns: int | None = None
    min_ns: int = 0
    max_ns: int = 0
    limit: int = 20


class Dependency(NamedTuple):
    """How often one service was seen to call another."""

    parent: str
    child: str
    calls: int


def get(cluster: Cluster, trace_id: str) -> Trace | None:
    """The trace of that id (32 hexadecimal digits; leading zeros may be left off), if it was kept."""
    if not _ID.fullmatch(trace_id):
        return None
    records = Records(cluster)
    number = number_of(records, Streams(cluster.seed), trace_id.zfill(32))
    return None if number is None else Assembler(cluster).trace(number, records.of(number))


def kept(cluster: Cluster, *, start_ns: int = 0, end_ns: int | None = None) -> Iterator[Trace]:
    """Every trace with a span that began in a span of time, the newest request first."""
    records = Records(cluster)
    starts = records.column("start")
    chosen = (starts >= start_ns) & (starts <= (cluster.now if end_ns is None else end_ns))
    assembler = Assembler(cluster)
    for number, rows in records.newest_first(chosen):
        yield assembler.trace(number, rows)


def find(cluster: Cluster, query: TraceQuery) -> list[Trace]:
    """The traces that a query finds, the newest request first."""
    records = Records(cluster)
    assembler = Assembler(cluster)
    found: list[Trace] = []
    if query.limit <= 0:
        return found
    for number, rows in records.newest_first(_candidates(cluster, records, query)):
        trace = assembler.trace(number, rows)
        if any(_matches(span, query) for span in trace.spans):
            found.append(trace)
            if len(found) >= query.limit:
                break
    return found


def services(cluster: Cluster) -> list[str]:
    """The services that have left spans, by name."""
    return sorted(_operations(cluster))


def operations(cluster: Cluster, service: str, kind: Kind | None = None) -> list[tuple[str, Kind]]:
    """The names of a service's spans, with their kinds."""
    return sorted(
        (name, kind_) for name, kind_ in _operations(cluster).get(service, ()) if kind is None or kind is kind_
    )


def dependencies(cluster: Cluster, start_ns: int, end_ns: int) -> list[Dependency]:
    """Who called whom in the traces of a span of time."""
    records = Records(cluster)
    starts = records.column("start")
    served = (records.column("kind") == SERVED) & (starts >= start_ns) & (starts <= end_ns)
    calls: dict[tuple[str, str], int] = {}
    for index, count in zip(*_counted(records.column("edge")[served]), strict=True):
        edge = cluster.edges[index]
        key = (naming.caller_name(edge), edge.server)
        calls[key] = calls.get(key, 0) + count
    return [Dependency(parent, child, count) for (parent, child), count in sorted(calls.items())]


def _counted(values: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    distinct, counts = np.unique(values, return_counts=True)
    return distinct.tolist(), counts.tolist()


def _operations(cluster: Cluster) -> dict[str, set[tuple[str, Kind]]]:
    """Every service that has left spans → the names and kinds of these."""
    records = Records(cluster)
    seen = np.unique(np.stack([records.column(name) for name in ("kind", "edge", "first")]), axis=1)
    found: dict[str, set[tuple[str, Kind]]] = {}
    for kind, index, first in seen.T.tolist():
        if kind == REQUEST:
            name = cluster.spec.endpoints[first].name
            found.setdefault(naming.USER_SERVICE, set()).add((name, Kind.INTERNAL))
            continue
        edge = cluster.edges[index]
        server = cluster.service(edge.server)
        made_here = found.setdefault(naming.caller_name(edge), set())
        if kind == WORKER:
            found.setdefault(edge.server, set()).add((naming.WORKER_WAIT, Kind.INTERNAL))
        elif kind == CONNECTION:
            made_here.add((naming.connection_span_name(cluster.services.get(edge.client)), Kind.INTERNAL))
        else:
            made_here.add((naming.span_name(edge, server), Kind.CLIENT))
            if kind == SERVED:
                found.setdefault(edge.server, set()).add((naming.span_name(edge, server), Kind.SERVER))
    return found


def _candidates(cluster: Cluster, records: Records, query: TraceQuery) -> NDArray[np.bool_]:
    """The records that may be of a span that is looked for."""
    starts, ends, kinds = (records.column(name) for name in ("start", "end", "kind"))
    end_ns = cluster.now if query.end_ns is None else query.end_ns
    chosen: NDArray[np.bool_] = (starts >= query.start_ns) & (starts <= end_ns)
    if query.min_ns:
        chosen &= ends - starts >= query.min_ns
    if query.max_ns:
        chosen &= ends - starts <= query.max_ns
    edges = records.column("edge")
    theirs = [e.index for e in cluster.edges if query.service in (e.server, naming.caller_name(e))]
    of_service = np.isin(edges, theirs) & (kinds != REQUEST)
    if query.service == naming.USER_SERVICE:
        of_service |= edges == USER
    if query.tags.get("error") == "true":
        chosen &= (records.column("failure") > 0) | (kinds == REQUEST)
    chosen &= of_service
    return chosen


def _matches(span: Span, query: TraceQuery) -> bool:
    if span.resource.service != query.service or (query.operation and span.name != query.operation):
        return False
    if span.start < query.start_ns or (query.end_ns is not None and span.start > query.end_ns):
        return False
    if span.duration < query.min_ns or (query.max_ns and span.duration > query.max_ns):
        return False
    return all(_has(span, key, value) for key, value in query.tags.items())


def _has(span: Span, key: str, value: str) -> bool:
    known: list[Value] = []
    if key == "error":
        known.append(span.failed)
    elif key == "span.kind":
        known.append(span.kind.name.lower())
    places = (span.attributes, span.resource.attributes, *(event.attributes for event in span.events))
    known.extend(place[key] for place in places if key in place)
    return any(as_text(one) == value for one in known)


def as_text(value: Value) -> str:
    """A value as queries write it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
