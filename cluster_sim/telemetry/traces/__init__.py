"""Distributed traces: the spans of sampled requests, put together only when somebody reads them."""

from . import jaeger, otlp
from .exemplars import BUCKET, Exemplar, exemplars, latest_exemplars
from .search import Dependency, TraceQuery, dependencies, find, get, kept, operations, services
from .span import Event, Kind, Resource, Span, Trace

__all__ = [
    "BUCKET",
    "Dependency",
    "Event",
    "Exemplar",
    "Kind",
    "Resource",
    "Span",
    "Trace",
    "TraceQuery",
    "dependencies",
    "exemplars",
    "find",
    "get",
    "jaeger",
    "kept",
    "latest_exemplars",
    "operations",
    "otlp",
    "services",
]
