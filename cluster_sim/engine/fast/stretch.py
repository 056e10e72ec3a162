"""A stretch of simulated time, solved: when and where everything happens in it, and how far that is proven.

What requests do to each other, in a stretch without trouble, is little: they take turns at the replicas, wait for the
few workers of a store, fill its cache for each other, and renew tokens. All of it is guessed, every request is followed
on these guesses, and from that follows what should have been guessed; when the two agree, they are what the events
would have done, because causes precede effects: the earliest disagreement of another solution would have no cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...clock import WINDOW
from ..call import NUMBER_BITS, Call, flow_of
from ..program import UNIFORM_BITS
from ..spans import LONG_WAIT
from .lanes import NEVER, NONE, Batch, Flags, Ints, Moment, ints
from .proof import USUAL_TIME, Proof
from .queues import served_in_turn
from .rehearsal import Foresight, Pace
from .trace import Leaf, Trace, Visit
from .tree import Tree, ordered

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...workload import Draws
    from ..replica import Replica
    from ..service import Service

SETTLING = 6
WORTH = 0.4
"""From which round on a stretch is cut where a guess still changes, and what part must be settled by then (chosen)."""

ROUNDS = 12
"""Guesses that are made before a stretch is left to the events (chosen: two or three do in nearly all)."""

TIGHT = 8
"""Workers up to which a queue at a replica is expected and solved from the start (chosen)."""

FILL_TIME = 80_000_000
"""Nanoseconds from a miss to its fill, to begin with (chosen; only the first guess)."""

TIME_BITS = 44
"""A key, a user or a replica and an instant of the stretch make one sortable number."""
_TIME = (1 << TIME_BITS) - 1
_LONG = 1 << 48
"""Longer than every stretch: in the place of a time that is not known, as it ends after it."""

SAMPLED_BITS = 7
"""A request is sampled if these bits of its number are 0: one in eight."""


class Unsolved(Exception):
    """The stretch is left to the events."""


class Stretch:
    """One stretch.

    Attributes:
        start, until: nanoseconds; the solution is proven before `until`, which the proof may bring forward.
        disturbed: service → (index among the ready replicas, pace) of those whose pace is not even.
        batches: the requests that meet nothing unusual, by endpoint; `traces` the others.
        draws: the arrivals of each window.
        tight: services at which a queue is expected, or was found.
        coincidence: nanoseconds, when a request writes a key and looks it up at one instant.
        checked: which tokens are checked, when, and the numbers of their keys; known once it is proven.
    """

    def __init__(self, cluster: Cluster, tree: Tree, foresight: Foresight) -> None:
        self.cluster = cluster
        self.tree = tree
        self.foresight = foresight
        self.start = cluster.sim.now
        self.until = foresight.until
        self.workload = cluster.workload
        self.streams = cluster.streams
        self.tokens_of_cluster = cluster.executor.tokens
        self.token_lifetime = cluster.executor.token_lifetime
        self.services = list(cluster.services.values())
        self.disturbed: dict[Service, list[tuple[int, Pace]]] = {s: self._disturbed(s) for s in self.services}
        self.tight = [s for s in self.services if s.workers <= TIGHT]
        self.asks_of: dict[Service, Ints] = tree.asks_of
        self.stores = [service for service in self.services if service.keyspace is not None]
        self.expiries: dict[Service, Ints] = {store: _expiries(store) for store in self.stores}
        self.coincidence = NEVER
        self.checked: tuple[list[Moment], Ints, Ints] = ([], NONE, NONE)
        self._visits: dict[Service, tuple[list[tuple[Batch, Ints, Flags]], list[tuple[Trace, Visit]]]] = {}
        self._mint_codes = self._mint_times = self._mint_kids = self._mint_users = NONE
        self._know_tokens()
        self._gather()

    def _disturbed(self, service: Service) -> list[tuple[int, Pace]]:
        paces = ((index, self.foresight.paces[replica.uid]) for index, replica in enumerate(service.ready))
        return [(index, pace) for index, pace in paces if not pace.even]

    def _know_tokens(self) -> None:
        """The tokens that are held, as arrays by user."""
        tokens = self.tokens_of_cluster
        users = self.workload.users
        self.kids: list[str] = []
        self.token_until = np.full(users, -1, dtype=np.int64)
        self.token_kid = np.zeros(users, dtype=np.int64)
        if tokens:
            held = np.fromiter(tokens, dtype=np.int64, count=len(tokens))
            self.token_until[held] = [expires for _, expires in tokens.values()]
            places: dict[str, int] = {}
            self.token_kid[held] = [places.setdefault(kid, len(places)) for kid, _ in tokens.values()]
            self.kids = list(places)

    # ------------------------------------------------------------ requests

    def _gather(self) -> None:
        """The requests: those under way, and those that arrive, side by side where nothing unusual awaits them."""
        self.traces: list[Trace] = [Trace(self, leaf) for leaf in self._under_way()]
        self.draws = self._draws()
        self.batch = self._batch()

    def _under_way(self) -> list[Leaf]:
        queue = self.cluster.sim.queue
        leaves = [Leaf(call, int(at), sequence) for at, _, sequence, call in queue if isinstance(call, Call)]
        for service in self.services:
            for replica in service.replicas:
                leaves += [Leaf(call, NEVER, call.start) for call in replica.queue]
        return leaves

    def _draws(self) -> list[tuple[int, float, Draws]]:
        """Per window that the stretch touches: its number, the arrivals expected in it, and those there are."""
        workload = self.workload
        windows = [(workload.window, workload.expected, workload.draws())]
        for window in range(workload.window + 1, (self.until - 1) // WINDOW + 1):
            expected = workload.expected_arrivals(window)
            windows.append((window, expected, workload.draw(window, expected)))
        return windows

    def _batch(self) -> Batch:
        workload, tree = self.workload, self.tree
        parts = []
        for window, _, draws in self.draws:
            first = workload.cursor if window == workload.window else 0
            last = int(draws.times.searchsorted(self.until))
            parts.append((window, draws, first, last))
        arrivals = np.concatenate([draws.times[first:last] for _, draws, first, last in parts])
        endpoints = np.concatenate([draws.endpoints[first:last] for _, draws, first, last in parts])
        numbers = np.concatenate([np.arange(first, last) + (window << NUMBER_BITS) for window, _, first, last in parts])
        columns = np.zeros((tree.width, len(arrivals)), dtype=np.int64)
        begin = 0
        for _, draws, first, last in parts:
            for base, places, rows in zip(tree.bases, draws.places, draws.rows, strict=True):
                begun, ended = places.searchsorted((first, last))
                lanes = places[begun:ended] + (begin - first)
                columns[base : base + rows.shape[1], lanes] = rows[begun:ended].T
            begin += last - first
        users = columns[ints(tree.bases)[endpoints], np.arange(len(endpoints))] * workload.users >> UNIFORM_BITS
        unusual = self._unusual(columns, endpoints, arrivals)
        for lane in unusual.nonzero()[0].tolist():
            leaf = self.arrival(int(endpoints[lane]), int(numbers[lane]), int(arrivals[lane]), columns[:, lane])
            self.traces.append(Trace(self, leaf))
        return Batch(self, tree, numbers, arrivals, endpoints, columns, users, ~unusual)

    def _unusual(self, columns: Ints, endpoints: Ints, arrivals: Ints) -> Flags:
        """Which requests may meet a background error before `USUAL_TIME` has passed."""
        thresholds = {service: self.foresight.highest(service, arrivals, USUAL_TIME) for service in self.services}
        errors = [(column, thresholds[service]) for service, column in self.tree.errors]
        errors = [(column, threshold) for column, threshold in errors if np.any(threshold)]
        if not errors:
            return np.zeros(len(endpoints), dtype=bool)
        highest = np.stack([np.broadcast_to(threshold, arrivals.shape) for _, threshold in errors])
        below = columns[[column for column, _ in errors]] < highest
        # The columns of other endpoints than its own mean nothing to a request.
        owners = np.searchsorted(self.tree.bases, [column for column, _ in errors], side="right") - 1
        found: Flags = (below & (owners[:, None] == endpoints)).any(0)
        return found

    def arrival(self, endpoint: int, number: int, at: int, row: Ints) -> Leaf:
        call = Call()
        base = self.tree.bases[endpoint]
        draws = row[base : base + len(self.workload.programs[endpoint].columns)].tolist()
        user = draws[0] * self.workload.users >> UNIFORM_BITS
        call.flow = flow_of(number, user, endpoint, not number & SAMPLED_BITS, at)
        call.parent = call.replica = call.pool = None
        call.code = self.workload.codes[endpoint]
        call.pc = 0
        call.row = draws
        call.start = at
        call.attempt = call.retry = 0
        call.items = []
        return Leaf(call, at, at)

    # ------------------------------------------------------------ what requests ask

    def pace(self, replica: Replica) -> Pace:
        """How fast a replica works."""
        return self.foresight.paces[replica.uid]

    def ends(self, at: int) -> None:
        """The proof does not reach beyond an instant."""
        self.until = min(self.until, at)

    def lacking(self, keys: list[int], now: int, store: Service) -> list[int]:
        """The keys that a store lacks if nothing is written in the stretch."""
        expiries = self.expiries[store]
        return [key for key in keys if expiries[key] < now]

    def token(self, user: int, now: int) -> tuple[str, int]:
        """The token that a user's client holds at an instant: its key and its expiry."""
        at = self._minted(np.array([user]), np.array([now]))[0]
        if at >= 0:
            return self.kids[self._mint_kids[at]], int(self._mint_times[at]) + self.token_lifetime
        expires = int(self.token_until[user])
        return ("", 0) if expires < 0 else (self.kids[self.token_kid[user]], expires)

    # ------------------------------------------------------------ the solution

    def solve(self) -> None:
        """Guess until the guesses agree with what follows from them.

        Raises:
            Unsolved: they do not, or nothing is proven.
        """
        self._note_mints()
        for self.round in range(ROUNDS):
            self.batch.follow()
            if self.round:
                for trace in self.traces:
                    if trace.stale:
                        trace.follow(self.until)
            self._visits.clear()
            self.coincidence = NEVER
            changed = [self._note_mints(), self._sign_in(), *map(self._look_up, self.stores)]
            changed += [self.take_turns(s) for s in self.services if self.disturbed[s] and ordered(s)]
            if not self.round:
                continue
            changed += [self._queue(service) for service in self.tight]
            # What is guessed of requests that arrive before the first that is guessed anew is settled.
            settled = min(changed)
            if self.round >= SETTLING and settled - self.start > (self.until - self.start) * WORTH:
                self.ends(settled)
            if settled >= self.until and Proof(self).holds():
                self._follow_again()
                if self.until > self.start:
                    return
            if self.until <= self.start:
                raise Unsolved
        raise Unsolved

    def _follow_again(self) -> None:
        """Follow what the last guesses concern; one that meets what the proof does not cover brings its end forward."""
        for trace in self.traces:
            if trace.stale:
                trace.follow(self.until)

    def _note_mints(self) -> int:
        """All tokens signed in the stretch, in the order of users and times; since when they are others than before."""
        users, times, kids = [], [], []
        batch = self.batch
        for moment in batch.mints:
            lanes = moment.lanes
            users.append(batch.users[lanes])
            times.append(moment.at)
            signing = [self._kid(r.keys.signing) for r in batch.tree.asks[moment.ask].service.ready if r.keys]
            kids.append(np.array(signing)[batch.choices[moment.ask, lanes]])
        minted = [mint for trace in self.traces for mint in trace.mints]
        users.append(ints([user for _, user, _ in minted]))
        times.append(ints([at for at, _, _ in minted]))
        kids.append(ints([self._kid(kid) for _, _, kid in minted]))
        user, at, kid = np.concatenate(users), np.concatenate(times), np.concatenate(kids)
        code = self._code(user, at)
        order = np.argsort(code, kind="stable")
        changed = NEVER
        if not np.array_equal(self._mint_codes, code[order]):
            other = np.setxor1d(self._mint_codes, code) & _TIME
            changed = self.start + int(other.min() if other.size else 0)
            for trace in self.traces:
                trace.stale = True  # it may hold another token
        self._mint_codes, self._mint_times, self._mint_kids = code[order], at[order], kid[order]
        self._mint_users = user[order]
        return changed

    def mints(self) -> list[tuple[int, int, str]]:
        """(instant, user, key) of every token signed, those of one user in their order."""
        signed = zip(self._mint_times.tolist(), self._mint_users.tolist(), self._mint_kids.tolist(), strict=True)
        return [(at, user, self.kids[kid]) for at, user, kid in signed]

    def _kid(self, kid: str) -> int:
        if kid not in self.kids:
            self.kids.append(kid)
        return self.kids.index(kid)

    def _code(self, who: Ints, at: Ints) -> Ints:
        return (who << TIME_BITS) + (at - self.start)

    def _minted(self, users: Ints, at: Ints) -> Ints:
        """The last mint of each user before an instant, -1 where there is none."""
        if not self._mint_codes.size:
            return np.full(len(users), -1, dtype=np.int64)
        last = self._mint_codes.searchsorted(self._code(users, at)) - 1
        return np.where((last >= 0) & (self._mint_users[last] == users), last, -1)

    def token_at(self, users: Ints, at: Ints) -> tuple[Ints, Ints]:
        """Expiry and key of the token of each user at an instant."""
        until, kid = self.token_until[users], self.token_kid[users]
        minted = self._minted(users, at)
        fresh = minted >= 0
        until[fresh] = self._mint_times[minted[fresh]] + self.token_lifetime
        kid[fresh] = self._mint_kids[minted[fresh]]
        return until, kid

    def _sign_in(self) -> int:
        """Who has to sign in."""
        changed = NEVER
        batch = self.batch
        for moment in batch.sign_ins:
            users = batch.users[moment.lanes]
            needed = self.token_until[users] <= moment.at
            old = needed.nonzero()[0]
            if old.size:
                until, _ = self.token_at(users[old], moment.at[old])
                needed[old] = until <= moment.at[old]
            dense = np.zeros(len(batch), dtype=bool)
            dense[moment.lanes] = needed
            before = batch.signs_in[moment.number]
            other = dense if before is None else dense != before
            if other.any():
                changed = min(changed, batch.first(other))
                batch.signs_in[moment.number] = dense
                batch.stale |= other
        return changed

    def _look_up(self, store: Service) -> int:
        """Which keys are missing, as of what is written before each look-up."""
        expiries = self.expiries[store]
        looks = [_Look(self.batch, moment, expiries) for moment in self.batch.reads_of(store)]
        traced = [(t, i, *read) for t in self.traces for i, read in enumerate(t.reads) if read[2] is store]
        stale = [[key for key in keys if expiries[key] < at] for _, _, keys, at, _ in traced]
        key = np.concatenate([*(look.keys for look in looks), *map(ints, stale)] or [NONE])
        times = [np.full(len(keys), read[3]) for read, keys in zip(traced, stale, strict=True)]
        at = np.concatenate([*(look.at for look in looks), *times] or [NONE])
        missing = self._still_missing(key, at, store)
        changed, begin = NEVER, 0
        for look in looks:
            changed = min(changed, look.tell(missing[begin : begin + len(look.keys)]))
            begin += len(look.keys)
        for (trace, place, _, looked, _), keys in zip(traced, stale, strict=True):
            flags = missing[begin : begin + len(keys)].tolist()
            begin += len(keys)
            if trace.lack(place, [k for k, lacking in zip(keys, flags, strict=True) if lacking]):
                changed = min(changed, looked)
        return changed

    def _still_missing(self, key: Ints, at: Ints, store: Service) -> Flags:
        """Of keys that had expired before they are looked up, which nobody has written in the meantime."""
        assert store.keyspace is not None
        ttl = store.keyspace.ttl
        code = self._code(key, at)
        if not self.round:
            return _generations(key, code, ttl)
        writes = [self._code(keys, times) for keys, times in self.writes(store)]
        written = np.sort(np.concatenate(writes))
        if not written.size:
            return np.ones(len(key), dtype=bool)
        last = written.searchsorted(code) - 1
        same = at[written[np.minimum(last + 1, len(written) - 1)] == code]
        if same.size:
            self.coincidence = min(self.coincidence, int(same.min()))
        before = written[last]
        fresh: Flags = (last >= 0) & (before >> TIME_BITS == key) & ((before & _TIME) + ttl >= at - self.start)
        return ~fresh

    def writes(self, store: Service) -> list[tuple[Ints, Ints]]:
        """The keys written to a store and their instants."""
        found = [_flat(moment) for moment in self.batch.writes if moment.service is store]
        for trace in self.traces:
            for keys, at, where in trace.writes:
                if where is store:
                    found.append((ints(keys), np.full(len(keys), at)))
        return found or [(NONE, NONE)]

    # ------------------------------------------------------------ replicas

    def visits_of(self, service: Service) -> tuple[list[tuple[Batch, Ints, Flags]], list[tuple[Trace, Visit]]]:
        """The visits at a service: of each batch its calls and which of their lanes, and those that are traced."""
        known = self._visits.get(service)
        if known is None:
            asks = self.asks_of.get(service, NONE)
            found = [(self.batch, asks, self.batch.enter[asks] >= 0)] if asks.size and len(self.batch) else []
            traced = [(t, visit) for t in self.traces for visit in t.visits if visit.replica.service is service]
            known = self._visits[service] = found, traced
        return known

    def take_turns(self, service: Service) -> int:
        """Who goes to which replica, in the order in which they come."""
        found, traced = self.visits_of(service)
        traced = [entry for entry in traced if entry[1].choice >= 0]
        enter = [batch.enter[asks][there] for batch, asks, there in found]
        enter.append(ints([visit.enter for _, visit in traced]))
        order = np.argsort(np.concatenate(enter), kind="stable")
        choices = np.empty(len(order), dtype=np.int64)
        choices[order] = (service.turn + 1 + np.arange(len(order))) % len(service.ready)
        changed, begin = NEVER, 0
        for batch, asks, there in found:
            count = int(there.sum())
            mine = batch.choices[asks]
            before = mine.copy()
            mine[there] = choices[begin : begin + count]
            other = mine != before
            if other.any():
                changed = batch.first(other.any(0))
                batch.choices[asks] = mine
                batch.stale |= other.any(0)
            begin += count
        for (trace, visit), choice in zip(traced, choices[begin:].tolist(), strict=True):
            if visit.choice != choice:
                changed = min(changed, visit.enter)
                trace.stale = True
                trace.choices[visit.name] = choice
        return changed

    def _queue(self, service: Service) -> int:
        """Who waits for a worker, and how long."""
        found, traced = self.visits_of(service)
        changed = NEVER
        if len(service.ready) > 1 and ordered(service) and not self.disturbed[service]:
            changed = self.take_turns(service)
            found, traced = self.visits_of(service)
        for index, replica in enumerate(service.ready):
            changed = min(changed, self._queue_at(replica, index, found, traced))
        return changed

    def _queue_at(
        self,
        replica: Replica,
        index: int,
        found: list[tuple[Batch, Ints, Flags]],
        traced: list[tuple[Trace, Visit]],
    ) -> int:
        here = [(batch, asks, there & (batch.choices[asks] == index)) for batch, asks, there in found]
        mine = [entry for entry in traced if entry[1].replica is replica and entry[1].begin != NEVER]
        enter, begin, end = (
            np.concatenate(
                [
                    *(getattr(batch, name)[asks][at] for batch, asks, at in here),
                    ints([getattr(visit, name) for _, visit in mine]),
                ]
            )
            for name in ("enter", "begin", "end")
        )
        held = np.zeros(len(enter), dtype=bool)
        held[len(enter) - len(mine) :] = [visit.fixed for _, visit in mine]
        granted = served_in_turn(enter, np.minimum(end - begin, _LONG), replica.workers)
        waits = np.where(held, 0, granted - enter)
        if not waits.any() and not (begin != enter).any():
            return NEVER
        late = np.nonzero(waits >= LONG_WAIT)[0]
        if late.size:
            self.ends(int((enter[late] + LONG_WAIT).min()))  # its spans are kept from there on
        if (waits > 0).sum() > replica.service.queue_limit:
            raise Unsolved
        other = (granted != begin) & ~held
        changed = int(enter[other].min(initial=NEVER))
        at = 0
        for batch, asks, where in here:
            count = int(where.sum())
            rows = batch.waits[asks]
            before = rows.copy()
            rows[where] = waits[at : at + count]
            moved = rows != before
            if moved.any():
                changed = min(changed, batch.first(moved.any(0)))
                batch.waits[asks] = rows
                batch.waiting |= set(asks[rows.any(1)].tolist())
                batch.stale |= moved.any(0)
            at += count
        for (trace, visit), wait in zip(mine, waits[at:].tolist(), strict=True):
            if not visit.fixed and trace.waits.get(visit.name, 0) != wait:
                trace.waits[visit.name] = wait
                trace.stale = True
        return changed


