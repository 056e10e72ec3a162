"""The event executor: interprets request programs, one event per piece of work or wait."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal

from simpy.events import NORMAL

from ..clock import SECOND
from ..specs import Balance
from .call import Call
from .clocks import Clocks
from .edge import Deadlines
from .external import Exchange
from .failures import ANSWER_AFTER, DENIALS, STATUS, Failure
from .gate import Held
from .program import (
    CACHE_READ,
    CACHE_WRITE,
    CALL,
    CHANCE,
    CONNECT,
    END,
    ENTER,
    ENTER_DRAWN,
    FAIL,
    FIND_KEY,
    FOLLOW,
    IF_ITEMS,
    LEAD,
    MINT,
    PICK,
    RETURN,
    SETTLE,
    TOKEN,
    UNIFORM_BITS,
    VERIFY,
    WORK,
    WORK_ITEMS,
)
from .recorder import GOOD, Recorder
from .replica import BUCKETS, SUM, Replica
from .spans import DELAYED, FAILED, LONG_WAIT
from .state import State

if TYPE_CHECKING:
    from ..rng import Streams
    from ..workload import Workload
    from .attack import Accounts
    from .cache_keys import CacheKeys
    from .edge import Breaker, Edge
    from .external import External
    from .keyspace import Keyspace
    from .service import Service
    from .simulation import Simulation

CONNECT_TIMEOUT = SECOND // 2
"""How long programs wait for a connection to a system outside before they try anew (chosen)."""


def _breaker(call: Call, edge: Edge) -> Breaker:
    """The circuit breaker through which the replica that serves a call makes calls of an edge."""
    assert call.replica is not None
    return call.replica.breaker(edge)


class Executor(State):
    """Runs the calls of one cluster.

    Attributes:
        crash: ends the process of a replica.
        tokens: user → (key id, instant of expiry) of the token its client holds.
        clocks: those of the nodes.
        accounts: what is kept of failed logins; None: nobody tries foreign accounts.
    """

    workload: Workload
    crash: Callable[[Replica], None]

    def __init__(self, sim: Simulation, streams: Streams, recorder: Recorder, token_lifetime: int) -> None:
        self.sim = sim
        self.streams = streams
        self.recorder = recorder
        self.spans = recorder.spans
        self.token_lifetime = token_lifetime
        self.tokens: dict[int, tuple[str, int]] = {}
        self.clocks = Clocks()
        self.accounts: Accounts | None = None
        self._deadlines: dict[int, Deadlines] = {}

    def deadlines(self, timeout: int) -> Deadlines:
        """The deadlines of all calls with one timeout value."""
        if timeout not in self._deadlines:
            self._deadlines[timeout] = Deadlines(timeout, self)
        return self._deadlines[timeout]

    def all_deadlines(self) -> list[Deadlines]:
        """The deadlines of every timeout value there was."""
        return list(self._deadlines.values())

    def resume(self, call: Call) -> None:
        """Let a call that waited go on, after what is already due at this instant."""
        self.sim.push(self.sim.now, call)

    def run_until(self, end: int) -> None:
        """Process every event before `end`, then set the clock to `end`.

        This is SimPy's run loop over SimPy's queue with two additions: a `Call` is advanced here, through its
        program, until it has to wait (every other event has its callbacks called); and arrivals, which are
        known in advance, are taken from their list instead of the queue.
        """
        sim = self.sim
        queue = sim.queue
        push, pop = heappush, heappop
        bucket_of, bounds, total = bisect_left, BUCKETS, SUM
        finish = self.recorder.finish
        served = self.spans.fresh.append
        workload = self.workload
        next_at = workload.next_at
        going_on: Call | None
        while True:
            due = queue[0][0] if queue else end
            if next_at < due:
                now = next_at
                if now >= end:
                    break
                sim._now = now
                call = workload.next_call()
                next_at = workload.next_at
            else:
                if due >= end:
                    break
                now, _, _, event = pop(queue)
                sim._now = now
                if event.__class__ is not Call:
                    sim.dispatch(event)
                    next_at = workload.next_at
                    continue
                call = event
            code = call.code
            pc = call.pc
            row = call.row
            while True:
                op, a, b = code[pc]
                pc += 1
                if op == WORK:
                    replica = call.replica
                    assert replica is not None
                    delay = row[a]
                    call.pc = pc
                    if replica.disturbed:
                        delay = self._disturbed_work(call, delay, b, now)
                    replica.busy += delay
                    sim.sequence = sequence = sim.sequence + 1
                    push(queue, (now + delay, NORMAL, sequence, call))
                    break
                if op == CALL:
                    edge: Edge = a
                    call.pc = pc
                    child = Call()
                    child.code = code
                    child.parent = call
                    child.flow = call.flow
                    child.edge = edge
                    child.items = call.items
                    child.replica = None
                    child.pool = None
                    child.start = now
                    child.retry = 0
                    child.attempt = attempt = call.retry
                    if attempt:
                        call.retry = 0
                        row = self.workload.spare_row(call.flow, edge.index, call.attempt, attempt)
                    child.row = row
                    pc = b
                    if edge.breaker is not None and not _breaker(call, edge).permits(now):
                        going_on = self.fail(child, Failure.BREAKER_OPEN)
                    else:
                        call = child
                        continue
                elif op <= ENTER_DRAWN:
                    service: Service = a
                    edge = call.edge
                    if edge.gate is None or call not in edge.gate.under_way:
                        deadlines = edge.deadlines
                        deadlines.calls.append(call)
                        if not deadlines.armed:
                            deadlines.arm(now + deadlines.timeout)
                    met = None if edge.gate is None else edge.gate.admit(call, now)
                    ready = service.ready
                    if met is not None:
                        if isinstance(met, Held):
                            call.pc = pc - 1
                            break
                        going_on = self.fail(call, met)
                    elif not ready:
                        going_on = self.fail(call, service.absence)
                    else:
                        if op == ENTER:
                            turn = service.turn + 1
                            if turn >= len(ready):
                                turn = 0
                            service.turn = turn
                            replica = ready[turn]
                        else:
                            drawn, b = b
                            replica = self._balance(service, row[drawn])
                        call.replica = replica
                        if b >= 0 and row[b] < service.error_threshold:
                            going_on = self.fail(call, Failure.SERVER_ERROR, working=False)
                        elif replica.free:
                            replica.free -= 1
                            continue
                        elif len(replica.queue) < service.queue_limit:
                            replica.queue.append(call)
                            call.pc = pc
                            break
                        else:
                            going_on = self.fail(call, Failure.UNAVAILABLE, working=False)
                elif op == RETURN:
                    replica = call.replica
                    assert replica is not None
                    if replica.queue:
                        self._next_in(replica)
                    else:
                        replica.free += 1
                    if call.pool is not None:
                        call.pool.give_back()
                        call.pool = None
                    edge = call.edge
                    duration = now - call.start
                    histogram = replica.served[edge.slot]
                    histogram[bucket_of(bounds, duration)] += 1
                    histogram[total] += duration
                    parent = call.parent
                    if call.flow.sampled:
                        served((call, parent, now, 0))
                    if parent is None:
                        self.recorder.zombies += 1
                        break
                    call.parent = None
                    if edge.learns and edge.succeeded(parent, now):
                        break
                    if a:
                        parent.items = call.items
                    call = parent
                    pc = call.pc
                    row = call.row
                    continue
                elif op == END:
                    finish(call.flow, GOOD)
                    break
                elif op == TOKEN:
                    token = self.tokens.get(call.flow.user)
                    if token is not None and token[1] > now:
                        pc = a
                    continue
                elif op == CONNECT:
                    caller = call.parent
                    assert caller is not None
                    assert caller.replica is not None
                    pool = caller.replica.pools[b]
                    call.pool = pool
                    if pool.idle:
                        pool.idle -= 1
                        pool.acquired += 1
                        if pool.transactions is None:
                            continue
                        call.pc = pc
                        pool.transactions.begin(call)
                        break
                    call.pc = pc
                    pool.wait(call)
                    break
                elif op == CHANCE:
                    if row[a] >= b[0]:
                        pc = b[1]
                    continue
                elif op == PICK:
                    call.items = row[a:b]
                    continue
                elif op == IF_ITEMS:
                    if not call.items:
                        pc = a
                    continue
                elif op == CACHE_READ:
                    call.items = self._look_up(call, a.keyspace, now)
                    continue
                elif op == WORK_ITEMS:
                    replica = call.replica
                    assert replica is not None
                    delay = row[a] * len(call.items)
                    if replica.disturbed:
                        delay = replica.stretched(delay, now, call.edge.operation)
                    replica.busy += delay
                    call.pc = pc
                    sim.push(now + delay, call)
                    break
                elif op == CACHE_WRITE:
                    refusal = self._write_back(call, a.keyspace, now)
                    if refusal is None:
                        continue
                    going_on = self.fail(call, refusal)
                elif op == VERIFY:
                    refusal = self._verify(call, now)
                    if refusal is None:
                        continue
                    going_on = self.fail(call, refusal)
                elif op == MINT:
                    refusal = self._mint(call, now)
                    if refusal is None:
                        continue
                    going_on = self.fail(call, refusal)
                elif op == LEAD:
                    replica = call.replica
                    assert replica is not None
                    if replica.flights is not None:
                        call.items = replica.flights.lead(call)
                    continue
                elif op == SETTLE:
                    self._settle(call)
                    continue
                elif op == FOLLOW:
                    replica = call.replica
                    assert replica is not None
                    if replica.flights is not None and replica.flights.follow(call):
                        call.pc = pc - 1
                        break
                    continue
                elif op == FIND_KEY:
                    if self._knows_key(call, now):
                        continue
                    going_on = self.fail(call, Failure.UNKNOWN_KEY)
                elif op == FAIL:
                    going_on = self.fail(call, Failure.EXTERNAL)
                else:
                    raise AssertionError(f"no such operation: {op}")
                # Here a call has just failed: what goes on, if anything, is the one that can live with that.
                if going_on is None:
                    break
                call = going_on
                pc = call.pc
                row = call.row
        sim._now = end

    # ------------------------------------------------------------ failure

    def fail(self, call: Call, failure: Failure, *, working: bool = True) -> Call | None:
        """End a call with a failure; returns the call that goes on at once, if any.

        Args:
            working: whether it holds a worker of its replica.
        """
        replica = call.replica
        now = self.sim.now
        flow = call.flow
        if not flow.sampled and not call.edge.optional:
            self.spans.keep(call, now, FAILED)
        if replica is not None:
            if working:
                if replica.queue:
                    self._next_in(replica)
                else:
                    replica.free += 1
                self._settle(call)
                if replica.flights is not None:
                    replica.flights.following.pop(call, None)
            duration = now - call.start
            replica.count_failure((call.edge.slot, failure), duration)
            if flow.sampled:
                self.spans.fresh.append((call, call.parent, now, failure))
            if failure not in DENIALS:
                self.recorder.served_failure(call, failure)
        elif flow.sampled:
            self.spans.unserved(call, now, failure)
        if call.pool is not None:
            call.pool.give_back()
            call.pool = None
        parent = call.parent
        if parent is None:
            self.recorder.zombies += 1
            return None
        call.parent = None
        return self._caller_sees(parent, call.edge, failure, call.attempt)

    def fail_waiting(self, call: Call, failure: Failure) -> None:
        """End a call that was waiting; its caller, if it can live with that, goes on."""
        going_on = self.fail(call, failure)
        if going_on is not None:
            self.resume(going_on)

    def abandon(self, call: Call, failure: Failure) -> None:
        """The caller stops waiting for a call, which goes on alone if it still runs."""
        parent = call.parent
        edge = call.edge
        flow = call.flow
        assert parent is not None
        if not flow.sampled and not edge.optional:
            self.spans.keep(call, self.sim.now, FAILED)
        if flow.sampled:
            self.spans.given_up(call, self.sim.now, failure)
        call.parent = None
        going_on = self._caller_sees(parent, edge, failure, call.attempt)
        if going_on is not None:
            self.resume(going_on)

    def _caller_sees(self, parent: Call, edge: Edge, failure: Failure, attempt: int) -> Call | None:
        now = self.sim.now
        replica = parent.replica
        if edge.breaker is not None and replica is not None and failure is not Failure.BREAKER_OPEN:
            replica.breaker(edge).record(failure in DENIALS, now)
        self.recorder.call_failed(parent, edge, failure, attempt)
        if self._may_retry(replica, edge, failure, attempt):
            edge.retried += 1
            parent.pc -= 1
            parent.retry = attempt + 1
            jitter = 0.5 + self.streams.uniform("backoff", parent.flow.number, edge.index, attempt)
            self.sim.push(now + int(edge.backoff * jitter * 2**attempt), parent)
            return None
        if edge.optional:
            return parent
        if replica is None:
            if failure in DENIALS:
                self.tokens.pop(parent.flow.user, None)
            self.recorder.finish(parent.flow, STATUS[failure])
            return None
        return self.fail(parent, ANSWER_AFTER[failure])

    def _may_retry(self, caller: Replica | None, edge: Edge, failure: Failure, attempt: int) -> bool:
        if failure in DENIALS or failure is Failure.BREAKER_OPEN:
            return False
        if caller is not None and caller.behaviour.retries:
            attempts = caller.behaviour.retries_of(edge.server, edge.operation)
            if attempts is not None:
                return attempt < attempts
        return attempt < edge.retries and edge.take_token()

    # ------------------------------------------------------------ elements

    def _disturbed_work(self, call: Call, delay: int, external: External | Literal[0], now: int) -> int:
        """The time of a piece of work at a replica whose work does not go on as nominal."""
        replica, edge = call.replica, call.edge
        assert replica is not None
        if replica.behaviour.crash_share:
            draw = self.streams.uniform("crash", call.flow.number, edge.index, call.attempt)
            if draw < replica.behaviour.crash_share:
                self.crash(replica)
        own = delay
        waits = replica.behaviour.waits
        if waits is not None and waits[0] == edge.operation:
            delay = int(delay * waits[1])
        if external != 0:
            failed = external.felt and external.fails(self._external_draw(call, external), now)
            if failed:
                call.pc = len(call.code) - 1
            elif replica.behaviour.waits_in_transactions:
                return 0
            if not external.usual:
                delay = self.answer_after(call, delay, external, now, CONNECT_TIMEOUT)
                if not external.deferring:
                    Exchange(self.sim, replica, external.name, 503 if failed else 200, delay)
        # Who waits for others does not work meanwhile, and is not the slower for being slow.
        waited = max(delay - own, 0)
        replica.busy -= waited
        return replica.stretched(delay - waited, now, edge.operation) + waited

    def answer_after(self, call: Call, nominal: int, external: External, now: int, patience: int | None) -> int:
        """Nanoseconds until a system outside has answered a call that asks it now."""
        if external.usual:
            return nominal
        return external.answers_after(nominal, self._external_draw(call, external), now, patience)

    def _external_draw(self, call: Call, external: External) -> float:
        assert call.edge is not None
        return self.streams.uniform(f"external/{external.name}", call.flow.number, call.edge.index, call.attempt)

    def _next_in(self, replica: Replica) -> None:
        """The first in a replica's queue gets the worker that has become free."""
        call = replica.queue.popleft()
        now = self.sim.now
        if not call.flow.sampled and now - call.start >= LONG_WAIT:
            self.spans.keep(call, now, DELAYED)
        if call.flow.sampled:
            self.spans.queued(call, now)
        self.resume(call)

    def _settle(self, call: Call) -> None:
        assert call.replica is not None
        flights = call.replica.flights
        if flights is not None:
            for follower in flights.settle(call):
                self.resume(follower)

    def _cache_keys(self, call: Call) -> CacheKeys | None:
        """How the client of a call to a store names its entries, if not as usual."""
        parent = call.parent
        if parent is not None and parent.replica is not None:
            keys = parent.replica.behaviour.cache_keys
        else:  # nobody waits for the call any more: it was made by the release that is being deployed
            client = self.recorder.services.get(call.edge.client)
            keys = client.behaviour.cache_keys if client is not None else None
        if keys is None or parent is None or not keys.operations or parent.edge.operation in keys.operations:
            return keys
        return None

    def _look_up(self, call: Call, keyspace: Keyspace, now: int) -> list[int]:
        """The items of a call that a store does not have."""
        keys = self._cache_keys(call)
        if keys is None:
            return keyspace.read(call.items, now)
        names = keys.names(call.items, call.flow.number, now)
        missing = set(keyspace.read(names, now))
        return [item for item, name in zip(call.items, names, strict=True) if name in missing]

    def _write_back(self, call: Call, keyspace: Keyspace, now: int) -> Failure | None:
        """Write the items of a call to a store; returns why it refuses that, if it does."""
        keys = self._cache_keys(call)
        if keys is None:
            written = keyspace.write(call.items, now)
        else:
            written = keyspace.write(keys.names(call.items, call.flow.number, now), now, expire=keys.expire)
        return None if written else keyspace.refusal

    def _balance(self, service: Service, draw: int) -> Replica:
        ready = service.ready
        count = len(ready)
        if service.balance is Balance.RANDOM:
            return ready[draw * count >> UNIFORM_BITS]
        if service.balance is Balance.LEAST_CONNECTIONS or count < 2:
            first = draw * count >> UNIFORM_BITS  # the one who takes it if several are equally busy
            return min(ready[first:] + ready[:first], key=lambda replica: replica.in_flight)
        pair = draw * (count * (count - 1)) >> UNIFORM_BITS
        first, second = divmod(pair, count - 1)
        second += second >= first
        return min(ready[first], ready[second], key=lambda replica: replica.in_flight)

    def _mint(self, call: Call, now: int) -> Failure | None:
        """Sign a token, dated by the clock of the node, unless the login is refused."""
        if self.accounts is not None:
            refusal = self.accounts.judge(call, now)
            if refusal is not None:
                return refusal
        if not call.flow.counted:  # the last attempts of an attack that is over
            return Failure.BAD_CREDENTIALS
        replica = call.replica
        assert replica is not None
        assert replica.keys is not None
        clock = now + self.clocks.offset(replica.node, now)
        self.tokens[call.flow.user] = (replica.keys.signing, clock + self.token_lifetime)
        return None

    def _knows_key(self, call: Call, now: int) -> bool:
        """Whether a replica's copy of the key set has the key of the user's token; notes it if not."""
        replica = call.replica
        assert replica is not None
        assert replica.key_set is not None
        kid = self.tokens.get(call.flow.user, ("", 0))[0]
        if not kid or replica.key_set.has(kid, now):
            return True
        counts = replica.validations
        counts[("unknown_kid", kid)] = counts.get(("unknown_kid", kid), 0) + 1
        self.recorder.token_rejected(call, Failure.UNKNOWN_KEY, kid)
        return False

    def _verify(self, call: Call, now: int) -> Failure | None:
        replica = call.replica
        assert replica is not None
        assert replica.keys is not None
        kid, expires = self.tokens.get(call.flow.user, ("", 0))
        clock = now + self.clocks.offset(replica.node, now)
        leeway = replica.keys.leeway
        if not kid:
            result, failure = "missing", Failure.UNAUTHORIZED
        elif not replica.keys.accepts(kid, now):
            result, failure = "invalid_signature", Failure.INVALID_SIGNATURE
        elif expires - self.token_lifetime > clock + leeway:
            result, failure = "not_yet_valid", Failure.NOT_YET_VALID
        elif expires + leeway <= clock:
            result, failure = "expired", Failure.EXPIRED
        else:
            result, failure = "ok", None
        counts = replica.validations
        counts[(result, kid)] = counts.get((result, kid), 0) + 1
        if failure is not None:
            self.recorder.token_rejected(call, failure, kid)
        return failure
