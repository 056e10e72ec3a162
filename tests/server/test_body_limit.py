"""Bodies past 64 KiB are refused while they stream in."""

import asyncio
import json

import pytest

from env.server.body_limit import DRAINED_BYTES, BodyLimit

LIMIT_BYTES = 64 * 1024
NO_OP = {"action_type": "no_op"}


def test_a_body_of_exactly_the_limit_is_read(client):
    client.post("/reset")
    body = json.dumps(NO_OP).encode()
    assert client.post("/step", content=body.ljust(LIMIT_BYTES)).status_code == 200
    assert client.post("/step", content=body.ljust(LIMIT_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("path", ["/reset", "/step", "/mcp", "/incident-response-env/task", "/nowhere"])
def test_an_oversized_body_is_413_on_every_route(client, path):
    response = client.post(path, content=b" " * (LIMIT_BYTES + 1))
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_an_oversized_body_leaves_the_episode_as_it_was(client):
    client.post("/reset?seed=1")
    before = client.get("/state").json()
    client.post("/reset?seed=2", content=b" " * (LIMIT_BYTES + 1))
    client.post("/step", content=json.dumps(NO_OP).encode().ljust(LIMIT_BYTES + 1))
    assert client.get("/state").json() == before


class Caller:
    """Streams chunks to an ASGI app and keeps what it saw and answered."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)
        self.taken = 0
        self.sent = []
        self.body = None

    async def receive(self):
        chunk = next(self.chunks, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        self.taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(self, message):
        self.sent.append(message)

    async def app(self, scope, receive, send):
        self.body = await receive()

    def call(self):
        scope = {"type": "http", "method": "POST", "path": "/step", "headers": []}
        asyncio.run(BodyLimit(self.app, 10)(scope, self.receive, self.send))
        return self


def test_a_chunked_body_without_a_length_is_counted_as_it_comes():
    caller = Caller([b"x" * 6, b"x" * 5, b"x" * DRAINED_BYTES, b"never taken"]).call()
    assert caller.sent[0]["status"] == 413
    assert caller.taken == 11 + DRAINED_BYTES
    assert caller.body is None


def test_a_client_that_vanishes_in_its_body_reaches_no_route():
    caller = Caller([b"x" * 6]).call()
    assert caller.body is None
    assert caller.sent == []
