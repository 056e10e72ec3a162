"""Series as requests of Prometheus remote write 1.0, and what sends them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from ..errors import ClusterSimError
from ..telemetry.series import Series

if TYPE_CHECKING:
    import httpx

LARGEST_BATCH = 2000
"""Samples after which a request is closed (chosen: some 50 kB)."""
SLICE_MS = 600_000
"""Milliseconds of all series that are sent before anything later is (chosen).

Prometheus refuses what is an hour older than the newest sample it has of any series (half its block range).
"""
ATTEMPTS = 4
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
TIMEOUT_S = 30.0

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "incident-response-env",
}
"""Source: prometheus.io/docs/specs/prw/remote_write_spec, Protocol."""


class RemoteWriteError(ClusterSimError, OSError):
    """A receiver cannot be reached or refuses what it is sent."""


def batches(series: Iterable[Series]) -> Iterator[bytes]:
    """The messages, not compressed: slices of time one after the other, each of all series."""
    every = [one for one in series if len(one.times)]
    if not every:
        return
    start = min(int(one.times[0]) for one in every)
    end = max(int(one.times[-1]) for one in every)
    labels = [_labels(one) for one in every]
    for low in range(start, end + 1, SLICE_MS):
        message = bytearray()
        samples = 0
        for one, prefix in zip(every, labels, strict=True):
            first, last = (int(i) for i in np.searchsorted(one.times, (low, low + SLICE_MS)))
            # A slice of a series is a few dozen samples: the batch ends with it rather than inside it.
            if first < last:
                message += _field(1, prefix + _samples(one, first, last))
                samples += last - first
            if samples >= LARGEST_BATCH:
                yield bytes(message)
                message.clear()
                samples = 0
        if message:
            yield bytes(message)


def _labels(series: Series) -> bytes:
    """The label messages of a TimeSeries, sorted by name as the specification wants them."""
    pairs = ((name.encode(), value.encode()) for name, value in sorted(series.labels.items()) if value)
    return b"".join(_field(1, _field(1, name) + _field(2, value)) for name, value in pairs)


def _samples(series: Series, first: int, last: int) -> bytes:
    """The sample messages of a TimeSeries.

    Values are copied as bits: a staleness marker is a NaN whose payload arithmetic may lose.
    """
    bits = series.values[first:last].astype("<f8", copy=False).tobytes()
    encoded = bytearray()
    for i, at in enumerate(series.times[first:last].tolist()):
        encoded += _field(2, b"\x09" + bits[8 * i : 8 * i + 8] + b"\x10" + _varint(at))
    return bytes(encoded)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field; source: protobuf.dev/programming-guides/encoding."""
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class RemoteWriter:
    """A connection to a receiver."""

    def __init__(self, url: str) -> None:
        try:
            import httpx
            from cramjam import snappy
        except ImportError as error:
            raise RemoteWriteError(f"remote write needs the package {error.name}: pip install {error.name}") from None
        self._url = url
        self._name = name_of(url)
        self._compress = snappy.compress_raw
        self._unreachable = (httpx.TransportError, httpx.InvalidURL, UnicodeError)
        self._client = httpx.Client(headers=HEADERS, timeout=TIMEOUT_S)

    def __enter__(self) -> RemoteWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check(self) -> None:
        """Send an empty request, once.

        Raises:
            RemoteWriteError: nobody answers, or what answers takes no remote write.
        """
        try:
            status = self._post(b"").status_code
        except self._unreachable as error:
            raise RemoteWriteError(f"{self._name} cannot be reached: {error}") from None
        if status in (401, 403, 404, 405):
            raise RemoteWriteError(f"{self._name} takes no remote write: HTTP status {status}")

    def write(self, series: Iterable[Series]) -> None:
        """Send all samples; a request that may succeed later is sent again, a few times.

        Raises:
            RemoteWriteError: a request was refused, or failed every time.
        """
        for message in batches(series):
            self._send(message)

    def _send(self, message: bytes) -> None:
        pause_s = FIRST_PAUSE_S
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            try:
                answer = self._post(message)
            except self._unreachable as error:
                problem = f"{self._name} cannot be reached: {error}"
                continue
            if answer.is_success:
                return
            problem = f"{self._name} refuses the samples: HTTP status {answer.status_code}, {answer.text.strip()[:300]}"
            if answer.status_code != 429 and answer.status_code < 500:
                break
        raise RemoteWriteError(problem)

    def _post(self, message: bytes) -> httpx.Response:
        return self._client.post(self._url, content=bytes(self._compress(message)))


def name_of(url: str) -> str:
    """A URL without its user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
