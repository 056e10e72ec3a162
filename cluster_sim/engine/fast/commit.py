"""A solved stretch is carried out: what lies between two looks at the cluster happens at once."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np
from simpy.events import NORMAL

from ..ahead import Ahead, ahead
from ..call import NUMBER_BITS, SAMPLED, Call
from ..edge import Deadlines
from ..failures import DENIALS
from ..memory import StoreMemory
from ..recorder import GOOD
from ..replica import BUCKETS, SUM
from ..spans import FAILED, NOBODY, REQUEST, SERVED, SPAN, USER, WORKER
from .lanes import NEVER, Batch, Ints
from .ledger import Ledger
from .stretch import SAMPLED_BITS, Stretch, ints
from .trace import Leaf, Trace

if TYPE_CHECKING:
    from ..replica import Replica
    from ..service import Service

_CELLS = SUM + 1
"""Numbers of a histogram."""

_BUSY, _HELD, _QUEUED, _KINDS = range(4)
"""Amounts of every replica, after its histograms."""


_CALL_FIELDS = ("number", "start", "end", "caller_start", "edge", "caller", "pod", "caller_pod", "second")


class _Sampled:
    """The sampled lanes of a batch, for their spans."""

    def __init__(self, commit: Commit, batch: Batch) -> None:
        self.batch = batch
        self.until = commit.until
        self.lanes = np.nonzero(batch.numbers & SAMPLED_BITS == 0)[0]
        self.pods = commit.uids[commit.served_by(batch)[:, self.lanes]]
        self.enter, self.end = batch.enter[:, self.lanes], batch.end[:, self.lanes]

    def records(self, kind: int) -> tuple[Ints, ...]:
        """The fields of the records of a kind, in the order of `_CALL_FIELDS`; nothing of none."""
        batch, lanes, enter = self.batch, self.lanes, self.enter
        end = self.end
        asks = batch.tree.asks
        if kind == WORKER:
            if not batch.waiting:
                return ()
            end = batch.begin[:, lanes]
            ask, lane = np.nonzero((end > enter) & (enter >= 0) & (end < self.until))
        else:
            # Of calls that end at one instant, in the order in which they are answered.
            answers = ints(batch.tree.answers)
            ask, lane = np.nonzero(((enter >= 0) & (end < self.until))[answers])
            ask = answers[ask]
        if not len(ask):
            return ()
        edges = ints([a.edge.index for a in asks])
        callers = ints(batch.tree.callers)[ask]
        by_users = callers < 0
        second = np.zeros(len(ask), dtype=np.int64)
        if kind == SERVED:
            for number, items in batch.left.items():
                mine = np.nonzero(ask == number)[0]
                second[mine] = items.live[:, lanes[lane[mine]]].sum(0)
        return (
            batch.numbers[lanes][lane],
            enter[ask, lane],
            end[ask, lane],
            np.where(by_users, batch.arrivals[lanes][lane], enter[callers, lane]),
            edges[ask],
            np.where(by_users, USER, edges[callers]),
            self.pods[ask, lane],
            np.where(by_users, 0, self.pods[callers, lane]),
            second,
        )


def _in_order(records: Any) -> Any:
    """Records in the order in which events make them; of one instant, waits for a worker are the last."""
    records = records[np.argsort(records["end"], kind="stable")]
    for place in np.nonzero(records["kind"] == WORKER)[0].tolist():
        # A worker is given to the next in the queue just before the answer is noted of the call that had it.
        first = int(np.searchsorted(records["end"], records["end"][place]))
        at_pod = records["pod"][first:place] == records["pod"][place]
        before = np.nonzero(at_pod & (records["kind"][first:place] == SERVED))[0]
        if before.size:
            moved = first + int(before[0])
            wait = records[place].copy()
            records[moved + 1 : place + 1] = records[moved:place].copy()
            records[moved] = wait
    return records


class Commit:
    """Carries out one stretch; while it does, it brings the figures of whoever is looked at up to the present."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.cluster = stretch.cluster
        self.until = stretch.until
        self.replicas = [replica for service in stretch.services for replica in service.replicas]
        self.index = {replica.uid: place for place, replica in enumerate(self.replicas)}
        self.uids = ints([replica.uid for replica in self.replicas])
        self.swept: dict[Service, int] = {}
        self._served: Ints | None = None
        self.window = stretch.workload.window
        stretch.traces = [trace for trace in stretch.traces if trace.begun or trace.origin.at < self.until]
        for trace in stretch.traces:
            if not trace.over_before(self.until):
                trace.follow(self.until)
        self._lay_out()
        self._flatten()
        self._account()
        self._prepare_stores()
        self._prepare_pools()
        self._prepare_breakers()

    # ------------------------------------------------------------ what happens, as arrays

    def _lay_out(self) -> None:
        """Which amount is in which column."""
        services = self.stretch.services
        self.slots = max((service.edge_count for service in services), default=0)
        self.common = self.slots * _CELLS
        self.pools = self.common + _KINDS
        self.most_pools = max((len(service.pools) for service in services), default=0)
        self.checks = self.pools + 2 * self.most_pools
        self.ready = {s: ints([self.index[r.uid] for r in s.ready]) for s in services}

    def _flatten(self) -> None:
        """Every visit and every piece of work of all requests."""
        stretch = self.stretch
        columns: list[list[Ints]] = [[] for _ in range(6)]
        works: list[list[Ints]] = [[] for _ in range(3)]
        batch = stretch.batch
        asks = batch.tree.asks
        served = self.served_by(batch)
        there = batch.enter >= 0
        for column, values in zip(
            columns,
            (
                served,
                np.broadcast_to(ints([ask.edge.slot for ask in asks])[:, None], there.shape),
                batch.enter,
                batch.begin,
                batch.end,
                np.broadcast_to(ints([self._pool(ask.edge) for ask in asks])[:, None], there.shape),
            ),
            strict=True,
        ):
            column.append(values[there])
        done = batch.start >= 0
        for column, values in zip(works, (served[batch.tree.works], batch.start, batch.counted), strict=True):
            column.append(values[done])
        visits = [visit for trace in stretch.traces for visit in trace.visits]
        whole = [v for v in visits if v.choice >= 0 and v.end < NEVER and not v.failure]
        for column, found in zip(
            columns,
            (
                [self.index[v.replica.uid] for v in whole],
                [v.edge.slot for v in whole],
                [v.enter for v in whole],
                [v.begin for v in whole],
                [v.end for v in whole],
                [self._pool(v.edge) for v in whole],
            ),
            strict=True,
        ):
            column.append(ints(found))
        self.parts = [v for v in visits if not (v.choice >= 0 and v.end < NEVER and not v.failure)]
        traced = [work for trace in stretch.traces for work in trace.works]
        works[0].append(ints([self.index[replica.uid] for replica, _, _ in traced]))
        works[1].append(ints([begin for _, begin, _ in traced]))
        works[2].append(ints([counted for _, _, counted in traced]))
        self.at, self.slot, self.enter, self.begin, self.end, self.pool = (np.concatenate(c) for c in columns)
        self.work_at, self.work_begin, self.work_counted = (np.concatenate(c) for c in works)

    def served_by(self, batch: Batch) -> Ints:
        """The replica of every visit, as a number in `replicas`."""
        if self._served is not None:
            return self._served
        served = self._served = np.empty_like(batch.choices)
        for ask in batch.tree.asks:
            served[ask.number] = self.ready[ask.service][batch.choices[ask.number]]
        return served

    def _pool(self, edge: Any) -> int:
        """The place of an edge's pool among those of its client, -1 if it needs none."""
        if edge.spec.call.pool is None:
            return -1
        return list(self.cluster.services[edge.client].pools).index(edge.spec.call.pool)

    # ------------------------------------------------------------ amounts

    def _account(self) -> None:
        stretch = self.stretch
        self.known = sorted({kid for kid in self._checked()})
        width = self.checks + len(self.known)
        scraper = self.cluster.scrapes
        self.interval = scraper.interval
        own, node, graph = self._grids()
        start, until = stretch.start, self.until
        self.own = Ledger(own, self.interval, start, until, width)
        self.on_node = Ledger(node, self.interval, start, until, 1)
        self.answered = Ledger(graph, self.interval, start, until, self.common)
        before = self._before(width)
        ledger = self.own
        if self.until > start:
            self._enter_visits(ledger)
            self._enter_parts(ledger)
            self._enter_work(ledger)
            self._enter_checks(ledger)
            self._enter_pools(ledger)
        ledger.close(before)
        self.answered.close(before[:, : self.common])
        self.on_node.close(before[:, self.common : self.common + 1])

    def _grids(self) -> tuple[Ints, Ints, Ints]:
        """Per replica, when it, its node and the service graph are next scraped."""
        later = self.stretch.start + self.interval
        own = np.full(len(self.replicas), later)
        node, graph = own.copy(), own.copy()
        nodes: dict[str, int] = {}
        for at, _, _, event in self.cluster.sim._queue:
            grid = getattr(getattr(event, "exporter", None), "grid", None)
            if grid is None:
                continue
            kind, name = grid
            if kind == "pod" and name in self.index:
                own[self.index[name]] = at
            elif kind == "node":
                nodes[name] = int(at)
            elif kind == "graph":
                graph[:] = at
        for place, replica in enumerate(self.replicas):
            node[place] = nodes.get(replica.node, later)
        return own, node, graph

    def _before(self, width: int) -> Ints:
        """The amounts there were before the stretch."""
        rows = []
        for replica in self.replicas:
            row = [number for histogram in replica.served for number in histogram]
            row += [0] * (self.common - len(row))
            row += (replica.busy, replica.workers - replica.free, len(replica.queue))
            for pool in replica.pools.values():
                row += (pool.active, pool.acquired)
            row += [0] * (self.checks - len(row))
            row += [replica.validations.get(("ok", kid), 0) for kid in self.known]
            rows.append(row)
        return np.array(rows, dtype=np.int64).reshape(len(rows), width)

    def _enter_visits(self, ledger: Ledger) -> None:
        duration = self.end - self.enter
        bucket = np.searchsorted(BUCKETS, duration)
        first = self.slot * _CELLS
        ended = ledger.place(self.at, self.end)
        ledger.enter(ended, first + bucket, 1)
        ledger.enter(ended, first + SUM, duration)
        ledger.enter(ended, self.common + _HELD, -1)
        ledger.enter(ledger.place(self.at, self.begin), self.common + _HELD, 1)
        waited = np.nonzero(self.begin > self.enter)[0]
        if waited.size:
            ledger.enter(ledger.place(self.at[waited], self.enter[waited]), self.common + _QUEUED, 1)
            ledger.enter(ledger.place(self.at[waited], self.begin[waited]), self.common + _QUEUED, -1)
        seen = self.answered.place(self.at, self.end)
        self.answered.enter(seen, first + bucket, 1)
        self.answered.enter(seen, first + SUM, duration)

    def _enter_parts(self, ledger: Ledger) -> None:
        """Visits that began before the stretch, end after it, or fail."""
        for visit in self.parts:
            at = ints([self.index[visit.replica.uid]])
            begun = visit.begin < NEVER
            new = visit.choice >= 0
            if begun and not visit.fixed:
                ledger.enter(ledger.place(at, ints([visit.begin])), self.common + _HELD, 1)
            if not visit.fixed and visit.begin > visit.enter and (begun or not visit.failure):
                if new:
                    ledger.enter(ledger.place(at, ints([visit.enter])), self.common + _QUEUED, 1)
                ledger.enter(ledger.place(at, ints([visit.begin])), self.common + _QUEUED, -1)
            if visit.end == NEVER:
                continue
            ended = ledger.place(at, ints([visit.end]))
            if begun:
                ledger.enter(ended, self.common + _HELD, -1)
            if not visit.failure:
                duration = visit.end - visit.enter
                first = visit.edge.slot * _CELLS
                bucket = int(np.searchsorted(BUCKETS, duration))
                seen = self.answered.place(at, ints([visit.end]))
                for book, place in ((ledger, ended), (self.answered, seen)):
                    book.enter(place, first + bucket, 1)
                    book.enter(place, first + SUM, duration)

    def _enter_work(self, ledger: Ledger) -> None:
        ledger.enter(ledger.place(self.work_at, self.work_begin), self.common + _BUSY, self.work_counted)
        self.on_node.enter(self.on_node.place(self.work_at, self.work_begin), 0, self.work_counted)

    def _checked(self) -> list[str]:
        """The keys of all tokens that are found good; notes who checks them when."""
        stretch = self.stretch
        moments, times, kids = stretch.checked
        at, when, kid = [], [times], [kids]
        batch = stretch.batch
        for moment in moments:
            service = batch.tree.asks[moment.ask].service
            at.append(self.ready[service][batch.choices[moment.ask, moment.lanes]])
        good = [check for trace in stretch.traces for check in trace.checks if check[2] == "ok"]
        at.append(ints([self.index[replica.uid] for _, replica, _, _ in good]))
        when.append(ints([now for now, _, _, _ in good]))
        kid.append(ints([stretch.kids.index(name) for _, _, _, name in good]))
        checked = np.concatenate(when) < self.until
        self.check_at, self.check_when, self.check_kid = (np.concatenate(c)[checked] for c in (at, when, kid))
        return [stretch.kids[number] for number in np.unique(self.check_kid).tolist()]

    def _enter_checks(self, ledger: Ledger) -> None:
        if not self.known:
            return
        column = ints([self.known.index(kid) if kid in self.known else 0 for kid in self.stretch.kids])
        ledger.enter(ledger.place(self.check_at, self.check_when), self.checks + column[self.check_kid], 1)

    def _enter_pools(self, ledger: Ledger) -> None:
        """Connections taken and given back."""
        taken, owner, kind = self._connections(self.enter)
        ledger.enter(ledger.place(owner, taken), self.pools + 2 * kind, 1)
        ledger.enter(ledger.place(owner, taken), self.pools + 2 * kind + 1, 1)
        given, owner, kind = self._connections(self.end)
        ledger.enter(ledger.place(owner, given), self.pools + 2 * kind, -1)

    def _connections(self, times: Ints) -> tuple[Ints, Ints, Ints]:
        """When connections are taken (or given back), whose they are, and from which of their pools."""
        using = self.pool >= 0
        at, owner, kind = [times[using]], [self._callers()[using]], [self.pool[using]]
        parts = [visit for visit in self.parts if self._pool(visit.edge) >= 0 and visit.caller is not None]
        if times is self.enter:
            parts = [visit for visit in parts if visit.choice >= 0]
            at.append(ints([visit.enter for visit in parts]))
        else:
            at.append(ints([min(visit.end, self.until) for visit in parts]))
        owner.append(ints([self.index[visit.caller.uid] for visit in parts if visit.caller is not None]))
        kind.append(ints([self._pool(visit.edge) for visit in parts]))
        return np.concatenate(at), np.concatenate(owner), np.concatenate(kind)

    def _callers(self) -> Ints:
        """The replica that asked, of every whole visit; 0 where users did."""
        if not hasattr(self, "_asking"):
            found = []
            batch = self.stretch.batch
            served = self.served_by(batch)
            asking = np.zeros_like(served)
            for number, caller in enumerate(batch.tree.callers):
                if caller >= 0:
                    asking[number] = served[caller]
            found.append(asking[batch.enter >= 0])
            whole = [
                v
                for trace in self.stretch.traces
                for v in trace.visits
                if v.choice >= 0 and v.end < NEVER and not v.failure
            ]
            found.append(ints([0 if v.caller is None else self.index[v.caller.uid] for v in whole]))
            self._asking = np.concatenate(found)
        return self._asking

    # ------------------------------------------------------------ what is looked at

    def pod(self, replica: Replica) -> None:
        """Bring everything that a pod counts up to now."""
        place = self.index[replica.uid]
        row = self.own.as_of(place, self.now)
        self._serve(replica, row)
        common, pools, checks = self.common, self.pools, self.checks
        replica.busy = row[common + _BUSY]
        replica.free = replica.workers - row[common + _HELD]
        queued = row[common + _QUEUED]
        if queued or replica.queue:
            replica.queue = deque([None] * queued)  # type: ignore[list-item]  # only their number is looked at
        for number, pool in enumerate(replica.pools.values()):
            pool.idle = pool.open - row[pools + 2 * number]
            pool.acquired = row[pools + 2 * number + 1]
        if self.known and replica.keys is not None:
            counts = replica.validations
            fresh = []
            for kid, count in zip(self.known, row[checks:], strict=True):
                if ("ok", kid) in counts:
                    counts["ok", kid] = count
                elif count:
                    fresh.append((self._first_check(place, kid), kid, count))
            for _, kid, count in sorted(fresh):
                counts["ok", kid] = count
        for edge_index, ends in self.breakers.get(replica.uid, {}).items():
            self._tell_breaker(replica, edge_index, ends)

    def _first_check(self, place: int, kid: str) -> int:
        number = self.stretch.kids.index(kid)
        return int(self.check_when[(self.check_at == place) & (self.check_kid == number)].min())

    def answers(self, replica: Replica) -> None:
        """Bring the histograms of a pod up to now."""
        self._serve(replica, self.answered.as_of(self.index[replica.uid], self.now))

    def work(self, replica: Replica) -> None:
        """Bring the time that a pod has worked up to now."""
        replica.busy = self.on_node.as_of(self.index[replica.uid], self.now)[0]

    def _serve(self, replica: Replica, row: list[int]) -> None:
        replica.served = [row[first : first + _CELLS] for first in range(0, len(replica.served) * _CELLS, _CELLS)]

    # ------------------------------------------------------------ stores, pools and breakers

    def _prepare_stores(self) -> None:
        self.written: dict[Service, tuple[list[int], list[int]]] = {}
        self.read: dict[Service, tuple[Ints, Ints, Ints]] = {}
        self.done: dict[Service, int] = {}
        for store in self.stretch.stores:
            keyspace = store.keyspace
            assert keyspace is not None
            writes = self.stretch.writes(store)
            at = np.concatenate([times for _, times in writes])
            # The keys of one write are together, in their order.
            order = np.argsort(at, kind="stable")
            keys = np.concatenate([keys for keys, _ in writes])[order]
            count = int(np.searchsorted(at[order], self.until))
            self.written[store] = (at[order][:count].tolist(), keys[:count].tolist())
            self.done[store] = 0
            self.read[store] = self._reads(store, keyspace.hits, keyspace.misses)

    def _reads(self, store: Service, hits: int, misses: int) -> tuple[Ints, Ints, Ints]:
        """Instants of look-ups, and all hits and misses up to each."""
        at, asked, lacking = [], [], []
        batch = self.stretch.batch
        for moment in batch.reads:
            if moment.service is store and moment.items is not None:
                lanes = moment.lanes
                live = moment.items.live[:, lanes]
                missing = batch.missing[moment.number]
                assert missing is not None
                at.append(moment.at)
                asked.append(live.sum(0))
                lacking.append((live & missing[:, lanes]).sum(0))
        reads = [
            (now, len(keys), len(trace.missing[place]) if place < len(trace.missing) else 0)
            for trace in self.stretch.traces
            for place, (keys, now, where) in enumerate(trace.reads)
            if where is store
        ]
        at.append(ints([now for now, _, _ in reads]))
        asked.append(ints([count for _, count, _ in reads]))
        lacking.append(ints([count for _, _, count in reads]))
        times, total, missed = (np.concatenate(c) for c in (at, asked, lacking))
        order = np.argsort(times, kind="stable")
        missed = missed[order]
        found = np.concatenate(([hits], hits + np.cumsum(total[order] - missed)))
        return times[order], found, np.concatenate(([misses], misses + np.cumsum(missed)))

    def keys(self, store: Service) -> None:
        """Bring the content of a store up to now."""
        keyspace = store.keyspace
        assert keyspace is not None
        times, hits, misses = self.read[store]
        place = int(times.searchsorted(self.now))
        keyspace.hits, keyspace.misses = int(hits[place]), int(misses[place])
        self.done[store] = keyspace.replay(*self.written[store], self.done[store], self.now)
        if store in self.swept:
            keyspace.sweep(self.swept[store])

    def _prepare_pools(self) -> None:
        taken, owner, kind = self._connections(self.enter)
        given, whose, which = self._connections(self.end)
        at = np.concatenate([taken, given])
        order = np.argsort(at, kind="stable")
        self.pool_at = at[order]
        self.pool_of = (np.concatenate([owner, whose]) * max(self.most_pools, 1) + np.concatenate([kind, which]))[order]
        self.pool_change = np.concatenate([np.ones(len(taken)), -np.ones(len(given))])[order]
        self.pool_done = 0
        self.pool_sizes = np.zeros(len(self.replicas) * max(self.most_pools, 1))
        for place, replica in enumerate(self.replicas):
            for number, pool in enumerate(replica.pools.values()):
                self.pool_sizes[place * self.most_pools + number] = pool.active

    def connections(self, replica: Replica) -> None:
        """Bring the use of a pod's connections up to now."""
        last = int(self.pool_at.searchsorted(self.now))
        if last > self.pool_done:
            part = slice(self.pool_done, last)
            self.pool_sizes += np.bincount(self.pool_of[part], self.pool_change[part], len(self.pool_sizes))
            self.pool_done = last
        for number, pool in enumerate(replica.pools.values()):
            place = self.index[replica.uid] * self.most_pools + number
            pool.idle = pool.open - int(self.pool_sizes[place])

    def _prepare_breakers(self) -> None:
        """Per replica and guarded call, when it was answered and how, where that makes a difference to the breaker."""
        self.breakers: dict[int, dict[int, deque[tuple[int, bool]]]] = {}
        failed = {
            (visit.caller, visit.edge.index)
            for trace in self.stretch.traces
            for visit in trace.visits
            if visit.failure and visit.failure not in DENIALS
        }
        for edge in self.cluster.edges:
            if edge.breaker is None:
                continue
            for replica in self.cluster.services[edge.client].replicas:
                breaker = replica.breakers.get(edge.index)
                even = breaker is not None and not breaker.failed and len(breaker.outcomes) == breaker.spec.window
                if not even or (replica, edge.index) in failed:
                    ends = self._answers_over(edge.index, replica)
                    if ends:
                        self.breakers.setdefault(replica.uid, {})[edge.index] = deque(ends)

    def _answers_over(self, edge: int, caller: Replica) -> list[tuple[int, bool]]:
        """When the calls of a replica over one edge are answered, and whether well."""
        found = [
            (visit.end, not visit.failure or visit.failure in DENIALS)
            for trace in self.stretch.traces
            for visit in trace.visits
            if visit.edge.index == edge and visit.caller is caller and visit.end < self.until
        ]
        place = self.index[caller.uid]
        batch = self.stretch.batch
        for ask in batch.tree.asks:
            if ask.edge.index == edge and len(batch):
                above = batch.tree.callers[ask.number]
                service = batch.tree.asks[above].service
                mine = (batch.enter[ask.number] >= 0) & (self.ready[service][batch.choices[above]] == place)
                ends = batch.end[ask.number][mine]
                found += [(end, True) for end in ends[ends < self.until].tolist()]
        return sorted(found)

    def _tell_breaker(self, replica: Replica, edge_index: int, ends: deque[tuple[int, bool]]) -> None:
        breaker = replica.breaker(self.cluster.edges[edge_index])
        while ends and ends[0][0] < self.now:
            at, well = ends.popleft()
            breaker.record(well, at)

    # ------------------------------------------------------------ carrying it out

    def carry_out(self) -> None:
        """Let the stretch happen."""
        stretch, sim = self.stretch, self.cluster.sim
        leaves = self._leaves()
        queue = sim._queue
        queue[:] = [entry for entry in queue if entry[3].__class__ not in (Call, Deadlines)]
        heapify(queue)
        effects = sorted(
            (effect for trace in stretch.traces for effect in trace.effects if effect.at < self.until),
            key=lambda effect: effect.at,
        )
        done = 0
        while queue and queue[0][0] < self.until:
            at, _, _, event = heappop(queue)
            rule = ahead(event)
            if rule is Ahead.IDLES:
                self._idle(event, int(at))
                continue
            while done < len(effects) and effects[done].at < at:
                effects[done].do(*effects[done].args)
                done += 1
            sim._now = self.now = int(at)
            exporter = getattr(event, "exporter", None)
            if exporter is not None and not exporter.gone():
                exporter.catch_up(self)
            sim.dispatch(event)
        for effect in effects[done:]:
            effect.do(*effect.args)
        sim._now = self.now = self.until
        self._finish(leaves)

    def _idle(self, event: Any, at: int) -> None:
        sim = self.cluster.sim
        if event is self.stretch.workload:
            self.window += 1
        elif isinstance(event, StoreMemory):
            self.swept[event.service] = at
        sim.sequence = sequence = sim.sequence + 1
        heappush(sim._queue, (at + event.period, NORMAL, sequence, event))

    def _finish(self, leaves: list[Trace]) -> None:
        for replica in self.replicas:
            self.pod(replica)
            replica.queue.clear()
        for store in self.stretch.stores:
            self.keys(store)
        self._turn()
        self._renew_tokens()
        self._refill_budgets()
        self._record_outcomes()
        self._record_spans()
        self._arrive()
        self._resume(leaves)

    # ------------------------------------------------------------ the end of the stretch

    def _leaves(self) -> list[Trace]:
        """The requests that are not over at the end, each followed to where it is then."""
        traces = [trace for trace in self.stretch.traces if trace.leaf is not None]
        batch = self.stretch.batch
        under_way = batch.usual & (batch.done >= self.until) & (batch.arrivals < self.until)
        for lane in np.nonzero(under_way)[0].tolist():
            trace = self._traced(batch, lane)
            trace.follow(self.until)
            traces.append(trace)
        return traces

    def _traced(self, batch: Batch, lane: int) -> Trace:
        """A lane as a trace, told what the solution found."""
        stretch = self.stretch
        row = batch.columns[:, lane]
        leaf = stretch.arrival(int(batch.endpoints[lane]), int(batch.numbers[lane]), int(batch.arrivals[lane]), row)
        trace = Trace(stretch, leaf)
        made: dict[int, int] = {}
        for ask in batch.tree.asks:
            if batch.enter[ask.number, lane] >= 0:
                edge = ask.edge.index
                name = (edge, made.get(edge, 0))
                made[edge] = name[1] + 1
                trace.choices[name] = int(batch.choices[ask.number, lane])
                trace.waits[name] = int(batch.begin[ask.number, lane] - batch.enter[ask.number, lane])
        for moment in batch.reads:
            if lane in moment.lanes:
                assert moment.items is not None
                missing = batch.missing[moment.number]
                assert missing is not None
                lacking = moment.items.live[:, lane] & missing[:, lane]
                trace.missing.append(moment.items.keys[:, lane][lacking].tolist())
        return trace

    def _resume(self, traces: list[Trace]) -> None:
        """Put what is not over where the events expect it."""
        leaves: list[Leaf] = [trace.leaf for trace in traces if trace.leaf is not None]
        calls: dict[Deadlines, list[Call]] = {}
        for leaf in sorted(leaves, key=lambda leaf: leaf.since):
            if leaf.at == NEVER:
                assert leaf.call.replica is not None
                leaf.call.replica.queue.append(leaf.call)
            else:
                self.cluster.sim.push(leaf.at, leaf.call)
        for trace in traces:
            for call in trace.open:
                calls.setdefault(call.edge.deadlines, []).append(call)
        for deadlines in self.cluster.executor.all_deadlines():
            waiting = sorted(calls.get(deadlines, ()), key=lambda call: call.start)
            deadlines.calls = deque(waiting)
            deadlines.armed = False
            if waiting:
                deadlines.arm(waiting[0].start + deadlines.timeout)

    def _turn(self) -> None:
        """Whose turn it is."""
        for service in self.stretch.services:
            if service.drawn or not service.ready:
                continue
            found, traced = self.stretch.visits_of(service)
            count = sum(int((there & (batch.enter[asks] < self.until)).sum()) for batch, asks, there in found)
            count += sum(visit.choice >= 0 and visit.enter < self.until for _, visit in traced)
            service.turn = (service.turn + count) % len(service.ready)

    def _renew_tokens(self) -> None:
        stretch = self.stretch
        tokens = stretch.tokens_of_cluster
        for at, user, kid in stretch.mints():
            if at < self.until:
                tokens[user] = (kid, at + stretch.token_lifetime)
        for at, user in (entry for trace in stretch.traces for entry in trace.refused):
            if at < self.until and tokens.get(user, ("", 0))[1] <= at:
                tokens.pop(user, None)

    def _refill_budgets(self) -> None:
        """What successes give back to the budgets of retries, and retries take."""
        taken: dict[int, list[int]] = {}
        for at, edge in (entry for trace in self.stretch.traces for entry in trace.taken):
            if at < self.until:
                taken.setdefault(edge.index, []).append(at)
                edge.retried += 1
        for edge in self.cluster.edges:
            takes = sorted(taken.get(edge.index, ()))
            if not edge.retries or edge.budget is None or (edge.tokens >= edge.budget and not takes):
                continue
            ends = self._answered_over(edge.index)
            for at in [*takes, self.until]:
                last = int(ends.searchsorted(at, side="right" if at < self.until else "left"))
                for _ in range(last):
                    if edge.tokens >= edge.budget:
                        break
                    edge.tokens += edge.refill
                ends = ends[last:]
                if at < self.until:
                    edge.tokens -= 1.0

    def _answered_over(self, edge: int) -> Ints:
        """When the calls over one edge are answered well, in order."""
        found = [ints([v.end for t in self.stretch.traces for v in t.visits if v.edge.index == edge and not v.failure])]
        batch = self.stretch.batch
        for ask in batch.tree.asks:
            if ask.edge.index == edge:
                found += [batch.end[ask.number][batch.enter[ask.number] >= 0]]
        return np.sort(np.concatenate(found))

    def _record_outcomes(self) -> None:
        recorder = self.cluster.recorder
        batch = self.stretch.batch
        over = np.nonzero(batch.done < self.until)[0]
        first = int(batch.numbers[0] >> NUMBER_BITS) if over.size else 0
        kinds = len(recorder.slo)
        kind = ((batch.numbers[over] >> NUMBER_BITS) - first) * kinds + batch.endpoints[over]
        good = batch.done[over] - batch.arrivals[over] <= np.array(recorder.slo)[batch.endpoints[over]]
        counts, well = np.bincount(kind), np.bincount(kind, good).astype(np.int64)
        for place in counts.nonzero()[0].tolist():
            window, endpoint = divmod(place, kinds)
            recorder.count(first + window, endpoint, int(counts[place]), int(well[place]))
        answered = [(trace.outcome, trace) for trace in self.stretch.traces if trace.outcome is not None]
        for (at, status), trace in sorted(answered, key=lambda entry: entry[0]):
            if at < self.until:
                flow = trace.origin.call.flow
                met = status == GOOD and at - flow.start <= recorder.slo[flow.endpoint]
                recorder.count(trace.window, flow.endpoint, 1, int(met))
                if status != GOOD:
                    recorder.count_failure(trace.window, status)

    def _record_spans(self) -> None:
        spans = self.cluster.recorder.spans
        sampled = _Sampled(self, self.stretch.batch)
        traced = [span for trace in self.stretch.traces for span in trace.spans if span[2] < self.until]
        kind = list(SPAN.names or ()).index("kind")
        records = np.concatenate(
            [
                np.array([span for span in traced if span[kind] != WORKER], dtype=SPAN),
                self._calls(sampled, SERVED),
                self._requests(),
                np.array([span for span in traced if span[kind] == WORKER], dtype=SPAN),
                self._calls(sampled, WORKER),
            ]
        )
        if len(records):
            spans.extend(_in_order(records))
        for at in sorted(at for trace in self.stretch.traces for at in trace.kept if at < self.until):
            spans.count_kept(at, FAILED)

    def _calls(self, sampled: _Sampled, kind: int) -> Any:
        """The calls that are over, or the waits for a worker, of the sampled lanes."""
        parts = sampled.records(kind)
        calls = np.zeros(len(parts[0]) if parts else 0, dtype=SPAN)
        for name, part in zip(_CALL_FIELDS, parts, strict=bool(parts)):
            calls[name] = part
        calls["sampled"], calls["kind"] = SAMPLED, kind
        return calls

    def _requests(self) -> Any:
        """The requests of sampled lanes that are over."""
        batch = self.stretch.batch
        over = np.nonzero((batch.numbers & SAMPLED_BITS == 0) & (batch.done < self.until))[0]
        requests = np.zeros(len(over), dtype=SPAN)
        values = (batch.numbers, batch.arrivals, batch.done, batch.users, batch.endpoints)
        for name, value in zip(("number", "start", "end", "caller_start", "first"), values, strict=True):
            requests[name] = value[over]
        requests["edge"], requests["caller"], requests["second"] = USER, NOBODY, GOOD
        requests["sampled"], requests["kind"] = SAMPLED, REQUEST
        return requests

    def _arrive(self) -> None:
        """Leave the users where they are."""
        workload = self.stretch.workload
        for window, expected, draws in self.stretch.draws:
            if window > self.window:
                break
            count = int(draws.times.searchsorted(self.until))
            if window > workload.window:
                workload.arrived += len(workload.times) - 1 - workload.cursor
                workload.window, workload.expected = window, expected
                workload.begin(draws)
            workload.skip(count - workload.cursor)
