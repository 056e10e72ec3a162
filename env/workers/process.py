"""What runs in a worker process: sessions, and the threads that simulate them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import EnvError, UnknownSession
from ..playing import EnvironmentFactory, Later
from ..sessions import Call, Session
from .frames import Frames, packed
from .threads import Threads

SWITCH_INTERVAL_S = 0.0005
"""For how long a simulating thread may keep the others waiting (as in the process that serves)."""
CHUNK_BYTES = 1 << 16
READY = 0
"""The number of the first answer: the process has come up."""

log = logging.getLogger(__name__)


class Began(NamedTuple):
    """The first message to a worker.

    Attributes:
        threads: that simulate.
    """

    factory: EnvironmentFactory
    threads: int


class Ask(NamedTuple):
    """A call for a session of this worker.

    Attributes:
        replay: the calls that make its episode, where the session is new here; None where it is played here already.
    """

    number: int
    session_id: str
    call: Call
    replay: tuple[Call, ...] | None


class Forget(NamedTuple):
    """A session that is played here no more."""

    session_id: str


class Answer(NamedTuple):
    """A call's answer, or the refusal.

    Attributes:
        more: whether neither is there yet; but the session needs to wait no longer.
    """

    number: int
    result: Any = None
    error: Exception | None = None
    more: bool = False


class Failed(RuntimeError):
    """A defect of ours in a worker, which has logged it; the argument says which."""


class Player:
    """The sessions that are played in this process."""

    def __init__(self, sock: socket.socket, began: Began) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._factory = began.factory
        self._sessions: dict[str, Session] = {}
        self._threads = Threads(began.threads)

    def take(self, message: Ask | Forget) -> None:
        """Does what a message says, in a thread where that takes long."""
        if isinstance(message, Forget):
            self._sessions.pop(message.session_id, None)
            return
        if message.replay is not None:
            self._sessions[message.session_id] = Session(message.session_id, self._factory(), 0.0)
        session = self._sessions.get(message.session_id)
        if session is None:  # closed while the call waited for its turn
            self._send(Answer(message.number, error=UnknownSession(message.session_id)))
            return
        threads, work = self._threads.work(message.call, session, message.replay or ())
        threads.submit(self._answer, message.number, work)

    def _answer(self, number: int, work: Callable[[], Any]) -> None:
        later: Later | None = None
        try:
            result = work()
            if isinstance(result, Later):
                later, result = result, None
            answer = Answer(number, result, more=later is not None)
        except EnvError as error:
            answer = Answer(number, error=error)
        except Exception as error:
            log.exception("a call could not be answered")
            answer = Answer(number, error=Failed(f"{type(error).__name__} in a worker process"))
        self._send(answer)
        if later is not None:
            self._threads.reading.submit(self._answer, number, later.work)

    def _send(self, answer: Answer) -> None:
        frame = packed(answer)
        with self._sending:
            self._sock.sendall(frame)


def main(descriptor: int) -> None:
    """Plays sessions until the other end of the socket is closed, or its process gone; then ends at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the serving process, which ends its workers
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    sock = socket.socket(fileno=descriptor)
    frames = Frames()
    player: Player | None = None
    with suppress(OSError):
        while received := sock.recv(CHUNK_BYTES):
            for message in frames.take(received):
                if player is None:
                    player = Player(sock, message)
                    sock.sendall(packed(Answer(READY)))
                else:
                    player.take(message)
    os._exit(0)  # without waiting for a step that nobody will hear of
