"""How Prometheus writes results and errors.

Source: Prometheus 2.42, web/api/v1/api.go and util/jsonutil/marshal.go, and what a running one answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import inf, isnan
from typing import Any

from fastapi import Response

from cluster_sim import Series, promql

from ...errors import EnvError
from ..strict_json import encode

STATUSES = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 503, "not_found": 404}
MIDDLING = (1e-6, 1e21)
"""Sizes between which Go's marshaller writes a float without an exponent."""


class APIError(Exception):
    """A request that Prometheus would refuse; the arguments are the type of the error and the message."""

    @property
    def kind(self) -> str:
        return str(self.args[0])

    @property
    def message(self) -> str:
        return str(self.args[1])


def bad_data(message: str) -> APIError:
    return APIError("bad_data", message)


def invalid(parameter: str, message: str) -> APIError:
    return bad_data(f'invalid parameter "{parameter}": {message}')


def success(data: bytes, warnings: Sequence[str] = ()) -> Response:
    """The envelope around data that are already JSON."""
    told = b',"warnings":' + encode(list(warnings)) if warnings else b""
    return Response(b'{"status":"success","data":' + data + told + b"}", media_type="application/json")


def failure(error: APIError) -> Response:
    body = {"status": "error", "errorType": error.kind, "error": error.message}
    return Response(encode(body), STATUSES.get(error.kind, 422), media_type="application/json")


def refuse(error: EnvError) -> Response:
    """A refusal of the environment, in the envelope that Prometheus' clients read."""
    body = {"status": "error", "errorType": "unavailable", "error": error.message, "code": error.code}
    return Response(encode(body), error.status, media_type="application/json")


def number(value: float) -> str:
    """A sample's value: the shortest decimal that reads back the same."""
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    shortest = repr(value).removesuffix(".0")
    if "e" in shortest and MIDDLING[0] <= abs(value) < MIDDLING[1]:
        return format(Decimal(shortest), "f")
    return shortest


def scientific(value: float) -> str:
    """The value of an alert, `1e+00`, as Go writes with the format `e` and the shortest digits."""
    if isnan(value) or value in (inf, -inf):
        return number(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    exponent += len(digits) - 1 if any(digits) else -exponent
    mantissa = "".join(map(str, digits))
    fraction = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' if sign else ''}{mantissa[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def timestamp(ms: int) -> str:
    """Seconds of Unix time, with three decimals where there are any."""
    whole, rest = divmod(ms, 1000)
    return f"{whole}.{rest:03d}" if rest else str(whole)


def instant(unix_ns: int) -> str:
    """RFC 3339 with as many decimals as there are, as Go's time.Time is marshalled."""
    whole, rest = divmod(unix_ns, 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def sample(ms: int, value: float) -> str:
    return f'[{timestamp(ms)},"{number(value)}"]'


def vector(samples: Iterable[promql.Sample], shift_ms: int) -> bytes:
    """An instant vector."""
    rows = [
        b'{"metric":%b,"value":%b}' % (labels(named), sample(at + shift_ms, value).encode())
        for named, at, value in samples
    ]
    return b'{"resultType":"vector","result":[%b]}' % b",".join(rows)


def matrix(found: Iterable[Series], shift_ms: int = 0) -> bytes:
    """Series with a value at each of their times."""
    rows = []
    for named, times, values in found:
        points = ",".join(map(sample, (times + shift_ms).tolist(), values.tolist())).encode()
        rows.append(b'{"metric":%b,"values":[%b]}' % (labels(named), points))
    return b'{"resultType":"matrix","result":[%b]}' % b",".join(rows)


def scalar(ms: int, value: float) -> bytes:
    return b'{"resultType":"scalar","result":%b}' % sample(ms, value).encode()


def string(ms: int, value: str) -> bytes:
    return b'{"resultType":"string","result":[%b,%b]}' % (timestamp(ms).encode(), encode(value))


def labels(named: Mapping[str, str]) -> bytes:
    return encode(dict(sorted(named.items())))


def data(value: Any) -> bytes:
    return encode(value)
