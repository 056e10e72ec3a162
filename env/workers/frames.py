"""How messages go over a socket between two processes of the same server: a length and a pickle."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from struct import Struct
from typing import Any

LENGTH = Struct("<I")


def packed(message: Any) -> bytes:
    """A message as it is sent."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


class Frames:
    """Puts messages together from what is received, however it was cut."""

    def __init__(self) -> None:
        self._received = bytearray()

    def take(self, received: bytes) -> Iterator[Any]:
        """The messages that are complete now."""
        held = self._received
        held += received
        begin = 0
        while len(held) >= begin + LENGTH.size:
            body = begin + LENGTH.size
            end = body + LENGTH.unpack_from(held, begin)[0]
            if len(held) < end:
                break
            yield pickle.loads(memoryview(held)[body:end])
            begin = end
        del held[:begin]
