"""The files that research on root-cause analysis reads: metrics, logs, traces and the time of the injection.

The layout is RCAEval's RE2 (github.com/phamquiluan/RCAEval): a folder per case, `<service>_<fault>/<n>`, with
`data.csv`, `logs.csv`, `traces.csv` and `inject_time.txt`. `time` in logs and traces is for people: hours and minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..clock import SECOND, moment, unix_s
from .episode import Episode
from .exporter import Exporter, File
from .lines import lines
from .table import as_csv, columns, row
from .traces import traces

LOG_COLUMNS = ("time", "timestamp", "container_name", "message", "level", "req_path", "error")
TRACE_COLUMNS = (
    *("time", "traceID", "spanID", "serviceName", "methodName", "operationName"),
    *("startTimeMillis", "startTime", "duration", "statusCode", "parentSpanID"),
)


def _logs(episode: Episode) -> Iterator[str]:
    """Timestamps are Unix nanoseconds."""
    yield row(list(LOG_COLUMNS))
    for line in lines(episode.cluster):
        cells = (
            f"{moment(line.at):%H:%M}",
            str(round(unix_s(0)) * SECOND + line.at),
            line.service,
            line.text,
            line.level,
            _first(line.fields, "http.route", "url.template"),
            _first(line.fields, "error.type"),
        )
        yield row(list(cells))


def _first(fields: Mapping[str, object], *names: str) -> str:
    return next((str(fields[name]) for name in names if name in fields), "")


def _traces(episode: Episode) -> Iterator[str]:
    """Start and duration are Unix microseconds, and the status is OpenTelemetry's: 2 is an error."""
    yield row(list(TRACE_COLUMNS))
    epoch_ns = round(unix_s(0)) * SECOND
    for trace in traces(episode.cluster):
        for span in trace.spans:
            start = (epoch_ns + span.start) // 1000
            cells = (
                f"{moment(span.start):%H:%M}",
                trace.trace_id,
                span.span_id,
                span.resource.service,
                span.name,
                span.name,
                str(start // 1000),
                str(start),
                str((epoch_ns + span.end) // 1000 - start),
                str(2 * span.failed),
                span.parent_id,
            )
            yield row(list(cells))


def _files(episode: Episode) -> Iterator[File]:
    yield "data.csv", as_csv(columns(episode))
    yield "logs.csv", _logs(episode)
    yield "traces.csv", _traces(episode)
    if episode.onset is not None:
        yield "inject_time.txt", [f"{int(unix_s(episode.onset))}\n"]


RCA = Exporter(name="rca", about="tables for root-cause analysis, as RCAEval's", files=_files)
