"""The threads of a process that plays sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ..sessions import Call, Session
from .memory import Memory

READERS = 2
"""Threads that answer the read APIs, so that queries leave those that simulate alone (chosen)."""


class Threads:
    """Three kinds, so that neither a reset nor a query holds up the steps of other sessions.

    Episodes begin one after the other: ten minutes of history take a lot of memory while they are simulated.

    Args:
        simulating: how many take steps; they share one interpreter.
    """

    def __init__(self, simulating: int) -> None:
        self.beginning = ThreadPoolExecutor(1, thread_name_prefix="begin")
        self.simulating = ThreadPoolExecutor(simulating, thread_name_prefix="simulate")
        self.reading = ThreadPoolExecutor(READERS, thread_name_prefix="read")

        self._memory = Memory()

    def work(
        self, call: Call, session: Session, replay: Sequence[Call] = ()
    ) -> tuple[ThreadPoolExecutor, Callable[[], Any]]:
        """The threads that carry out a call, and what they have to do; `replay` makes the episode of the session."""
        if call.begins or replay:
            return self.beginning, partial(self._begin, call, session, replay)
        return self.simulating, partial(call, session)

    def _begin(self, call: Call, session: Session, replay: Sequence[Call]) -> Any:
        for before in replay:
            before(session)
        answer = call(session)
        self._memory.give_back()
        return answer
