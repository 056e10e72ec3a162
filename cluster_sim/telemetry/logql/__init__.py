"""LogQL: its parser, and its evaluation over any source of log entries.

Supported are stream selectors, line filters, the parsers json, logfmt, regexp and pattern, label filters, drop and
keep, line_format and label_format with plain `{{.label}}` templates, unwrap; the range aggregations of counts, bytes
and unwrapped values, the vector aggregations and binary operators. What else Loki has is refused with a clear error.
Source of the semantics: https://grafana.com/docs/loki/latest/query/ and Loki's pkg/logql.
"""

from __future__ import annotations

from .errors import ParseError, QueryError
from .parser import parse, parse_selector
from .query import MOST_STEPS, Answer, Series, Statistics, Streams, at_instant, logs, over_range, size
from .source import Entry, LogSource, Stream
from .syntax import LogQuery, Metric

__all__ = [
    "MOST_STEPS",
    "Answer",
    "Entry",
    "LogQuery",
    "LogSource",
    "Metric",
    "ParseError",
    "QueryError",
    "Series",
    "Statistics",
    "Stream",
    "Streams",
    "at_instant",
    "logs",
    "over_range",
    "parse",
    "parse_selector",
    "size",
]
