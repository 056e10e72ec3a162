"""Which cluster a request of a read API is about, at which time, and who may ask.

A read API is a `ReadAPI` with its routes, mounted under `/sessions/{session_id}/<name>` for the cluster of a session
(and under `/sessions/{session_id}/wall/<name>`, with `clock=wall`) and under `/live/<name>` for the live one. The
handler of a route is an ordinary function that is given a `Reading` and returns a response. It runs in a thread of its
own pool, in the process where the session is played, on a copy of its cluster: it waits for a step under way, and no
step waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from fastapi import FastAPI, Request, Response

from cluster_sim import Cluster

from ...errors import EnvError
from ...playing import Environment, Later
from ...sessions import Session
from ..refusals import refusal
from ..runner import EpisodeRunner
from .parameters import SECOND, Parameters, read_parameters

MILLISECOND = 1_000_000
WALL = "wall"
"""The part of the path that stands for `clock=wall`, for clients that cannot add a parameter to every request."""


class NoLiveCluster(EnvError, LookupError):
    """The server runs no live cluster."""

    status = 404
    code = "NO_LIVE_CLUSTER"
    message = "no live cluster runs here"


class Live(Protocol):
    """The live cluster, `app.state.live` where one runs.

    Attributes:
        lock: held by whoever moves or reads the cluster.
    """

    @property
    def cluster(self) -> Cluster: ...

    @property
    def lock(self) -> threading.Lock: ...


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The times of a request and of its answer, in nanoseconds of Unix time.

    Attributes:
        epoch: of simulated zero.
        now: the simulated now; nothing after it is shown.
        shift: what outgoing times are ahead of simulated ones: 0, or whole milliseconds with `clock=wall`.
    """

    epoch: int
    now: int
    shift: int = 0

    def inward(self, unix_ns: int) -> int:
        """A time that the client wrote, as simulated time."""
        return unix_ns - self.shift

    def outward(self, unix_ns: int) -> int:
        """A simulated time, as the client is to read it."""
        return unix_ns + self.shift

    @property
    def now_ms(self) -> int:
        return self.now // MILLISECOND

    @property
    def shift_ms(self) -> int:
        return self.shift // MILLISECOND


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One request of a read API.

    Attributes:
        path: the parameters in the path; `session_id` is the caller's key and no part of an answer.
    """

    cluster: Cluster
    clock: Clock
    parameters: Parameters
    path: Mapping[str, str]


Handler = Callable[[Reading], Response]


class ReadAPI:
    """One API, `prometheus` for instance, and its routes.

    Attributes:
        name: the part of the path that stands for it.
        refuse: how it answers when the session is unknown, not begun or closed to it.
    """

    def __init__(self, name: str, refuse: Callable[[EnvError], Response] = refusal) -> None:
        self.name = name
        self.refuse = refuse
        self._routes: list[tuple[str, tuple[str, ...], Handler]] = []

    def route(self, path: str, *methods: str) -> Callable[[Handler], Handler]:
        """Adds a handler; without methods it is for GET."""

        def add(handler: Handler) -> Handler:
            self._routes.append((path, methods or ("GET",), handler))
            return handler

        return add

    def mount(self, app: FastAPI) -> None:
        """Adds the routes to an application, for sessions and for the live cluster."""
        for path, methods, handler in self._routes:
            for prefix, ask in PREFIXES:
                app.add_api_route(
                    f"{prefix}/{self.name}{path}",
                    self._endpoint(handler, ask),
                    methods=list(methods),
                    include_in_schema=False,
                )

    def _endpoint(self, handler: Handler, ask: Ask) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            parameters = await read_parameters(request)

            try:
                return await ask(request, Asked(handler, parameters, dict(request.path_params)))
            except EnvError as error:
                request.app.state.metrics.refused(error.code)
                return self.refuse(error)

        return endpoint


@dataclass(frozen=True)
class Asked:
    """What a request asks of whatever cluster: a handler, found by its name in another process, and its parameters."""

    handler: Handler
    parameters: Parameters
    path: Mapping[str, str]

    def of(self, cluster: Cluster, *, wall: bool = False) -> Response:
        clock = clock_of(cluster, wall=wall)
        return self.handler(Reading(cluster=cluster, clock=clock, parameters=self.parameters, path=self.path))


@dataclass(frozen=True)
class ReadSession:
    """A read of the cluster that a session plays on, as of its simulated now."""

    changes: ClassVar[bool] = False
    begins: ClassVar[bool] = False
    asked: Asked
    wall: bool

    def __call__(self, session: Session) -> Later:
        return session.readable().later(self._answer)

    def _answer(self, environment: Environment) -> Response:
        return self.asked.of(environment.cluster, wall=self.wall)


class Ask(Protocol):
    """Has a read done on the cluster that a request is about."""

    async def __call__(self, request: Request, asked: Asked) -> Response: ...


async def ask_session(request: Request, asked: Asked) -> Response:
    """On a session's cluster, wherever it is played; the session must have been reset with `read_api=true`."""
    runner: EpisodeRunner = request.app.state.runner
    session = runner.store.get(request.path_params["session_id"])
    walled = request.url.path.startswith(f"/sessions/{session.session_id}/{WALL}/")
    wall = walled or asked.parameters.get("clock") == "wall"
    answer: Response = await runner.read(session, ReadSession(asked, wall))
    return answer


async def ask_live(request: Request, asked: Asked) -> Response:
    """On the live cluster, whose epoch is the wall clock's."""
    runner: EpisodeRunner = request.app.state.runner
    live: Live | None = getattr(request.app.state, "live", None)
    if live is None:
        raise NoLiveCluster

    def locked() -> Response:
        with live.lock:
            return asked.of(live.cluster)

    return await runner.read_live(locked)


PREFIXES: tuple[tuple[str, Ask], ...] = (
    ("/sessions/{session_id}", ask_session),
    (f"/sessions/{{session_id}}/{WALL}", ask_session),
    ("/live", ask_live),
)


def clock_of(cluster: Cluster, *, wall: bool = False) -> Clock:
    """The clock of a cluster; `wall` makes its now the wall clock's, to the millisecond."""
    epoch = cluster.epoch_s * SECOND
    now = epoch + cluster.now
    shift = (time.time_ns() - now) // MILLISECOND * MILLISECOND if wall else 0
    return Clock(epoch=epoch, now=now, shift=shift)