class _Look:
    """The keys of a look-up that had expired before it.

    Attributes:
        keys, at: of each such key, and when it is looked up.
    """

    def __init__(self, batch: Batch, moment: Moment, expiries: Ints) -> None:
        assert moment.items is not None
        self.batch, self.moment = batch, moment
        keys, live = moment.items
        expires = batch.expires.get(moment.number)
        if expires is None:
            expires = batch.expires[moment.number] = expiries[keys]
        self.row, place = np.nonzero(live[:, moment.lanes] & (expires[:, moment.lanes] < moment.at))
        self.lane, self.at = moment.lanes[place], moment.at[place]
        self.keys = keys[self.row, self.lane]

    def tell(self, missing: Flags) -> int:
        """Guess which of them are missing; the first request for which that is something else than before."""
        assert self.moment.items is not None
        lacks = np.zeros(self.moment.items.live.shape, dtype=bool)
        lacks[self.row[missing], self.lane[missing]] = True
        before = self.batch.missing[self.moment.number]
        other: Flags = lacks if before is None else lacks != before
        if before is not None and not other.any():
            return NEVER
        self.batch.missing[self.moment.number] = lacks
        lanes = np.any(other, axis=0)
        self.batch.stale |= lanes
        return self.batch.first(lanes)


def _expiries(store: Service) -> Ints:
    """When each key of a store expires, -1 for those it does not hold."""
    keyspace = store.keyspace
    assert keyspace is not None
    expiries = np.full(keyspace.population, -1, dtype=np.int64)
    held = [(key, expires) for key, expires in keyspace.entries.items() if key >= 0]
    if held:
        keys, until = np.array(held, dtype=np.int64).T
        expiries[keys] = until
    return expiries


