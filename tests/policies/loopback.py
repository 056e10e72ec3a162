"""Scripted servers on loopback: an OpenAI-compatible model, and the environment's API over the stories."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from env.models import Action
from tests.policies.stories import StoryEnvironment

Handle = Callable[[BaseHTTPRequestHandler, Any], None]


class Server(ThreadingHTTPServer):
    """Takes a client that has hung up for granted."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(handle: Handle) -> Iterator[str]:
    """A server on a free port that answers every request with `handle`; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            handle(self, json.loads(self.rfile.read(length) or b"null"))

        def do_GET(self) -> None:
            handle(self, None)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: Any, kind: str = "application/json") -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def completion(text: str | None) -> dict[str, Any]:
    """A chat completion that says the text, or one without choices."""
    message = {"role": "assistant", "content": text}
    choices = [] if text is None else [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "c-1", "object": "chat.completion", "created": 0, "model": "scripted", "choices": choices}


def event_stream(text: str, *, cut_after: int | None = None) -> bytes:
    """The same as server-sent events of a few characters each; cut off without an end where told."""
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)][:cut_after]
    chunks = [
        {
            "id": "c-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "scripted",
            "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}],
        }
        for piece in pieces
    ]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "" if cut_after is not None else "data: [DONE]\n\n"]).encode()


@dataclass
class ScriptedModel:
    """A model server.

    Attributes:
        say: the text for a question, given its number from 0; None answers without choices.
        status: the status of every answer.
        streams: whether it can stream; "refuse" answers 400 to a streaming request, "ignore" answers it
            plainly, "break" cuts the stream in the middle of an event.
        stall: silence before every answer, until the test ends it.
        questions: the requests that came, in order.
    """

    say: Callable[[int], str | None] = lambda number: '{"action_type": "no_op"}'
    status: int = 200
    streams: str = "yes"
    stall: threading.Event | None = None
    questions: list[dict[str, Any]] = field(default_factory=list)

    def handle(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        number = len(self.questions)
        self.questions.append(body)
        if self.stall is not None:
            self.stall.wait()
        if self.status != 200:
            send(handler, self.status, {"error": {"message": "scripted\nfailure"}})
        elif body.get("stream") and self.streams == "refuse":
            send(handler, 400, {"error": {"message": "streaming is not supported"}})
        elif body.get("stream") and self.streams == "break":
            broken = event_stream(self.say(number) or "", cut_after=2) + b"data: {broken\n\n"
            send(handler, 200, broken, "text/event-stream")
        elif body.get("stream") and self.streams == "yes":
            text = self.say(number)
            empty = f"data: {json.dumps({**completion(None), 'object': 'chat.completion.chunk'})}\n\n"
            stream = event_stream(text) if text is not None else f"{empty}data: [DONE]\n\n".encode()
            send(handler, 200, stream, "text/event-stream")
        else:
            send(handler, 200, completion(self.say(number)))


@dataclass
class StoryServer:
    """The environment's HTTP API over the hand-written stories.

    Attributes:
        refusals: how many steps are refused with 422 before one is taken.
        fail_at_step: the step that answers 500.
        hang: silence before every answer to /step, until the test ends it.
    """

    environment: StoryEnvironment = field(default_factory=StoryEnvironment)
    refusals: int = 0
    fail_at_step: int | None = None
    hang: threading.Event | None = None
    stepped: threading.Event = field(default_factory=threading.Event)

    def handle(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        path = urlsplit(handler.path).path
        if path == "/reset":
            self._reset(handler, body)
        elif handler.headers.get("X-Session-Id") != "session-1":
            send(handler, 404, {"detail": "session_id: no such session"})
        elif path == "/step":
            self._step(handler, body)
        else:
            send(handler, 200, self.environment.state())

    def _reset(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        if body["task_id"] not in self.environment.stories:
            send(handler, 404, {"detail": "task_id: no such task"})
        else:
            self._turn(handler, self.environment.reset(body["task_id"], body["seed"]))

    def _step(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        self.stepped.set()
        if self.hang is not None:
            self.hang.wait()
        if self.refusals > 0:
            self.refusals -= 1
            send(handler, 422, {"detail": "target: refused\nfor the test"})
        elif len(self.environment.actions) + 1 == self.fail_at_step:
            send(handler, 500, b"<html>broken</html>", "text/html")
        else:
            self._turn(handler, self.environment.step(Action.model_validate(body)))

    def _turn(self, handler: BaseHTTPRequestHandler, observation: Any) -> None:
        seen = observation.model_dump(mode="json")
        beside = {name: seen[name] for name in ("reward", "done", "metadata")}
        turn = {"observation": seen, **beside, "info": {}, "session_id": "session-1"}
        send(handler, 200, turn)
