"""Many episodes at once: sessions, their ids and aliases, and who has to go when the house is full."""

import asyncio
import math
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from cluster_sim import Cluster

from .errors import EpisodeOver, NotReset, OverCapacity, ReadAPIClosed, TaskMismatch, UnknownSession
from .models import Action, EpisodeOptions, EpisodeState, Observation, Turn

SESSION_ID_BYTES = 16
NO_EPISODE = EpisodeState().model_dump(include={"episode_id", "step_count"})


class Environment(Protocol):
    """One episode at a time, as the server needs it."""

    @property
    def done(self) -> bool: ...

    def reset(self, task_id: str, seed: int, options: EpisodeOptions = ...) -> Observation: ...

    def step(self, action: Action) -> Observation: ...

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]: ...

    def state(self) -> dict[str, Any]: ...

    def info(self) -> dict[str, Any]: ...

    def exposition(self) -> bytes: ...

    @property
    def read_api(self) -> bool: ...

    @property
    def cluster(self) -> Cluster: ...


EnvironmentFactory = Callable[[], Environment]


class Session:
    """One environment and who is using it.

    Attributes:
        lock: held while the environment works, so that its callers take turns.
        callers: requests that hold or await the lock; a session with callers is never evicted.
        last_used_s: on the store's clock.
        task_id, seed: of the episode being played; None before the first reset.
    """

    def __init__(self, session_id: str, environment: Environment, now_s: float) -> None:
        self.session_id = session_id
        self.environment = environment
        self.lock = asyncio.Lock()
        self.callers = 0
        self.last_used_s = now_s
        self.task_id: str | None = None
        self.seed: int | None = None
        self._episode_id: str | None = None

    def reset(self, task_id: str, seed: int, options: EpisodeOptions, episode_id: str | None = None) -> Turn:
        """Begins an episode; `episode_id` is the client's own name for it."""
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
        return self._turn(self.environment.step(action))

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Reads the telemetry with a tool, which takes simulated time."""
        if self.task_id is None:
            raise NotReset
        return self.environment.read(tool, arguments)

    def state(self, task_id: str | None = None) -> dict[str, Any]:
        self.check_task(task_id)
        if self.task_id is None:
            return dict(NO_EPISODE)
        state = self.environment.state()
        return state if self._episode_id is None else {**state, "episode_id": self._episode_id}

    def exposition(self) -> bytes:
        """The Prometheus page of the session's cluster as of its simulated now."""
        if self.task_id is None:
            raise NotReset
        return self.environment.exposition()

    def readable(self) -> Cluster:
        """The cluster, where the episode's read APIs are open."""
        if self.task_id is None:
            raise NotReset
        if not self.environment.read_api:
            raise ReadAPIClosed
        return self.environment.cluster

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
        spare_idle_s: when the house is full, the session longest unused gives way if it idled this long.
        closed: how many sessions were closed, by reason.
    """

    def __init__(
        self,
        factory: EnvironmentFactory,
        *,
        capacity: int = 512,
        keep_idle_s: float = 3600.0,
        spare_idle_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.keep_idle_s = keep_idle_s
        self.spare_idle_s = spare_idle_s
        self.opened = 0
        self.closed: Counter[str] = Counter(client=0, idle=0, capacity=0)
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
        if self._sessions.pop(session_id, None) is not None:
            self.closed[reason] += 1

    def close_idle(self) -> None:
        """Closes every session that nobody used for `keep_idle_s`."""
        outdated = self._clock() - self.keep_idle_s
        for session in list(self._longest_unused_first()):
            if session.last_used_s > outdated:
                break
            self.close(session.session_id, "idle")

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
