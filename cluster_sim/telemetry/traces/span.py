"""A trace as readers see it: spans with names, attributes and events, of the OpenTelemetry data model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

Value = str | int | float | bool
Attributes = Mapping[str, Value]


class Kind(IntEnum):
    """The role of a span; source of the numbers: opentelemetry-proto, trace/v1/trace.proto, Span.SpanKind."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3


class Event(NamedTuple):
    """Something that happened at one instant of a span."""

    at: int
    name: str
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Who made a span: a pod of a service, or the user (who is in no pod)."""

    service: str
    pod: str
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class Span:
    """One timed part of a request.

    Attributes:
        parent_id: empty for the root. A parent may be missing: it is still going on, or it died with its pod.
        start, end: simulated nanoseconds.
        failed: whether its status is an error, `message` why.
    """

    span_id: str
    parent_id: str
    name: str
    kind: Kind
    resource: Resource
    start: int
    end: int
    attributes: Attributes
    failed: bool = False
    message: str = ""
    events: tuple[Event, ...] = field(default=())

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The finished spans of one request, a parent before its children."""

    trace_id: str
    spans: tuple[Span, ...]

    @property
    def start(self) -> int:
        """When the earliest of its spans began."""
        return min(span.start for span in self.spans)

    @property
    def root(self) -> Span | None:
        """The user's span, once the user has an answer."""
        return next((span for span in self.spans if not span.parent_id), None)
