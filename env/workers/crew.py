"""The worker processes of a server: started when there is work for them, ended when there is none."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

from ..playing import EnvironmentFactory
from .worker import Worker

FAILED_STARTS = 2
"""Workers in a row that do not come up, after which there are none (chosen)."""
KEPT_IDLE_S = 60.0
"""Seconds after which a worker without sessions is ended (chosen)."""

log = logging.getLogger(__name__)


def importable(factory: Any) -> bool:
    """Whether another process finds the factory by its name, or its class if that says how its instances are sent."""
    named = type(factory) if "__reduce__" in vars(type(factory)) else factory
    module = sys.modules.get(getattr(named, "__module__", None) or "")
    return (
        module is not None
        and module.__name__ != "__main__"
        and getattr(module, getattr(named, "__qualname__", ""), None) is named
    )


class Crew:
    """Up to `size` worker processes.

    Attributes:
        lost: how many ended of themselves.
    """

    def __init__(self, factory: EnvironmentFactory, size: int, threads: int) -> None:
        self.size = size
        self.lost = 0
        self.workers: list[Worker] = []
        self._factory = factory
        self._threads = threads
        self._failed_starts = 0
        self._ending: set[asyncio.Task[None]] = set()

    def choose(self) -> Worker | None:
        """The worker for one more session: a new one while all have some, then that with the fewest.

        None when the system lets no process start.
        """
        free = min(self.workers, key=lambda worker: (len(worker.sessions), worker.calls), default=None)
        if (free is None or free.sessions) and len(self.workers) < self.size:
            try:
                free = Worker(self._factory, self._threads, self._count_loss)
            except OSError:
                log.exception("no worker process can be started")
            else:
                self.workers.append(free)
        return free

    def relieve(self) -> None:
        """Ends the workers that have been without sessions for long."""
        outdated = asyncio.get_running_loop().time() - KEPT_IDLE_S
        for worker in list(self.workers):
            if worker.idle_since_s is not None and worker.idle_since_s < outdated:
                self._dismiss(worker)

    async def end(self) -> None:
        """Ends all workers, for good; returns when their processes are gone."""
        self.size = 0
        for worker in list(self.workers):
            self._dismiss(worker)
        if self._ending:
            await asyncio.wait(self._ending)

    def _count_loss(self, worker: Worker) -> None:
        self.lost += 1
        self._failed_starts = 0 if worker.ready else self._failed_starts + 1
        if self._failed_starts >= FAILED_STARTS:
            log.error("worker processes do not come up; every session is played in the serving process")
            self.size = 0
        self._dismiss(worker)

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.end()
        ending = asyncio.create_task(worker.gone())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
