"""One request followed on its own, operation by operation, where and when the solution of the stretch says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ...specs import USERS
from .. import program as op
from ..call import FIELDS, KEPT, NUMBER_BITS, Call, flow_of
from ..failures import ANSWER_AFTER, DENIALS, STATUS, Failure
from ..program import UNIFORM_BITS
from ..recorder import GOOD
from ..service import LogRecord
from ..span_record import NOBODY, REQUEST, SERVED, USER, WORKER
from .lanes import NEVER

if TYPE_CHECKING:
    from ..edge import Edge
    from ..replica import Replica
    from ..service import Service
    from .stretch import Stretch


class Visit:
    """A call at its server.

    Attributes:
        name: its edge, and how many visits over it the request made before.
        enter, begin, end: nanoseconds: it reached the server, got a worker, was answered; NEVER if it was not.
        fixed: whether its worker was given before the stretch.
        replica: where it is served.
        caller: the replica that asked.
        choice: index of its replica among the ready ones, if it was chosen within the stretch; else -1.
        failure: how it failed, or 0.
    """

    __slots__ = ("begin", "caller", "choice", "edge", "end", "enter", "failure", "fixed", "name", "replica")

    def __init__(
        self,
        name: tuple[int, int],
        edge: Edge,
        replica: Replica,
        caller: Replica | None,
        enter: int,
        choice: int,
        *,
        fixed: bool,
    ) -> None:
        self.name = name
        self.edge = edge
        self.replica = replica
        self.caller = caller
        self.enter = self.begin = enter
        self.choice = choice
        self.fixed = fixed
        self.end = NEVER
        self.failure = 0


class Leaf(NamedTuple):
    """Where a request is at an instant.

    Attributes:
        call: its innermost call.
        at: when that goes on; NEVER if it waits for a worker.
        since: since when it waits.
    """

    call: Call
    at: int
    since: int


class Effect(NamedTuple):
    """Something that is done to the cluster at an instant."""

    at: int
    do: Callable[..., object]
    args: tuple[Any, ...]


class Trace:
    """A request and what becomes of it.

    What it cannot know of itself it takes from guesses, which the solution makes better until they are right.

    Attributes:
        choices, waits: by visit, the index of its replica among the ready ones and its wait for a worker.
        stale: whether it is guessed otherwise than it was followed.
        missing: per look-up in a store, the keys that it lacks.
        visits, works, reads, writes, mints, checks, spans, effects, wakes: what it did in the stretch, in order.
        taken, kept, refused: its retries with their edges, instants from which on its spans are kept, and (instant,
            user) of the tokens that its user threw away.
        outcome: (instant, status) of the user's answer.
        leaf: where it is at the end of the stretch, if it is not over.
    """

    def __init__(self, stretch: Stretch, leaf: Leaf) -> None:
        self.stretch = stretch
        self.origin = leaf
        self.begun = leaf.at != leaf.call.start or hasattr(leaf.call, "edge")
        self.choices: dict[tuple[int, int], int] = {}
        self.waits: dict[tuple[int, int], int] = {}
        self.missing: list[list[int]] = []
        self.stale = True
        self._forget()

    def follow(self, until: int) -> None:
        """Follow the request to its end, or to the last thing it begins before an instant."""
        self._forget()
        self.stale = False
        self._walk(until)

    def over_before(self, until: int) -> bool:
        """Whether the user has the answer before an instant."""
        return self.outcome is not None and self.outcome[0] < until

    def lack(self, place: int, keys: list[int]) -> bool:
        """Guess what a look-up lacks; whether that is something else than before."""
        if place < len(self.missing) and self.missing[place] == keys:
            return False
        self.missing += [[]] * (place + 1 - len(self.missing))
        self.missing[place] = keys
        self.stale = True
        return True

    def _forget(self) -> None:
        self.visits: list[Visit] = []
        self.works: list[tuple[Replica, int, int]] = []
        self.reads: list[tuple[list[int], int, Service]] = []
        self.writes: list[tuple[list[int], int, Service]] = []
        self.mints: list[tuple[int, int, str]] = []
        self.checks: list[tuple[int, Replica, str, str]] = []
        self.spans: list[tuple[int, ...]] = []
        self.effects: list[Effect] = []
        self.wakes: list[int] = []
        self.refused: list[tuple[int, int]] = []
        self.taken: list[tuple[int, Edge]] = []
        self.kept: list[int] = []
        self.outcome: tuple[int, int] | None = None
        self.leaf: Leaf | None = None
        self.open: dict[Call, Visit] = {}

    # ------------------------------------------------------------ the walk

    def _start(self) -> Call:
        """A copy of the request as it is now, with the visits that it is in the middle of."""
        copies: list[Call] = []
        original: Call | None = self.origin.call
        flow = self.origin.call.flow
        flow = flow_of(flow.number, flow.user, flow.endpoint, flow.sampled, flow.start)
        while original is not None:
            copy = Call()
            for field in FIELDS:
                if hasattr(original, field):
                    setattr(copy, field, getattr(original, field))
            copy.flow = flow
            if copies:
                copies[-1].parent = copy
            copies.append(copy)
            original = original.parent
        queued = self.origin.at == NEVER
        for copy in reversed(copies):
            if copy.replica is not None:
                assert copy.parent is not None
                fixed = not (queued and copy is copies[0])
                name, caller = self._name(copy.edge), copy.parent.replica
                visit = Visit(name, copy.edge, copy.replica, caller, copy.start, -1, fixed=fixed)
                self.visits.append(visit)
                self.open[copy] = visit
        return copies[0]

    def _walk(self, until: int) -> None:
        stretch = self.stretch
        call: Any = self._start()
        now = self.origin.at
        if now == NEVER:
            queued = self._granted(call, self.visits[-1], call.pc, until)
            if queued is None:
                return
            now = queued
        else:
            if call.replica is not None:
                now = stretch.pace(call.replica).postponed(stretch.start - 1, now, until)
            if now >= until:
                self.leaf = Leaf(call, now, self.origin.since)
                return
            self.wakes.append(now)
        code, pc, row = call.code, call.pc, call.row
        while True:
            operation, a, b = code[pc]
            pc += 1
            if operation in (op.WORK, op.WORK_ITEMS):
                delay = row[a] if operation == op.WORK else row[a] * len(call.items)
                begin = now
                now, counted = stretch.pace(call.replica).work(begin, delay, until)
                self.works.append((call.replica, begin, counted))
                call.pc = pc
                if now >= until:
                    self.leaf = Leaf(call, now, begin)
                    return
                self.wakes.append(now)
                continue
            if operation == op.CALL:
                call.pc = pc
                child = Call()
                child.code, child.parent, child.flow, child.edge = code, call, call.flow, a
                child.items = call.items
                child.replica = child.pool = None
                child.start = now
                child.retry = 0
                child.attempt = attempt = call.retry
                if attempt:
                    call.retry = 0
                    row = stretch.workload.spare_row(call.flow, a.index, call.attempt, attempt)
                child.row = row
                call, pc = child, b
                continue
            if operation in (op.ENTER, op.ENTER_DRAWN):
                visit = self._enter(call, a, b, row, now, drawn=operation == op.ENTER_DRAWN)
                error = b if operation == op.ENTER else b[1]
                if error >= 0 and row[error] < stretch.foresight.threshold(a, now):
                    visit.begin = NEVER
                    going_on = self._fail(call, Failure.SERVER_ERROR, now, until)
                else:
                    granted = self._granted(call, visit, pc, until)
                    if granted is None:
                        call.pc = pc
                        return
                    now = granted
                    continue
            elif operation == op.RETURN:
                call = self._answered(call, now, items=bool(a))
                pc, row = call.pc, call.row
                continue
            elif operation == op.END:
                self._finish(call, GOOD, now)
                return
            elif operation == op.TOKEN:
                if self._token(call.flow.user, now)[1] > now:
                    pc = a
                continue
            elif operation == op.CONNECT:
                call.pool = call.parent.replica.pools[b]
                continue
            elif operation == op.CHANCE:
                if row[a] >= b[0]:
                    pc = b[1]
                continue
            elif operation == op.PICK:
                call.items = row[a:b]
                continue
            elif operation == op.IF_ITEMS:
                if not call.items:
                    pc = a
                continue
            elif operation == op.CACHE_READ:
                self.reads.append((call.items, now, a))
                call.items = self._lacking(call.items, now, a)
                continue
            elif operation == op.CACHE_WRITE:
                self.writes.append((call.items, now, a))
                continue
            elif operation == op.VERIFY:
                refusal = self._verify(call, now)
                if refusal is None:
                    continue
                going_on = self._fail(call, refusal, now, until)
            elif operation == op.MINT:
                self.mints.append((now, call.flow.user, call.replica.keys.signing))
                continue
            else:
                continue  # LEAD, SETTLE and FOLLOW do nothing without single flight; FIND_KEY finds every key
            if going_on is None:
                return
            call, now = going_on
            code, pc, row = call.code, call.pc, call.row

    # ------------------------------------------------------------ elements

    def _enter(self, call: Call, service: Any, columns: Any, row: list[int], now: int, *, drawn: bool) -> Visit:
        ready = service.ready
        name = self._name(call.edge)
        choice = row[columns[0]] * len(ready) >> UNIFORM_BITS if drawn else self.choices.get(name, 0)
        assert call.parent is not None
        call.replica = ready[choice]
        visit = Visit(name, call.edge, ready[choice], call.parent.replica, now, choice, fixed=False)
        self.visits.append(visit)
        self.open[call] = visit
        return visit

    def _name(self, edge: Edge) -> tuple[int, int]:
        """What the next visit over an edge is called: the edge, and how many there were before."""
        return edge.index, sum(visit.edge is edge for visit in self.visits)

    def _granted(self, call: Call, visit: Visit, pc: int, until: int) -> int | None:
        """When the visit has its worker; None if the stretch ends before."""
        wait = self.waits.get(visit.name, 0)
        visit.begin = max(visit.enter + wait, visit.enter if visit.choice >= 0 else self.stretch.start)
        if visit.begin == visit.enter:
            return visit.begin
        if visit.begin >= until:
            self.leaf = Leaf(call, NEVER, visit.enter)
            return None
        if call.code[pc][0] not in (op.WORK, op.WORK_ITEMS):
            self.wakes.append(visit.begin)
        if call.flow.sampled:
            self._span(call, visit.enter, visit.begin, WORKER)
        return visit.begin

    def _answered(self, call: Call, now: int, *, items: bool) -> Call:
        visit = self.open.pop(call)
        visit.end = now
        parent = call.parent
        assert parent is not None
        if call.flow.sampled:
            self._span(call, call.start, now, SERVED, second=len(call.items))
        if items:
            parent.items = call.items
        return parent

    def _lacking(self, keys: list[int], now: int, store: Service) -> list[int]:
        place = len(self.reads) - 1
        if place < len(self.missing):
            return self.missing[place]
        return self.stretch.lacking(keys, now, store)

    def _token(self, user: int, now: int) -> tuple[str, int]:
        held = self.stretch.token(user, now)
        own = [(kid, at + self.stretch.token_lifetime) for at, _, kid in self.mints[-1:]]
        return max(held, *own, key=lambda token: token[1]) if own else held

    def _verify(self, call: Call, now: int) -> Failure | None:
        kid, expires = self._token(call.flow.user, now)
        replica = call.replica
        assert replica is not None
        assert replica.keys is not None
        if not kid:
            result, failure = "missing", Failure.UNAUTHORIZED
        elif not replica.keys.accepts(kid, now):
            result, failure = "invalid_signature", Failure.INVALID_SIGNATURE
        elif expires <= now:
            result, failure = "expired", Failure.EXPIRED
        else:
            result, failure = "ok", None
        self.checks.append((now, replica, result, kid))
        if failure is not None:
            if (result, kid) not in replica.validations:
                self.stretch.ends(now)  # the order of a pod's series is that of their first samples
            self._effect(now, _count_check, replica, (result, kid))
            data = (failure, kid, call.flow.user, call.flow.number)
            self._log(now, replica, "token_rejected", data)
        return failure

    # ------------------------------------------------------------ failure

    def _fail(self, call: Call, failure: Failure, now: int, until: int) -> tuple[Call, int] | None:
        """What the executor does about a failed call; returns the call that goes on, and when."""
        while True:
            parent = call.parent
            edge = call.edge
            flow = call.flow
            replica = call.replica
            assert parent is not None
            assert replica is not None
            if not flow.sampled and not edge.optional:
                self.kept.append(now)
                flow.sampled = KEPT
            visit = self.open.pop(call)
            visit.end, visit.failure = now, failure
            duration = now - call.start
            self._effect(now, _count_failure, replica, (edge.slot, failure), duration)
            if flow.sampled:
                self._span(call, call.start, now, SERVED, second=len(call.items), failure=failure)
            if failure not in DENIALS:
                self._log(now, replica, "failure", (edge.index, failure, duration, flow.number))
            self._effect(now, _count_seen, edge, failure)
            if edge.client != USERS:
                assert parent.replica is not None
                if edge.server in parent.replica.pools:
                    self.stretch.ends(now)  # the line tells the state of the pool, which is not known here
                data = (edge.index, failure, call.attempt, flow.number, STATUS[failure])
                self._log(now, parent.replica, "call_failed", data)
            if call.attempt < edge.retries and failure not in DENIALS:
                return self._retry(call, parent, edge, now, until)
            if edge.optional:
                return parent, now
            if parent.replica is None:
                if failure in DENIALS:
                    self.refused.append((now, flow.user))
                self._finish(parent, STATUS[failure], now)
                return None
            call, failure = parent, ANSWER_AFTER[failure]

    def _retry(self, call: Call, parent: Call, edge: Edge, now: int, until: int) -> tuple[Call, int] | None:
        self.taken.append((now, edge))
        parent.pc -= 1
        parent.retry = call.attempt + 1
        jitter = 0.5 + self.stretch.streams.uniform("backoff", parent.flow.number, edge.index, call.attempt)
        at = now + int(edge.backoff * jitter * 2**call.attempt)
        if parent.replica is not None:
            at = self.stretch.pace(parent.replica).postponed(now, at, until)
        if at >= until:
            self.leaf = Leaf(parent, at, now)
            return None
        self.wakes.append(at)
        return parent, at

    def _finish(self, call: Call, status: int, now: int) -> None:
        flow = call.flow
        if flow.sampled:
            endpoint, user = flow.endpoint, flow.user
            self.spans.append(
                (flow.number, flow.start, now, user, USER, NOBODY, 0, 0, endpoint, status, 0, flow.sampled, REQUEST, 0)
            )
        self.outcome = (now, status)

    # ------------------------------------------------------------ records

    def _span(self, call: Call, start: int, end: int, kind: int, *, second: int = 0, failure: int = 0) -> None:
        parent = call.parent
        assert parent is not None
        assert call.replica is not None
        if parent.replica is None:
            caller, since, caller_pod = USER, parent.start, 0
        else:
            caller, since, caller_pod = parent.edge.index, parent.start, parent.replica.uid
        flow = call.flow
        place = (flow.number, start, end, since, call.edge.index, caller, call.replica.uid, caller_pod)
        self.spans.append((*place, 0, second, call.attempt, flow.sampled, kind, failure))

    def _log(self, now: int, replica: Replica, event: str, data: tuple[object, ...]) -> None:
        record = LogRecord(now, replica.name, event, data)
        self._effect(now, replica.service.log.append, record)

    def _effect(self, now: int, do: Callable[..., object], *args: Any) -> None:
        self.effects.append(Effect(now, do, args))

    @property
    def window(self) -> int:
        """The window in which it arrived."""
        return self.origin.call.flow.number >> NUMBER_BITS


def _count_failure(replica: Replica, kind: tuple[int, Failure], duration: int) -> None:
    replica.count_failure(kind, duration)


def _count_check(replica: Replica, kind: tuple[str, str]) -> None:
    replica.validations[kind] = replica.validations.get(kind, 0) + 1


def _count_seen(edge: Edge, failure: Failure) -> None:
    edge.failures[failure] = edge.failures.get(failure, 0) + 1
