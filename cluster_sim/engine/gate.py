"""What a call meets between its client and its server, beside the server itself: slow links, locks, refusals.

Fast-forward: events only. A cluster with a gate on any of its edges is not computed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .failures import Failure

if TYPE_CHECKING:
    from .call import Call
    from .edge import Deadlines, Edge
    from .executor import Executor


class Held(NamedTuple):
    """The call has to wait.

    Attributes:
        delay: nanoseconds, after which it goes on; None: until the gate lets it go on.
        on_the_way: it has not reached its server meanwhile, which does not measure the time.
    """

    delay: int | None = None
    on_the_way: bool = False


class Obstacle(Protocol):
    """One thing in the way of the calls of an edge."""

    def meet(self, call: Call, now: int) -> Failure | Held | None:
        """What becomes of a call that arrives: it fails, has to wait, or passes."""
        ...


class Gate:
    """The obstacles on an edge, met one after another after a connection is had and before the server is asked.

    Deadlines of clients run meanwhile: a call given up while it waits goes on to the server all the same, when it may.

    Attributes:
        under_way: the calls that wait, and how many obstacles they have passed.
        parked: those among them that nothing but `release` lets go on, in the order of their arrival.
        travelling: those among them that have not reached their server, with what watches their deadlines.
    """

    def __init__(self, edge: Edge, executor: Executor) -> None:
        self.edge = edge
        self.executor = executor
        self.obstacles: list[Obstacle] = []
        self.under_way: dict[Call, int] = {}
        self.parked: dict[Call, None] = {}
        self.travelling: dict[Call, Deadlines] = {}

    def admit(self, call: Call, now: int) -> Failure | Held | None:
        """Lead a call on past the obstacles that it has not passed yet; a call that is held comes here again."""
        passed = self.under_way.pop(call, 0)
        if call in self.travelling:
            deadlines = self.travelling.pop(call)
            deadlines.keep(call)
            self.edge.settled_at = max(self.edge.settled_at, now + deadlines.timeout)
            call.start = now
        for place in range(passed, len(self.obstacles)):
            answer = self.obstacles[place].meet(call, now)
            if answer is None:
                continue
            if isinstance(answer, Held):
                self.under_way[call] = place + 1
                if answer.on_the_way:
                    self.travelling[call] = self.edge.deadlines
                if answer.delay is None:
                    self.parked[call] = None
                else:
                    self.executor.sim.push(now + answer.delay, call)
                return answer
            self._open_if_empty()
            return answer
        self._open_if_empty()
        return None

    def release(self) -> None:
        """Let every parked call go on, in the order of their arrival."""
        for call in self.parked:
            self.executor.resume(call)
        self.parked.clear()

    def add(self, obstacle: Obstacle) -> None:
        """Put an obstacle behind those there are."""
        self.obstacles.append(obstacle)
        self.edge.gate = self

    def remove(self, obstacle: Obstacle) -> None:
        """Take an obstacle away; calls parked here meet the others that are left."""
        place = self.obstacles.index(obstacle)
        del self.obstacles[place]
        self.under_way = {call: passed - (passed > place) for call, passed in self.under_way.items()}
        self.release()
        self._open_if_empty()

    def forget(self, calls: set[Call]) -> None:
        """Calls are lost that may be held here."""
        for call in [call for call in self.under_way if call in calls]:
            del self.under_way[call]
            self.parked.pop(call, None)
            self.travelling.pop(call, None)

    def waiting(self) -> Iterator[Call]:
        """The calls that only a release lets go on."""
        yield from self.parked

    def _open_if_empty(self) -> None:
        if not self.obstacles and not self.under_way:
            self.edge.gate = None
