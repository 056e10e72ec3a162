"""Runs episodes for HTTP and WebSocket callers alike, in worker threads, one caller at a time per session."""

import asyncio
import secrets
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ..errors import EnvError, UnknownTask
from ..live.cluster import LiveCluster
from ..live.session import LIVE_TASK_ID, NotYet, environment_for
from ..models import Action, ResetRequest, Turn
from ..sessions import Session, SessionStore
from .metrics import ServerMetrics

Result = TypeVar("Result")
READERS = 2
"""Threads that answer the read APIs, so that queries leave those that simulate alone (chosen)."""
DRAWN_SEEDS = 2**32
"""Seeds drawn here stay whole in every JSON reader, and fit OpenEnv's validation plans."""


class EpisodeRunner:
    """The sessions, and the threads that simulate them.

    A caller that goes away does not stop its step: it completes, and the session's next caller finds the
    episode whole.
    """

    def __init__(self, store: SessionStore, tasks: Container[str], metrics: ServerMetrics, workers: int) -> None:
        self.store = store
        self.live: LiveCluster | None = None
        self._tasks = tasks
        self._metrics = metrics
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="simulate")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._working: set[asyncio.Task[Any]] = set()

    def check_task(self, task_id: str | None) -> None:
        if task_id is not None and task_id not in self._tasks:
            raise UnknownTask(task_id)

    async def reset(self, request: ResetRequest, session: Session | None = None) -> Turn:
        """Begins an episode in this session, or in a new one."""
        self.check_task(request.task_id)
        seed = secrets.randbelow(DRAWN_SEEDS) if request.seed is None else request.seed
        task_id = request.task_id if request.attach is None else LIVE_TASK_ID
        playing = session or self.store.open()

        def reset() -> Turn:
            before = playing.environment
            playing.environment = environment_for(request.attach, before, self.live)
            try:
                return playing.reset(task_id, seed, request.options(), request.episode_id)
            except EnvError:
                playing.environment = before
                raise

        try:
            with self._metrics.timed("reset"):
                turn = await self._in_turn(playing, reset)
        except Exception:
            if session is None:
                self.store.close(playing.session_id)
            raise
        self._metrics.resets.labels(task_id=task_id).inc()
        return turn

    async def step(self, session: Session, action: Action, task_id: str | None = None) -> Turn:
        with self._metrics.timed("step"):
            turn = await self._in_turn(session, lambda: session.step(action, task_id))
        self._metrics.steps.labels(action_type=action.action_type.value).inc()
        return turn

    async def use_tool(self, session: Session, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A read over MCP, which lets simulated time pass."""
        with self._metrics.timed("read"):
            answer = await self._in_turn(session, lambda: session.read(tool, arguments))
        self._metrics.reads.labels(tool=tool).inc()
        return answer

    def refused(self, error: EnvError) -> None:
        """Counts a refusal that is told in another way than by a status."""
        self._metrics.refused(error.code)

    async def state(self, session: Session, task_id: str | None = None) -> dict[str, Any]:
        return await self._in_turn(session, lambda: session.state(task_id))

    async def exposition(self, session: Session) -> bytes:
        return await self._in_turn(session, session.exposition)

    async def read(self, session: Session, work: Callable[[], Result]) -> Result:
        """What a read API has to do on a session's cluster, between its steps."""
        return await self._in_turn(session, work, self._readers)

    async def read_live(self, work: Callable[[], Result]) -> Result:
        """What a read API has to do on the live cluster."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def sweep(self, every_s: float) -> None:
        """Closes idle sessions for as long as the server runs."""
        while True:
            await asyncio.sleep(every_s)
            self.store.close_idle()

    async def _in_turn(
        self, session: Session, work: Callable[[], Result], pool: ThreadPoolExecutor | None = None
    ) -> Result:
        session.callers += 1
        working = asyncio.create_task(self._work(session, work, pool or self._workers))
        self._working.add(working)

        def finished(task: asyncio.Task[Result]) -> None:
            self._working.discard(task)
            session.callers -= 1
            self.store.touch(session)
            if not task.cancelled():
                task.exception()  # Seen, so that nobody is told of an error whose caller has gone.

        working.add_done_callback(finished)
        return await asyncio.shield(working)

    async def _work(self, session: Session, work: Callable[[], Result], pool: ThreadPoolExecutor) -> Result:
        async with session.lock:
            while True:
                try:
                    return await asyncio.get_running_loop().run_in_executor(pool, work)
                except NotYet as pause:  # an attached session's step waits for live time, and holds no thread meanwhile
                    await asyncio.sleep(pause.wait_s)
