"""Refuses request bodies past a limit while they stream in, with or without a Content-Length."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import BodyTooLarge
from .refusals import refusal

DRAINED_BYTES = 1 << 20
"""How much of a refused body is still read, so that the client gets to read the answer."""


class BodyLimit:
    """ASGI middleware: the app sees a whole body of at most `limit_bytes`, or nothing."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        size_bytes = 0
        more = True
        while more and size_bytes <= DRAINED_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunk = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes <= self.limit_bytes:
                body += chunk
            more = message.get("more_body", False)
        if size_bytes > self.limit_bytes:
            answer = refusal(BodyTooLarge(self.limit_bytes))
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
        else:
            await self.app(scope, _replayed(bytes(body), receive), send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