def _flat(moment: Moment) -> tuple[Ints, Ints]:
    """The keys of a write and the instant of each, those of one request together and in their order."""
    assert moment.items is not None
    lanes = moment.lanes
    lane, row = np.nonzero(moment.items.live[:, lanes].T)
    return moment.items.keys[:, lanes][row, lane], moment.at[lane]


def _generations(key: Ints, code: Ints, ttl: int) -> Flags:
    """Which look-ups of expired keys miss if a miss is filled a usual time later and lives its time."""
    order = np.argsort(code)
    sorted_codes, sorted_keys = code[order], key[order]
    if not len(code):
        return np.zeros(0, dtype=bool)
    misses = np.zeros(len(code) + 1, dtype=np.int64)
    current = np.nonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1])))[0]
    while current.size:
        filled = sorted_codes.searchsorted(sorted_codes[current] + FILL_TIME, side="right")
        again = sorted_codes.searchsorted(sorted_codes[current] + FILL_TIME + ttl, side="right")
        np.add.at(misses, current, 1)
        np.add.at(misses, filled, -1)
        inside = (again < len(code)) & (sorted_keys[np.minimum(again, len(code) - 1)] == sorted_keys[current])
        current = again[inside]
    missing = np.empty(len(code), dtype=bool)
    missing[order] = np.cumsum(misses[:-1]) > 0
    return missing
