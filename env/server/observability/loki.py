"""Loki's HTTP API: log queries, metric queries over logs, labels and streams.

Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/ and Loki 3's pkg/loghttp.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps

from fastapi import Response

from cluster_sim import ClusterLogs, Matcher, logql

from . import loki_wire as wire
from .access import Handler, ReadAPI, Reading
from .loki_wire import BadRequest
from .parameters import SECOND, parse_duration, parse_instant

DEFAULT_LIMIT, MOST_ENTRIES = 100, 5000
"""Entries of an answer; source: Loki's limits_config, max_entries_limit_per_query."""
DEFAULT_SPAN = 3600 * SECOND
LABELS_SPAN = 6 * DEFAULT_SPAN
"""How far back a query looks, and a question for labels; source: pkg/loghttp/params.go and labels.go."""
STEPS = 250
"""Into so many steps a span is divided where no step is given; source: pkg/loghttp/params.go, defaultQueryRangeStep."""
FAR = 2**61
"""Nanoseconds of Unix time (in 2043): times beyond it, or before 1970, are taken for it."""
BUILD = {"version": "3.0.0", "revision": "", "branch": "HEAD", "buildUser": "", "buildDate": "", "goVersion": ""}
"""The version whose dialect is spoken."""

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_WHOLE = re.compile(r"[+-]?\d{1,30}")

api = ReadAPI("loki", wire.refuse)


