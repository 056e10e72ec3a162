"""A worker process, as the process that serves sees it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

from ..errors import UnknownSession
from ..playing import EnvironmentFactory
from ..sessions import Call, Session
from .frames import Frames, packed
from .process import READY, Answer, Ask, Began, Forget

START = "import sys; from env.workers.process import main; main(int(sys.argv[1]))"
PATIENCE_S = 2.0
"""Seconds for which a worker may take to end before it is killed (chosen)."""

Answered: TypeAlias = Callable[[Answer], None]
"""Is told the answer to a call; twice, when the first says that there is more to come."""


class WorkerLost(Exception):
    """The process ended of itself before it answered; what it was asked may be asked again elsewhere."""


class Worker(asyncio.Protocol):
    """One process; made on the event loop's thread, and used there only.

    Attributes:
        sessions: the ids of those that are played there.
        ready: whether the process has come up.
        lost: whether the process is gone, of itself or because it was ended.
        ended: whether it was ended.
        idle_since_s: when its last session went, on the event loop's clock; None while it has some.
    """

    def __init__(self, factory: EnvironmentFactory, threads: int, was_lost: Callable[[Worker], None]) -> None:
        self.sessions: set[str] = set()
        self.ready = self.lost = self.ended = False
        self.idle_since_s: float | None = None
        self._was_lost = was_lost
        self._numbers = count(READY + 1)
        self._asked: dict[int, Answered] = {READY: self._came_up}
        self._frames = Frames()
        self._unsent = [packed(Began(factory, threads))]
        self._transport: asyncio.WriteTransport | None = None
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
                process_group=0,  # Ctrl-C in a terminal is for the serving process alone
            )
        self._connecting = asyncio.create_task(self._connect(ours))

    async def _connect(self, ours: socket.socket) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)

    # ------------------------------------------------------------ what it is asked

    @property
    def calls(self) -> int:
        """How many calls it has not answered yet."""
        return len(self._asked)

    def ask(self, session: Session, call: Call, replay: tuple[Call, ...] | None, answered: Answered) -> None:
        """Has a call answered; `replay` makes the episode of a session that is new there."""
        if self.lost:
            answered(Answer(READY, error=WorkerLost()))
            return
        if replay is not None:
            self.sessions.add(session.session_id)
            self.idle_since_s = None
        number = next(self._numbers)
        self._asked[number] = answered
        self._send(Ask(number, session.session_id, call, replay))

    def forget(self, session_id: str) -> None:
        """Frees what a session takes there."""
        if session_id in self.sessions and not self.lost:
            self.sessions.discard(session_id)
            self._send(Forget(session_id))
            if not self.sessions:
                self.idle_since_s = asyncio.get_running_loop().time()

    def _came_up(self, answer: Answer) -> None:
        self.ready = answer.error is None

    def _send(self, message: Any) -> None:
        if self._transport is None:
            self._unsent.append(packed(message))
        else:
            self._transport.write(packed(message))

    # ------------------------------------------------------------ as a protocol of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.writelines(self._unsent)
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        answer: Answer
        for answer in self._frames.take(data):
            answered = self._asked[answer.number] if answer.more else self._asked.pop(answer.number)
            answered(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        error = UnknownSession() if self.ended else WorkerLost()
        self.lost = True
        self.sessions.clear()
        asked, self._asked = self._asked, {}
        for number, answered in asked.items():
            answered(Answer(number, error=error))
        if not self.ended:
            self._was_lost(self)

    # ------------------------------------------------------------ its end

    def end(self) -> None:
        """Begins to end the process, which ends by itself when its socket is closed."""
        self.lost = self.ended = True
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Waits for the process to be gone; kills it when it does not go."""
        await asyncio.wait([self._connecting])
        self.end()
        try:
            await asyncio.to_thread(self.process.wait, PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
