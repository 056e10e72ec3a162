"""Runs episodes for HTTP and WebSocket callers alike, here or in worker processes; a session's callers take turns."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ..errors import EnvError, UnknownSession, UnknownTask
from ..live.attach import Attach
from ..live.cluster import LiveCluster
from ..live.session import LIVE_TASK_ID, AttachedEnvironment, NotYet
from ..models import Action, ResetRequest
from ..playing import PARKED, Later
from ..sessions import Call, Session, SessionStore
from ..workers import Answer, Crew, Export, Exposition, Reset, State, Step, Threads, UseTool, Worker, WorkerLost
from .metrics import ServerMetrics

Result = TypeVar("Result")
DRAWN_SEEDS = 2**32
"""Seeds drawn here stay whole in every JSON reader, and fit OpenEnv's validation plans."""
LOSSES = 2
"""Workers that one call may lose before its session is given up (chosen: one for an accident, one to make sure)."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """A call that waits for its turn or is carried out.

    Attributes:
        losses: workers that ended while they carried it out.
        in_turn: whether the session's other callers wait for it.
    """

    session: Session
    call: Call
    answer: asyncio.Future[Any]
    losses: int = 0
    in_turn: bool = False


class EpisodeRunner:
    """The sessions, and who simulates them: threads of this process while one session is at work, else the crew.

    A session is played where it was first put. A caller that goes away does not stop its step: it completes, and the
    session's next caller finds the episode whole. The episodes of a worker that is gone are made again from their
    calls, which gives the same ones.

    Attributes:
        crew: the worker processes; None where this process does it all.
        rebuilt: how many episodes were made again from their calls, by the reason.
    """

    def __init__(self, store: SessionStore, tasks: Container[str], metrics: ServerMetrics, threads: int) -> None:
        self.store = store
        self.live: LiveCluster | None = None
        self.crew: Crew | None = None
        self.rebuilt: Counter[str] = Counter(lost=0, moved=0, parked=0)
        self._tasks = tasks
        self._metrics = metrics
        self._threads = Threads(threads)
        self._waiting: dict[str, deque[Job]] = {}
        self._changing: set[Job] = set()

    # ------------------------------------------------------------ what is asked

    def check_task(self, task_id: str | None) -> None:
        if task_id is not None and task_id not in self._tasks:
            raise UnknownTask(task_id)

    async def reset(self, request: ResetRequest, session: Session | None = None) -> tuple[Session, bytes]:
        """Begins an episode in this session, or in a new one; the session, and the turn as JSON."""
        self.check_task(request.task_id)
        seed = secrets.randbelow(DRAWN_SEEDS) if request.seed is None else request.seed
        task_id = request.task_id if request.attach is None else LIVE_TASK_ID
        playing = session or self.store.open()
        reset = Reset(task_id, seed, request.options(), request.episode_id)
        call: Call = reset if request.attach is None else Attach(reset, request.attach, self.live)
        try:
            with self._metrics.timed("reset"):
                turn: bytes = await self._in_turn(playing, call)
        except Exception:
            if session is None:
                self.store.close(playing.session_id)
            raise
        self._metrics.resets.labels(task_id=task_id).inc()
        return playing, turn

    async def step(self, session: Session, action: Action, task_id: str | None = None) -> bytes:
        """Takes a step; the turn as JSON."""
        with self._metrics.timed("step"):
            turn: bytes = await self._in_turn(session, Step(action, task_id))
        self._metrics.steps.labels(action_type=action.action_type.value).inc()
        return turn

    async def use_tool(self, session: Session, tool: str, arguments: dict[str, Any]) -> bytes:
        """A read over MCP, which lets simulated time pass; its answer as JSON."""
        with self._metrics.timed("read"):
            answer: bytes = await self._in_turn(session, UseTool(tool, arguments))
        self._metrics.reads.labels(tool=tool).inc()
        return answer

    def refused(self, error: EnvError) -> None:
        """Counts a refusal that is told in another way than by a status."""
        self._metrics.refused(error.code)

    async def state(self, session: Session, task_id: str | None = None) -> bytes:
        """The state as JSON."""
        state: bytes = await self._in_turn(session, State(task_id))
        return state

    async def trajectory(self, session: Session, task_id: str | None = None) -> bytes:
        """The record of the finished episode, as a line of JSON."""
        record: bytes = await self._in_turn(session, Export(task_id))
        return record

    async def exposition(self, session: Session) -> bytes:
        page: bytes = await self._in_turn(session, Exposition())
        return page

    async def read(self, session: Session, call: Call) -> Any:
        """What a read API has to do on a session's cluster as it stands between two steps."""
        return await self._in_turn(session, call)

    async def read_live(self, work: Callable[[], Result]) -> Result:
        """What a read API has to do on the live cluster."""
        return await asyncio.get_running_loop().run_in_executor(self._threads.reading, work)

    async def sweep(self, every_s: float) -> None:
        """Closes or parks idle sessions and ends idle workers, for as long as the server runs."""
        while True:
            await asyncio.sleep(every_s)
            self.store.close_idle()
            self.store.park_idle()
            if self.crew is not None:
                self.crew.relieve()

    # ------------------------------------------------------------ whose turn it is

    async def _in_turn(self, session: Session, call: Call) -> Any:
        job = Job(session, call, asyncio.get_running_loop().create_future())
        self._await_turn(job)
        return await asyncio.shield(job.answer)

    def _await_turn(self, job: Job) -> None:
        job.in_turn = True
        job.session.callers += 1
        if job.session.callers == 1:
            self._begin(job)
        else:
            self._waiting.setdefault(job.session.session_id, deque()).append(job)

    def _begin(self, job: Job) -> None:
        session = job.session
        if isinstance(job.call, Reset) and isinstance(session.environment, AttachedEnvironment):
            job.call = Attach(job.call, None, self.live)
        call = job.call
        try:
            worker, replay = self._place(job)
        except UnknownSession as error:
            self._end(job, None, error)
            return
        if call.changes and not isinstance(session.environment, AttachedEnvironment):
            self._changing.add(job)
        if worker is not None:
            worker.ask(session, call, replay, partial(self._answered, job))
        else:
            self._work(job, *self._threads.work(call, session, replay or ()))

    def _work(self, job: Job, threads: ThreadPoolExecutor, work: Callable[[], Any]) -> None:
        here = asyncio.get_running_loop().run_in_executor(threads, work)
        here.add_done_callback(partial(self._worked, job))

    def _worked(self, job: Job, done: asyncio.Future[Any]) -> None:
        error = done.exception()
        if isinstance(error, NotYet):  # an attached session's step waits for live time, and holds no thread meanwhile
            asyncio.get_running_loop().call_later(error.wait_s, self._begin, job)
            return
        result = None if error else done.result()
        if isinstance(result, Later):
            self._pass_turn(job)
            self._work(job, self._threads.reading, result.work)
        else:
            self._end(job, result, error)

    def _answered(self, job: Job, answer: Answer) -> None:
        if answer.more:
            self._pass_turn(job)
        elif not isinstance(answer.error, WorkerLost):
            self._end(job, answer.result, answer.error)
        elif job.losses < LOSSES:
            job.losses += 1
            again = self._begin if job.in_turn else self._await_turn
            asyncio.get_running_loop().call_soon(again, job)
        else:
            log.error("a call has cost %d worker processes; its session is closed", LOSSES + 1)
            self.store.close(job.session.session_id, "lost")
            self._end(job, None, UnknownSession(job.session.session_id))

    def _end(self, job: Job, result: Any, error: BaseException | None) -> None:
        self._changing.discard(job)
        if error is None:
            _record(job.session, job.call)
        if job.answer.done():
            pass  # cancelled, as the event loop is being closed
        elif error is None:
            job.answer.set_result(result)
        else:
            job.answer.set_exception(error)
            job.answer.exception()  # Seen, so that nobody is told of an error whose caller has gone.
        if job.in_turn:
            self._pass_turn(job)

    def _pass_turn(self, job: Job) -> None:
        """Lets the session's next caller begin."""
        session = job.session
        job.in_turn = False
        session.callers -= 1
        self.store.touch(session)
        waiting = self._waiting.get(session.session_id)
        if waiting:
            asyncio.get_running_loop().call_soon(self._begin, waiting.popleft())
        elif waiting is not None:
            del self._waiting[session.session_id]

    # ------------------------------------------------------------ where it is done

    def _place(self, job: Job) -> tuple[Worker | None, tuple[Call, ...] | None]:
        """The worker that carries a job out, None for this process, and what it has to replay before.

        A session stays in this process while it is the only one at work, and in the worker that it was given later.
        """
        session, call, home = job.session, job.call, job.session.home
        if isinstance(call, Attach):
            return None, None
        if isinstance(home, Worker) and not home.lost:
            return home, None
        alone = not self._changing - {job}
        played = call.begins or (call.changes and bool(session.log))
        if home is None and (alone or not played):
            return None, None
        if session.session_id not in self.store:
            raise UnknownSession(session.session_id)
        worker = self.crew.choose() if self.crew is not None and (job.losses or not alone) else None
        if home is worker is None:
            return None, None
        if session.log:
            self.rebuilt["moved" if home is None else "parked" if home is PARKED else "lost"] += 1
        self.store.move(session, worker)
        return worker, tuple(session.log)


def _record(session: Session, call: Call) -> None:
    """Keeps what makes the session's episode; a stay on the live cluster cannot be made again."""
    if isinstance(call, Attach):
        if session.home is not None:
            session.home.forget(session.session_id)
            session.home = None
        session.log = [] if call.to is not None else [call.reset]
    elif isinstance(call, Reset):
        session.task_id, session.seed = call.task_id, call.seed
        session.log = [call]
    elif call.changes and session.log:
        session.log.append(call)