def route(path: str, *methods: str) -> Callable[[Handler], Handler]:
    """Adds a handler whose errors are answered as Loki writes them."""

    def add(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(reading: Reading) -> Response:
            try:
                return handler(reading)
            except (logql.QueryError, BadRequest) as error:
                return wire.failure(str(error))

        return api.route(path, *methods)(answered)

    return add


# ------------------------------------------------------------ queries


@route("/loki/api/v1/query_range", "GET", "POST")
def query_range(reading: Reading) -> Response:
    """A query over a span of time."""
    start, end = span_of(reading, DEFAULT_SPAN)
    if end < start:
        raise BadRequest("end timestamp must not be before or equal to start time")
    limit = limit_of(reading)
    newest_first = newest_first_of(reading)
    step = duration_of(reading, "step", max(-(-(end - start) // (STEPS * SECOND)), 1) * SECOND)
    if step <= 0:
        raise BadRequest("zero or negative query resolution step parameters are not accepted. Try a positive integer")
    if (end - start) // step > logql.MOST_STEPS:
        raise BadRequest(
            "exceeded maximum resolution of 11,000 points per time series. "
            "Try increasing the value of the step parameter"
        )
    interval = duration_of(reading, "interval", 0)
    if interval < 0:
        raise BadRequest("interval must be >= 0")
    query = logql.parse(reading.parameters.get("query"))
    source, now, shift = ClusterLogs(reading.cluster), reading.clock.now, reading.clock.shift
    if isinstance(query, logql.LogQuery):
        check_limit(limit)
        found = logql.logs(
            source,
            query,
            first=start,
            last=last_before(end, now),
            limit=limit,
            newest_first=newest_first,
            interval=interval,
        )
        return wire.streams(found, shift)
    return wire.series(logql.over_range(source, query, start=start, end=min(end, now), step=step), shift)


@route("/loki/api/v1/query", "GET", "POST")
def query(reading: Reading) -> Response:
    """A metric query at one time; without a time at the simulated now."""
    limit_of(reading)
    newest_first_of(reading)
    at = time_of(reading, "time", reading.clock.now)
    expression = logql.parse(reading.parameters.get("query"))
    if isinstance(expression, logql.LogQuery):
        raise BadRequest(
            "log queries are not supported as an instant query type, please change your query to a range query type"
        )
    found = logql.at_instant(ClusterLogs(reading.cluster), expression, min(at, reading.clock.now))
    return wire.series(found, reading.clock.shift)


# ------------------------------------------------------------ what there is


@route("/loki/api/v1/labels", "GET", "POST")
def label_names(reading: Reading) -> Response:
    """The names of the labels of the streams that match, or of all."""
    return wire.listed(sorted({name for stream in streams_of(reading, "query") for name in stream}))


@route("/loki/api/v1/label/{name}/values", "GET", "POST")
def label_values(reading: Reading) -> Response:
    """The values of a label."""
    name = reading.path["name"]
    if not _LABEL_NAME.fullmatch(name):
        raise BadRequest(f'invalid label name "{name[:80]}"')
    return wire.listed(sorted({stream[name] for stream in streams_of(reading, "query") if name in stream}))


@route("/loki/api/v1/series", "GET", "POST")
def series(reading: Reading) -> Response:
    """The labels of the streams that match."""
    found = {tuple(sorted(stream.items())) for stream in streams_of(reading, "match[]", "match")}
    return wire.listed([dict(stream) for stream in sorted(found)])


@route("/loki/api/v1/index/stats", "GET", "POST")
def index_stats(reading: Reading) -> Response:
    """How much there is to read for a selector; Grafana shows it beside a query."""
    start, end = span_of(reading, DEFAULT_SPAN)
    matchers = logql.parse_selector(reading.parameters.get("query"))
    source = ClusterLogs(reading.cluster)
    last = last_before(end, reading.clock.now)
    read = logql.size(source, matchers, first=start, last=last)
    streams = len(source.streams(matchers, start, last))
    return wire.answer({"streams": streams, "chunks": streams, "bytes": read.size, "entries": read.lines})


@route("/loki/api/v1/status/buildinfo")
def build_information(reading: Reading) -> Response:
    """Which Loki this speaks like; clients choose their features by it."""
    return wire.answer(BUILD)


@route("/ready")
def ready(reading: Reading) -> Response:
    return wire.text("ready")


# ------------------------------------------------------------ parameters


def streams_of(reading: Reading, *selectors: str) -> list[Mapping[str, str]]:
    """The streams that match any of the selectors in these parameters, or all."""
    start, end = span_of(reading, LABELS_SPAN)
    texts = [text for name in selectors for text in reading.parameters.all(name) if text]
    conditions: Sequence[Sequence[Matcher]] = [logql.parse_selector(text) for text in texts] or [()]
    source, last = ClusterLogs(reading.cluster), last_before(end, reading.clock.now)
    return [stream for matchers in conditions for stream in source.streams(matchers, start, last)]


def span_of(reading: Reading, length: int) -> tuple[int, int]:
    """From `start` to `end`; by default until now, and so long."""
    end = time_of(reading, "end", reading.clock.now)
    since = reading.parameters.get("since")
    if since:
        try:
            length = parse_duration(since)
        except ValueError:
            raise BadRequest(
                f"could not parse 'since' parameter: not a valid duration string: \"{since[:80]}\""
            ) from None
    return time_of(reading, "start", max(min(end, reading.clock.now) - length, 0)), end


def last_before(end: int, now: int) -> int:
    """The last instant before `end`; but what happens at this very one is part of what there is by now."""
    return now if end >= now else end - 1


def time_of(reading: Reading, name: str, otherwise: int) -> int:
    """A time in nanoseconds of simulated Unix time."""
    text = reading.parameters.get(name)
    if not text:
        return otherwise
    # Whole numbers of more than ten characters are nanoseconds.
    try:
        given = int(text) if _WHOLE.fullmatch(text) and len(text) > 10 else parse_instant(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text[:80]}": invalid syntax') from None
    return max(0, min(reading.clock.inward(given), FAR))


def duration_of(reading: Reading, name: str, otherwise: int) -> int:
    """A duration in nanoseconds."""
    text = reading.parameters.get(name)
    if not text:
        return otherwise
    try:
        return parse_duration(text)
    except ValueError:
        raise BadRequest(f'cannot parse "{text[:80]}" to a valid duration') from None


def limit_of(reading: Reading) -> int:
    text = reading.parameters.get("limit")
    if not text:
        return DEFAULT_LIMIT
    if not _WHOLE.fullmatch(text):
        raise BadRequest(f'strconv.Atoi: parsing "{text[:80]}": invalid syntax')
    if int(text) <= 0:
        raise BadRequest("limit must be a positive value")
    return int(text)


def check_limit(limit: int) -> None:
    """Raises BadRequest where a log query asks for more entries than an answer may have."""
    if limit > MOST_ENTRIES:
        raise BadRequest(f"max entries limit per query exceeded, limit > max_entries_limit ({limit} > {MOST_ENTRIES})")


def newest_first_of(reading: Reading) -> bool:
    text = reading.parameters.get("direction", "backward")
    if text.lower() not in ("forward", "backward"):
        raise BadRequest(f"invalid direction '{text[:80]}'")
    return text.lower() == "backward"
