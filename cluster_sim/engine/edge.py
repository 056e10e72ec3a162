"""The running side of a declared call: its timeouts, retries, breakers and counts."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import MILLISECOND, nanoseconds
from ..specs import BreakerSpec, Language
from .failures import Failure
from .gate import Gate
from .state import State
from .timer import Timer

if TYPE_CHECKING:
    from .call import Call
    from .executor import Executor
    from .gate import Obstacle
    from .program import EdgeSpec

SLOW_QUERY = 500 * MILLISECOND
"""The database's log_min_duration_sample (chosen); of slower queries the sampled ones are logged."""
CARTS = 1000
"""Numbers from here on name the draws of a call for one item of a cart; smaller ones those of retries."""
_LOGGED_FROM = {Language.POSTGRES: SLOW_QUERY, Language.REDIS: 1 << 62}
"""Applications log every sampled request, Redis none."""


class Edge(State):
    """One call from a client to an operation of a server.

    Attributes:
        slot: index of this edge among those into its server (the index of its series there).
        timeout, backoff: nanoseconds.
        retries: further attempts after the first.
        tokens, budget, refill: the token bucket of retries; a budget of None retries without bound.
        logged_from: nanoseconds; a sampled call that took as long has a line in the server's log.
        settled_at: the instant from which on every call under way has this timeout, counted from its start.
        gate: what its calls meet on their way to the server; None: nothing.
        learns: whether a success has to be noted: it refills the budget of retries, or tells a breaker.
        retried, timed_out: counts since the start.
        failures: calls that failed as their client saw it, by cause.
    """

    def __init__(self, spec: EdgeSpec, slot: int, executor: Executor) -> None:
        self.spec = spec
        self.index = spec.index
        self.client = spec.client
        self.server = spec.server
        self.operation = spec.operation.name
        self.method = spec.operation.method
        self.route = spec.operation.route
        self.slot = slot
        language = executor.recorder.services[spec.server].spec.language
        self.logged_from = _LOGGED_FROM.get(language, 0)
        self.optional = spec.call.optional
        self.breaker = spec.call.breaker
        self.retries = spec.call.retry.attempts
        self.backoff = nanoseconds(spec.call.retry.backoff_s)
        self.budget = spec.call.retry.budget
        self.refill = spec.call.retry.refill
        self.tokens = spec.call.retry.budget or 0.0
        self.learns = self.breaker is not None or self.retries > 0
        self.gate: Gate | None = None
        self.executor = executor
        self.retried = 0
        self.settled_at = 0
        self.timed_out = 0
        self.failures: dict[Failure, int] = {}
        self.deadlines = executor.deadlines(nanoseconds(spec.call.timeout_s))

    @property
    def timeout(self) -> int:
        """Nanoseconds after which the client gives up."""
        return self.deadlines.timeout

    @timeout.setter
    def timeout(self, timeout: int) -> None:
        # Calls already made keep their deadline: they stay in the queue of the old value.
        self.settled_at = self.deadlines.executor.sim.now + self.deadlines.timeout
        self.deadlines = self.deadlines.executor.deadlines(timeout)

    def obstruct(self, obstacle: Obstacle) -> None:
        """Put something in the way of its calls."""
        (self.gate or Gate(self, self.executor)).add(obstacle)

    def clear(self, obstacle: Obstacle) -> None:
        """Take it out of the way, if it is there."""
        if self.gate is not None and obstacle in self.gate.obstacles:
            self.gate.remove(obstacle)

    def succeeded(self, parent: Call, now: int) -> bool:
        """A call was answered; returns whether its caller goes on later, when it is ready to ask once more."""
        if self.retries and self.budget is not None and self.tokens < self.budget:
            self.tokens += self.refill
        if self.breaker is not None:
            assert parent.replica is not None
            parent.replica.breaker(self).record(True, now)
        return parent.replica is not None and parent.replica.behaviour.asks_each is not None and self._ask_again(parent)

    def _ask_again(self, parent: Call) -> bool:
        """Have the caller ask for the next item of its cart, where its release asks for each by itself."""
        assert parent.replica is not None
        each = parent.replica.behaviour.asks_each
        if each is None or each.operation != self.operation:
            return False
        executor = self.executor
        if parent.items:
            parent.items = parent.items[1:]  # a new list: what is noted of calls under way refers to the old one
        else:
            parent.items = [0] * (each.calls(executor.streams.uniform("cart", parent.flow.number)) - 1)
        if not parent.items:
            return False
        parent.pc -= 1
        parent.row = executor.workload.spare_row(parent.flow, self.index, CARTS + len(parent.items))
        executor.sim.push(executor.sim.now + each.handshake, parent)
        return True

    def take_token(self) -> bool:
        """Whether the budget allows one more retry; takes the token."""
        if self.budget is None:
            return True
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class DeadlineTimer(Timer):
    """Comes at the earliest deadline of a timeout value."""


