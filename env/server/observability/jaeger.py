"""Jaeger's query API, and the traces in OTLP as its third version answers them.

Source: jaegertracing/jaeger, cmd/query/app/http_handler.go, and www.jaegertracing.io/docs/apis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from fastapi import Response

from cluster_sim import traces

from ...errors import EnvError
from ..strict_json import encode
from .access import MILLISECOND, Handler, ReadAPI, Reading
from .jaeger_parameters import (
    MICROSECOND,
    JaegerError,
    checked_id,
    duration_of,
    integer,
    required,
    started_after,
    tags_of,
    time_of,
)
from .parameters import SECOND

DEFAULT_LIMIT = 100
MOST_TRACES = 1_500
"""What Jaeger's user interface asks for at most."""
DEPENDENCY_LOOKBACK = 86_400 * SECOND
"""How far the dependencies reach back by themselves (Jaeger's default)."""


def answer(
    data: object, *, total: int = 0, errors: Sequence[dict[str, Any]] | None = None, status: int = 200
) -> Response:
    """Jaeger's envelope."""
    body = {"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors}
    return Response(encode(body), status, media_type="application/json")


def refuse(error: EnvError) -> Response:
    """A refusal of the environment, in the envelope that Jaeger's clients read."""
    return answer(None, errors=[{"code": error.status, "msg": error.message}], status=error.status)


api = ReadAPI("jaeger", refuse)


def route(path: str) -> Callable[[Handler], Handler]:
    """Adds a handler whose errors are answered as Jaeger writes them."""

    def add(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(reading: Reading) -> Response:
            try:
                return handler(reading)
            except JaegerError as error:
                told: dict[str, Any] = {"code": error.status, "msg": error.message}
                if error.trace_id:
                    told["traceID"] = error.trace_id
                return answer(None, errors=[told], status=error.status)

        return api.route(path)(answered)

    return add


# ------------------------------------------------------------ what there is


@route("/api/services")
def services(reading: Reading) -> Response:
    """The services that have left spans."""
    names = traces.services(reading.cluster)
    return answer(names, total=len(names))


@route("/api/services/{service:path}/operations")
def operation_names(reading: Reading) -> Response:
    """The names of a service's spans."""
    names = sorted({name for name, _ in traces.operations(reading.cluster, reading.path["service"])})
    return answer(names, total=len(names))


@route("/api/operations")
def operations(reading: Reading) -> Response:
    """The names of a service's spans with their kinds, or those of one kind."""
    service = required(reading, "service")
    wanted = reading.parameters.get("spanKind").lower()
    found = [(name, kind.name.lower()) for name, kind in traces.operations(reading.cluster, service)]
    rows = [{"name": name, "spanKind": kind} for name, kind in found if wanted in ("", kind)]
    return answer(rows, total=len(rows))


@route("/api/dependencies")
def dependencies(reading: Reading) -> Response:
    """Who called whom in the traces of the time before `endTs`; without it, before the simulated now."""
    end = time_of(reading, "endTs", MILLISECOND, reading.clock.now)
    lookback = integer(reading, "lookback") * MILLISECOND if reading.parameters.get("lookback") else DEPENDENCY_LOOKBACK
    service = reading.parameters.get("service")
    epoch = reading.clock.epoch
    links = traces.dependencies(reading.cluster, end - lookback - epoch, end - epoch)
    chosen = [link for link in links if service in ("", link.parent, link.child)]
    return answer([{"parent": link.parent, "child": link.child, "callCount": link.calls} for link in chosen])


# ------------------------------------------------------------ traces


@route("/api/traces")
def search(reading: Reading) -> Response:
    """Traces by what one of their spans is like, or by ids."""
    parameters = reading.parameters
    epoch = reading.clock.epoch
    query = traces.TraceQuery(
        service=parameters.get("service"),
        operation=parameters.get("operation"),
        start_ns=started_after(reading) - epoch,
        end_ns=time_of(reading, "end", MICROSECOND, reading.clock.now) - epoch,
        tags=tags_of(reading),
        limit=min(integer(reading, "limit", name_it=False) if parameters.get("limit") else DEFAULT_LIMIT, MOST_TRACES),
        min_ns=duration_of(reading, "minDuration"),
        max_ns=duration_of(reading, "maxDuration"),
    )
    ids = parameters.all("traceID")
    if ids:
        return by_ids(reading, ids)
    required(reading, "service")
    if query.min_ns and query.max_ns and query.max_ns < query.min_ns:
        raise JaegerError(400, "'maxDuration' should be greater than 'minDuration'")
    return answer([written(reading, trace) for trace in traces.find(reading.cluster, query)])


def by_ids(reading: Reading, ids: Sequence[str]) -> Response:
    """Some traces, and an error for each that is not there."""
    found: list[object] = []
    errors: list[dict[str, Any]] = []
    for wanted in ids[:MOST_TRACES]:
        trace = traces.get(reading.cluster, checked_id(wanted, "cannot parse traceID param: "))
        if trace is None:
            errors.append({"msg": "trace not found", "traceID": wanted})
        else:
            found.append(written(reading, trace))
    return answer(found, errors=errors or None)


@route("/api/traces/{trace_id}")
def trace(reading: Reading) -> Response:
    """One trace."""
    return answer([written(reading, fetched(reading))])


@route("/api/v3/traces/{trace_id}")
def trace_in_otlp(reading: Reading) -> Response:
    """One trace in OTLP's JSON."""
    clock = reading.clock
    body = {"result": traces.otlp.traces_json([fetched(reading)], clock.outward(clock.epoch))}
    return Response(encode(body), media_type="application/json")


def fetched(reading: Reading) -> traces.Trace:
    """The trace in the path."""
    wanted = reading.path["trace_id"]
    found = traces.get(reading.cluster, checked_id(wanted))
    if found is None:
        raise JaegerError(404, "trace not found", wanted)
    return found


def written(reading: Reading, trace: traces.Trace) -> dict[str, Any]:
    return traces.jaeger.trace_json(trace, reading.clock.outward(reading.clock.epoch))
