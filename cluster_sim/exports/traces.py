"""Traces as OTLP JSON and as Jaeger's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import numpy as np

from ..clock import SECOND, unix_s
from ..cluster import Cluster
from ..telemetry.traces import Trace
from ..telemetry.traces.assembly import Assembler
from ..telemetry.traces.jaeger import trace_json
from ..telemetry.traces.otlp import traces_json
from ..telemetry.traces.records import Records
from .episode import Episode
from .exporter import Exporter, File

TRACES_PER_LINE = 100
"""Traces of one OTLP message (chosen: some hundred kilobytes)."""


def traces(cluster: Cluster) -> Iterator[Trace]:
    """Every trace that is kept, in the order in which the requests were sent."""
    records = Records(cluster)
    assembler = Assembler(cluster)
    for number, rows in reversed(list(records.newest_first(np.ones(len(records), dtype=np.bool_)))):
        yield assembler.trace(number, rows)


def _epoch_ns() -> int:
    return round(unix_s(0)) * SECOND


def _otlp(episode: Episode) -> Iterator[str]:
    """JSON lines, each a message; source: opentelemetry.io/docs/specs/otel/protocol/file-exporter."""
    every = traces(episode.cluster)
    while some := list(islice(every, TRACES_PER_LINE)):
        yield json.dumps(traces_json(some, _epoch_ns()), separators=(",", ":")) + "\n"


def _jaeger(episode: Episode) -> Iterator[str]:
    """One document, as Jaeger's query API answers it and its user interface opens it."""
    yield '{"data":['
    before = "\n"
    for trace in traces(episode.cluster):
        yield before + json.dumps(trace_json(trace, _epoch_ns()), separators=(",", ":"))
        before = ",\n"
    yield '\n],"total":0,"limit":0,"offset":0,"errors":null}\n'


def _otlp_files(episode: Episode) -> Iterator[File]:
    yield "traces.otlp.jsonl", _otlp(episode)


def _jaeger_files(episode: Episode) -> Iterator[File]:
    yield "traces.jaeger.json", _jaeger(episode)


OTLP = Exporter(name="otlp", about="traces in OTLP JSON, a message per line", files=_otlp_files)
JAEGER = Exporter(name="jaeger", about="traces in Jaeger's JSON", files=_jaeger_files)
