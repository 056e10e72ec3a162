"""Many episodes at once: sessions, their ids and aliases, and who has to go when the house is full."""

from __future__ import annotations

import math
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol
from weakref import ReferenceType, ref

from .errors import EpisodeOver, NotReset, OverCapacity, ReadAPIClosed, TaskMismatch, UnknownSession
from .models import Action, EpisodeOptions, EpisodeState, Observation, Turn
from .playing import PARKED, Environment, EnvironmentFactory, Home, View
from .trajectory import Trajectory, export

SESSION_ID_BYTES = 16
NO_EPISODE = EpisodeState().model_dump(include={"episode_id", "step_count"})


class Call(Protocol):
    """One request to a session, which another process can be sent.

    Attributes:
        changes: whether the episode is another one afterwards; such calls, in their order, make the episode again.
        begins: whether it begins one.
    """

    changes: ClassVar[bool]
    begins: ClassVar[bool]

    def __call__(self, session: Session) -> Any: ...


class Session:
    """One environment and who is using it.

    Attributes:
        environment: plays the episode, unless it is played elsewhere.
        home: where it is played; None is this process.
        log: the calls that make the episode as it stands, wherever; none before the first reset.
        callers: requests that are carried out or wait for it; a session with callers is never evicted.
        last_used_s: on the store's clock.
        task_id, seed: of the episode being played; None before the first reset.
    """

    def __init__(self, session_id: str, environment: Environment, now_s: float) -> None:
        self.session_id = session_id
        self.environment = environment
        self.home: Home | None = None
        self.log: list[Call] = []
        self.callers = 0
        self.last_used_s = now_s
        self.task_id: str | None = None
        self.seed: int | None = None
        self._episode_id: str | None = None
        self._view: ReferenceType[View] | None = None

    def reset(self, task_id: str, seed: int, options: EpisodeOptions, episode_id: str | None = None) -> Turn:
        """Begins an episode; `episode_id` is the client's own name for it."""
        self._view = None
        observation = self.environment.reset(task_id, seed, options)
        self.task_id, self.seed, self._episode_id = task_id, seed, episode_id
        return self._turn(observation)

    def step(self, action: Action, task_id: str | None = None) -> Turn:
        """Takes one step; `task_id` is the task that the caller believes is played."""
        self.check_task(task_id)
        if self.task_id is None:
            raise NotReset
        if self.environment.done:
            raise EpisodeOver
        self._view = None
        return self._turn(self.environment.step(action))

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Reads the telemetry with a tool, which takes simulated time."""
        if self.task_id is None:
            raise NotReset
        self._view = None
        return self.environment.read(tool, arguments)

    def state(self, task_id: str | None = None) -> dict[str, Any]:
        self.check_task(task_id)
        if self.task_id is None:
            return dict(NO_EPISODE)
        state = self.environment.state()
        return state if self._episode_id is None else {**state, "episode_id": self._episode_id}

    def trajectory(self, task_id: str | None = None) -> Trajectory:
        """The record of the finished episode."""
        self.check_task(task_id)
        if self.task_id is None:
            raise NotReset
        return export(self.environment)

    def view(self) -> View:
        """The environment as it stands; one copy is shared by all who read at the same time."""
        if self.task_id is None:
            raise NotReset
        view = None if self._view is None else self._view()
        if view is None:
            view = View(self.environment.branch())
            self._view = ref(view)
        return view

    def readable(self) -> View:
        """The same, where the episode's read APIs are open."""
        if self.task_id is not None and not self.environment.read_api:
            raise ReadAPIClosed
        return self.view()

    def check_task(self, task_id: str | None) -> None:
        if task_id is not None and self.task_id is not None and task_id != self.task_id:
            raise TaskMismatch

    def _turn(self, observation: Observation) -> Turn:
        return Turn(
            observation=observation,
            reward=observation.reward,
            done=observation.done,
            info={**self.environment.info(), "task_id": self.task_id, "seed": self.seed},
            session_id=self.session_id,
            metadata=observation.metadata,
        )


class SessionStore:
    """The open sessions, in the order of their last use.

    Attributes:
        capacity: sessions that may be open at once.
        keep_idle_s: a session that nobody used for this long is closed.
        park_idle_s: of one that nobody used for this long only the log is kept, which makes its episode again.
        spare_idle_s: when the house is full, the session longest unused gives way if it idled this long.
        closed: how many sessions were closed, by reason.
    """

    def __init__(
        self,
        factory: EnvironmentFactory,
        *,
        capacity: int = 512,
        keep_idle_s: float = 3600.0,
        park_idle_s: float = 600.0,
        spare_idle_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.keep_idle_s = keep_idle_s
        self.park_idle_s = park_idle_s
        self.spare_idle_s = spare_idle_s
        self.opened = 0
        self.closed: Counter[str] = Counter(client=0, idle=0, capacity=0, lost=0)
        self._factory = factory
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._aliases: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions

    def open(self) -> Session:
        """A new session; raises OverCapacity when none of the others can give way."""
        self.close_idle()
        if len(self._sessions) >= self.capacity:
            self._make_room()
        session = Session(secrets.token_hex(SESSION_ID_BYTES), self._factory(), self._clock())
        self._sessions[session.session_id] = session
        self.opened += 1
        return session

    def get(self, session_id: str) -> Session:
        """The session with this id, now the last used."""
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSession(session_id)
        self.touch(session)
        return session

    def touch(self, session: Session) -> None:
        """Marks a session as used now."""
        session.last_used_s = self._clock()
        if session.session_id in self._sessions:
            self._sessions.move_to_end(session.session_id)

    def move(self, session: Session, home: Home | None) -> None:
        """Lets a session be played elsewhere; its episode has to be made again there."""
        if session.home is not None:
            session.home.forget(session.session_id)
        session.home = home
        session.environment = self._factory()

    def alias(self, task_id: str, session: Session) -> None:
        """Lets `task_id` alone stand for this session, as in the seed's curl commands."""
        self._aliases[task_id] = session.session_id

    def aliased(self, task_id: str) -> Session | None:
        """The session that `task_id` alone stands for, while it is open and still plays that task."""
        session = self._sessions.get(self._aliases.get(task_id, ""))
        if session is None or session.task_id != task_id:
            return None
        self.touch(session)
        return session

    def close(self, session_id: str, reason: str = "client") -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            self.closed[reason] += 1
            if session.home is not None:
                session.home.forget(session_id)

    def close_idle(self) -> None:
        """Closes every session that nobody used for `keep_idle_s`."""
        outdated = self._clock() - self.keep_idle_s
        for session in list(self._longest_unused_first()):
            if session.last_used_s > outdated:
                break
            self.close(session.session_id, "idle")

    def park_idle(self) -> None:
        """Frees what every session takes that nobody used for `park_idle_s`."""
        outdated = self._clock() - self.park_idle_s
        for session in self._longest_unused_first():
            if session.last_used_s > outdated:
                break
            if session.log and session.home is not PARKED:
                self.move(session, PARKED)

    def _make_room(self) -> None:
        longest_unused = next(self._longest_unused_first(), None)
        if longest_unused is None:
            raise OverCapacity(1)
        wait_s = longest_unused.last_used_s + self.spare_idle_s - self._clock()
        if wait_s > 0:
            raise OverCapacity(math.ceil(wait_s))
        self.close(longest_unused.session_id, "capacity")

    def _longest_unused_first(self) -> Iterator[Session]:
        return (session for session in self._sessions.values() if not session.callers)