class Deadlines(State):
    """The deadlines of one timeout value: they fall due in the order they were set, so one timer serves all.

    Attributes:
        calls: those that have one, in that order; it is so long after their start, or
        asked: the instant at which they were asked, of those that have reached their server later.
    """

    def __init__(self, timeout: int, executor: Executor) -> None:
        self.timeout = timeout
        self.executor = executor
        self.calls: deque[Call] = deque()
        self.asked: dict[Call, int] = {}
        self.armed = False
        self._timer = DeadlineTimer(executor.sim, self, self._fall_due)

    def arm(self, at: int) -> None:
        """Set the timer."""
        self.armed = True
        self._timer.set(at)

    def keep(self, call: Call) -> None:
        """The deadline of a call stays where it is although its start is set anew."""
        if call.parent is not None:
            self.asked.setdefault(call, call.start)

    def _fall_due(self, _: Event) -> None:
        now = self.executor.sim.now
        calls, asked = self.calls, self.asked
        while calls:
            call = calls[0]
            if call.parent is None:
                calls.popleft()
                if asked:
                    asked.pop(call, None)
                continue
            deadline = asked.get(call, call.start) + self.timeout
            if deadline <= now:
                calls.popleft()
                asked.pop(call, None)
                call.edge.timed_out += 1
                gate = call.edge.gate
                self.executor.abandon(call, Failure.TIMEOUT if gate is None else gate.ends(call))
            else:
                self.arm(deadline)
                return
        self.armed = False


class Breaker(State):
    """A count-based circuit breaker: closed, open, half-open.

    Attributes:
        state: `closed`, `open` or `half_open`.
        refused: calls not permitted.
    """

    def __init__(self, spec: BreakerSpec) -> None:
        self.spec = spec
        self.state = "closed"
        self.outcomes: deque[bool] = deque(maxlen=spec.window)
        self.failed = 0
        self.open_until = 0
        self.trials_left = 0
        self.trials_passed = 0
        self.refused = 0

    @property
    def calm(self) -> bool:
        """Whether it stays closed as long as no call fails."""
        return self.state == "closed" and self.failed < self.spec.failure_ratio * self.spec.window

    def permits(self, now: int) -> bool:
        """Whether a call may be made now."""
        if self.state == "closed":
            return True
        if self.state == "open" and now >= self.open_until:
            self.state = "half_open"
            self.trials_left = self.spec.trials
            self.trials_passed = 0
        if self.state == "half_open" and self.trials_left:
            self.trials_left -= 1
            return True
        self.refused += 1
        return False

    def record(self, success: bool, now: int) -> None:
        """Take note of the outcome of a permitted call."""
        if self.state == "half_open":
            if not success:
                self._open(now)
            else:
                self.trials_passed += 1
                if self.trials_passed >= self.spec.trials:
                    self._close()
        elif self.state == "closed":
            if len(self.outcomes) == self.spec.window and not self.outcomes[0]:
                self.failed -= 1
            self.outcomes.append(success)
            self.failed += not success
            if len(self.outcomes) == self.spec.window and self.failed >= self.spec.failure_ratio * self.spec.window:
                self._open(now)

    def failure_ratio(self) -> float:
        """Share of failures in the window, or -1 while it is not full."""
        return self.failed / self.spec.window if len(self.outcomes) == self.spec.window else -1.0

    def _open(self, now: int) -> None:
        self.state = "open"
        self.open_until = now + nanoseconds(self.spec.open_s)
        self.outcomes.clear()
        self.failed = 0

    def _close(self) -> None:
        self.state = "closed"
        self.outcomes.clear()
        self.failed = 0


class NoBreaker(Breaker):
    """One that is switched off: it counts and never opens."""

    def record(self, success: bool, now: int) -> None:
        """Take note of the outcome of a call."""
        if len(self.outcomes) == self.spec.window and not self.outcomes[0]:
            self.failed -= 1
        self.outcomes.append(success)
        self.failed += not success
