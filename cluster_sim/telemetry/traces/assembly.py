"""Makes the spans of a request of its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...engine.call import SAMPLED
from ...engine.failures import DENIALS, STATUS, Failure
from ...engine.recorder import GOOD
from ...engine.spans import CONNECTION, NOBODY, REQUEST, SERVED, USER, WORKER
from ...rng import Streams
from ..identity import NAMESPACE, span_id, trace_id
from ..logs.words import Words
from . import naming
from .causes import Causes
from .records import Record
from .span import Event, Kind, Resource, Span, Trace, Value

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.edge import Edge

_ANSWERS = 20
"""Failures below this number are answers, with a status; the others happen to the caller (engine.failures)."""


class Assembler:
    """Knows the names of one cluster's things; it only reads."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.streams = Streams(cluster.seed)
        self.causes = Causes(cluster)
        self._resources: dict[tuple[str, int], Resource] = {}

    def trace(self, number: int, records: Sequence[Record]) -> Trace:
        """The spans that some records of one request tell of."""
        failed_at = {(r.caller, r.caller_start, r.end): r for r in records if r.failure and r.kind != REQUEST}
        spans: list[Span] = []
        for record in records:
            if record.kind == REQUEST:
                spans.append(self._root(record))
                continue
            edge = self.cluster.edges[record.edge]
            if record.kind == WORKER:
                spans.append(self._worker_wait(record, edge))
            elif record.kind == CONNECTION:
                spans.append(self._connection_wait(record, edge))
            else:
                if record.kind == SERVED:
                    cause = failed_at.get((record.edge, record.start, record.end)) if record.failure else None
                    spans.append(self._server(record, edge, cause))
                if record.caller != NOBODY:
                    spans.append(self._client(record, edge))
        return Trace(trace_id=trace_id(self.streams, number), spans=_parents_first(spans))

    # ------------------------------------------------------------ who and where

    def resource(self, service: str, pod: int) -> Resource:
        """A pod of a service, or the user."""
        key = (service, pod)
        found = self._resources.get(key)
        if found is None:
            found = self._resources[key] = self._resource(service, self.cluster.recorder.spans.pods.get(pod, ""))
        return found

    def _resource(self, service: str, pod: str) -> Resource:
        attributes: dict[str, Value] = {"service.name": service}
        running = self.cluster.services.get(service)
        if running is not None:
            attributes |= {"service.namespace": NAMESPACE, "service.version": running.version}
            if running.spec.language not in naming.DATASTORES:
                attributes["telemetry.sdk.language"] = str(running.spec.language)
        if pod:
            attributes |= {"service.instance.id": pod, "k8s.namespace.name": NAMESPACE, "k8s.pod.name": pod}
            for replica in running.replicas if running is not None else ():
                if replica.name == pod:
                    attributes["k8s.node.name"] = replica.node
        return Resource(service=service, pod=pod, attributes=attributes)

    def _id(self, record: Record, part: str) -> str:
        return span_id(self.streams, record.number, record.edge, record.start, part)

    def _caller_id(self, record: Record) -> str:
        """The id of the span in which a call was made."""
        if record.caller == USER:
            return self._root_id(record.number)
        return span_id(self.streams, record.number, record.caller, record.caller_start)

    def _calling(self, record: Record) -> Edge | None:
        """The call in which a service made this one."""
        return None if record.caller in (USER, NOBODY) else self.cluster.edges[record.caller]

    def _root_id(self, number: int) -> str:
        return f"{self.streams.bits('span/user', number):016x}"

    # ------------------------------------------------------------ spans

    def _root(self, record: Record) -> Span:
        status = record.second
        # Chosen when it was sent, or kept from the moment on at which it ran into trouble.
        sampler: dict[str, Value] = {"sampler.type": "head" if record.sampled == SAMPLED else "tail"}
        error: dict[str, Value] = {"error.type": str(status)} if status != GOOD else {}
        return Span(
            span_id=self._root_id(record.number),
            parent_id="",
            name=self.cluster.spec.endpoints[record.first].name,
            kind=Kind.INTERNAL,
            resource=self.resource(naming.USER_SERVICE, 0),
            start=record.start,
            end=record.end,
            attributes={"user.id": f"u{record.caller_start}", "http.response.status_code": status, **error, **sampler},
            failed=status != GOOD,
        )

    def _worker_wait(self, record: Record, edge: Edge) -> Span:
        """The first part of being served: in the queue of the pod."""
        return Span(
            span_id=self._id(record, "worker"),
            parent_id=self._id(record, "server"),
            name=naming.WORKER_WAIT,
            kind=Kind.INTERNAL,
            resource=self.resource(edge.server, record.pod),
            start=record.start,
            end=record.end,
            attributes={},
        )

    def _connection_wait(self, record: Record, edge: Edge) -> Span:
        """What a caller does before a call for which it has no connection."""
        client = self.cluster.services.get(edge.client)
        attributes = naming.target(edge, self.cluster.service(edge.server))
        attributes["db.client.connection.pool.name"] = naming.pool_name(edge, client)
        words = None
        if record.failure:
            words = self._caller_words(record)
            attributes["error.type"] = words.kind
        return Span(
            span_id=self._id(record, "connection"),
            parent_id=self._caller_id(record),
            name=naming.connection_span_name(client),
            kind=Kind.INTERNAL,
            resource=self.resource(naming.caller_name(edge), record.caller_pod),
            start=record.start,
            end=record.end,
            attributes=attributes,
            failed=words is not None,
            message=words.text if words is not None else "",
            events=_exception(record.end, words),
        )

    def _server(self, record: Record, edge: Edge, cause: Record | None) -> Span:
        server = self.cluster.service(edge.server)
        attributes = naming.request(edge, server, served=True) | naming.target(edge, server)
        words = None
        status = GOOD
        if record.failure:
            failure = Failure(record.failure)
            status = STATUS[failure]
            if cause is None:
                words = self.causes.of_server(edge, failure, record.end - record.start, record.number)
            elif failure not in DENIALS:
                words = self._caller_words(cause)
        else:
            attributes |= naming.items(edge, self._calling(record), record.second)
        if server.spec.language in naming.DATASTORES:
            failed = bool(record.failure)
            if words is not None:
                attributes["db.response.status_code"] = attributes["error.type"] = words.kind
        else:
            attributes["http.response.status_code"] = status
            failed = status >= 500  # of a server's answers only these are errors, by the conventions
            if failed:
                attributes["error.type"] = str(status)
        return Span(
            span_id=self._id(record, "server"),
            parent_id=self._id(record, "client"),
            name=naming.span_name(edge, server),
            kind=Kind.SERVER,
            resource=self.resource(edge.server, record.pod),
            start=record.start,
            end=record.end,
            attributes=attributes,
            failed=failed,
            message=words.text if failed and words is not None else "",
            events=_exception(record.end, words),
        )

    def _client(self, record: Record, edge: Edge) -> Span:
        server = self.cluster.service(edge.server)
        attributes = naming.request(edge, server, served=False) | naming.target(edge, server)
        datastore = server.spec.language in naming.DATASTORES
        if record.attempt:
            attributes["http.request.resend_count"] = record.attempt
        words = None
        if record.failure:
            failure = Failure(record.failure)
            words = self._caller_words(record)
            attributes["error.type"] = words.kind
            if datastore and (code := self.causes.answer(edge, failure)):
                attributes["db.response.status_code"] = code
            elif not datastore and failure < _ANSWERS:
                attributes["http.response.status_code"] = STATUS[failure]
                attributes["error.type"] = str(STATUS[failure])
        elif datastore:
            attributes |= naming.items(edge, self._calling(record), record.second)
        else:
            attributes["http.response.status_code"] = GOOD
        return Span(
            span_id=self._id(record, "client"),
            parent_id=self._caller_id(record),
            name=naming.span_name(edge, server),
            kind=Kind.CLIENT,
            resource=self.resource(naming.caller_name(edge), record.caller_pod),
            start=record.start,
            end=record.end,
            attributes=attributes,
            failed=words is not None,
            message=words.text if words is not None else "",
            events=_exception(record.end, words if record.caller != USER else None),
        )

    def _caller_words(self, record: Record) -> Words:
        pool = (record.first, record.second) if record.kind == CONNECTION else ()
        return self.causes.of_caller(self.cluster.edges[record.edge], Failure(record.failure), *pool)


def _exception(at: int, words: Words | None) -> tuple[Event, ...]:
    if words is None:
        return ()
    return (Event(at, "exception", {"exception.type": words.kind, "exception.message": words.text}),)


def _parents_first(spans: list[Span]) -> tuple[Span, ...]:
    """By start; of those that begin at one instant, the outer ones first."""
    parents = {span.span_id: span.parent_id for span in spans}

    def depth(span: Span) -> int:
        levels = 0
        at = span.parent_id
        while at in parents:
            levels += 1
            at = parents[at]
        return levels

    return tuple(sorted(spans, key=lambda span: (span.start, depth(span), span.span_id)))
