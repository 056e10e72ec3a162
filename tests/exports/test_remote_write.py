"""Remote write: to a real Prometheus, and to receivers that are not there, refuse, or fail for a while."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cluster_sim.exports.remote_write import RemoteWriteError, RemoteWriter, batches
from cluster_sim.telemetry.series import STALE
from tests.exports.series import START_MS, series
from tests.exports.test_openmetrics import ask
from tests.support.real_prometheus import serving

SERIES = [
    series([1, 2, STALE, 0, 4], name="requests_total", pod="one", start_ms=START_MS + 251),
    series([0.1, float("nan"), float("inf"), 7e20], name="load", query='a "b" \\ c\nd ü'),
    series(list(range(200)), name="ticks_total", empty=""),
]


@contextlib.contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[int]]]:
    """A receiver that answers with these statuses, then with 204; yields its URL and the lengths of the bodies."""
    bodies: list[int] = []
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(left.pop(0) if left else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/write", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses between tries, which are not waited for."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.mark.slow
def test_prometheus_takes_the_samples_and_the_end_of_a_series():
    """An empty database takes samples from years ago; a marker ends its series before the lookback does."""
    with serving(flags=["--web.enable-remote-write-receiver"]) as base:
        with RemoteWriter(f"{base}/api/v1/write") as writer:
            writer.check()
            writer.write(SERIES)
        at = START_MS + 3_000_000
        counts = ask(base, "count_over_time(requests_total[1h])", at)
        ticks = ask(base, "count_over_time(ticks_total[1h])", at)
        before, after, again = (ask(base, "requests_total", START_MS + ms) for ms in (29_000, 31_000, 46_000))
        values = ask(base, "load[1h]", at)[0]
    assert [(one["metric"], one["value"][1]) for one in counts] == [({"pod": "one"}, "4")]
    assert ticks[0]["value"][1] == "200"
    assert ticks[0]["metric"] == {}
    assert [one["value"][1] for one in before] == ["2"]
    assert after == []
    assert [one["value"][1] for one in again] == ["0"]
    assert values["metric"]["query"] == 'a "b" \\ c\nd ü'
    assert [value for _, value in values["values"]] == ["0.1", "NaN", "+Inf", "700000000000000000000"]


def test_requests_are_bounded_and_in_the_order_of_time():
    """Nothing of a later slice of time is sent before all of an earlier one; each request holds some 2000 samples."""
    many = [series([1.0] * 120, name="a_total", pod=str(pod)) for pod in range(300)]
    messages = list(batches(many))
    assert max(len(message) for message in messages) < 100_000
    assert sum(message.count(b"a_total") for message in messages) == 300 * 3
    assert list(batches([])) == []


def test_a_receiver_that_fails_for_a_while_gets_the_request_again(pauses):
    """Server errors and 429 are tried again after growing pauses."""
    with receiver(503, 429, 500) as (url, bodies), RemoteWriter(url) as writer:
        writer.write(SERIES[:1])
    assert len(bodies) == 4
    assert len(set(bodies)) == 1
    assert pauses == [0.5, 1.0, 2.0]


def test_a_receiver_that_goes_on_failing_is_given_up(pauses):
    """After four tries, with the status in the error."""
    with (
        receiver(*[500] * 9) as (url, bodies),
        RemoteWriter(url) as writer,
        pytest.raises(RemoteWriteError, match="HTTP status 500"),
    ):
        writer.write(SERIES[:1])
    assert len(bodies) == 4


def test_a_refused_request_is_not_sent_again(pauses):
    """A 400 stays a 400."""
    with (
        receiver(400) as (url, bodies),
        RemoteWriter(url) as writer,
        pytest.raises(RemoteWriteError, match="HTTP status 400"),
    ):
        writer.write(SERIES)
    assert len(bodies) == 1
    assert pauses == []


def test_nobody_at_the_url_and_something_else_at_it_are_said(free_port):
    """The check before an export tells them from a receiver; a password is never shown."""
    with (
        RemoteWriter(f"http://user:secret@127.0.0.1:{free_port()}/api/v1/write") as writer,
        pytest.raises(RemoteWriteError, match="cannot be reached") as error,
    ):
        writer.check()
    assert "secret" not in str(error.value)
    with (
        receiver(404) as (url, _),
        RemoteWriter(url) as writer,
        pytest.raises(RemoteWriteError, match="takes no remote write"),
    ):
        writer.check()
