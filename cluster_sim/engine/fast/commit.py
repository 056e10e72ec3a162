"""A solved stretch is carried out: what lies between two looks at the cluster happens at once."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np
from simpy.events import NORMAL

from ..ahead import Ahead, ahead
from ..call import NUMBER_BITS, Call
from ..edge import Deadlines, DeadlineTimer
from ..failures import DENIALS
from ..memory import StoreMemory
from ..recorder import GOOD
from .accounts import BUSY, CELLS, HELD, QUEUED, Accounts
from .lanes import NEVER, Batch, Ints, ints
from .sampled import record_spans
from .stretch import Stretch
from .trace import Leaf, Trace

if TYPE_CHECKING:
    from ..replica import Replica
    from ..service import Service


class Commit:
    """Carries out one stretch; while it does, it brings the figures of whoever is looked at up to the present."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.cluster = stretch.cluster
        self.until = stretch.until
        self.swept: dict[Service, int] = {}
        self.window = stretch.workload.window
        stretch.traces = [trace for trace in stretch.traces if trace.begun or trace.origin.at < self.until]
        for trace in stretch.traces:
            if not trace.over_before(self.until):
                trace.follow(self.until)
        self.accounts = Accounts(stretch)
        self._prepare_stores()
        self._prepare_pools()
        self._prepare_breakers()

    # ------------------------------------------------------------ what is looked at

    def pod(self, replica: Replica) -> None:
        """Bring everything that a pod counts up to now."""
        accounts = self.accounts
        row = accounts.own.as_of(accounts.index[replica.uid], self.now)
        self._serve(replica, row)
        common, pools, checks = accounts.common, accounts.pools, accounts.checks
        replica.busy = row[common + BUSY]
        replica.free = replica.workers - row[common + HELD]
        queued = row[common + QUEUED]
        if queued or replica.queue:
            replica.queue = deque([None] * queued)  # type: ignore[list-item]  # only their number is looked at
        for number, pool in enumerate(replica.pools.values()):
            pool.idle = pool.open - row[pools + 2 * number]
            pool.acquired = row[pools + 2 * number + 1]
        if accounts.known and replica.keys is not None:
            counts = replica.validations
            fresh = []
            for kid, count in zip(accounts.known, row[checks:], strict=True):
                if ("ok", kid) in counts:
                    counts["ok", kid] = count
                elif count:
                    fresh.append((accounts.first_check(replica, kid), kid, count))
            for _, kid, count in sorted(fresh):
                counts["ok", kid] = count
        for edge_index, ends in self.breakers.get(replica.uid, {}).items():
            self._tell_breaker(replica, edge_index, ends)

    def answers(self, replica: Replica) -> None:
        """Bring the histograms of a pod up to now."""
        self._serve(replica, self.accounts.answered.as_of(self.accounts.index[replica.uid], self.now))

    def work(self, replica: Replica) -> None:
        """Bring the time that a pod has worked up to now."""
        replica.busy = self.accounts.on_node.as_of(self.accounts.index[replica.uid], self.now)[0]

    def _serve(self, replica: Replica, row: list[int]) -> None:
        replica.served = [row[first : first + CELLS] for first in range(0, len(replica.served) * CELLS, CELLS)]

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
        accounts = self.accounts
        taken, owner, kind = accounts.connections(accounts.enter)
        given, whose, which = accounts.connections(accounts.end)
        at = np.concatenate([taken, given])
        order = np.argsort(at, kind="stable")
        self.pool_at = at[order]
        owners, kinds = np.concatenate([owner, whose]), np.concatenate([kind, which])
        most = max(accounts.most_pools, 1)
        self.pool_of = (owners * most + kinds)[order]
        self.pool_change = np.concatenate([np.ones(len(taken)), -np.ones(len(given))])[order]
        self.pool_done = 0
        self.pool_sizes = np.zeros(len(accounts.replicas) * most)
        for place, replica in enumerate(accounts.replicas):
            for number, pool in enumerate(replica.pools.values()):
                self.pool_sizes[place * accounts.most_pools + number] = pool.active

    def connections(self, replica: Replica) -> None:
        """Bring the use of a pod's connections up to now."""
        last = int(self.pool_at.searchsorted(self.now))
        if last > self.pool_done:
            part = slice(self.pool_done, last)
            self.pool_sizes += np.bincount(self.pool_of[part], self.pool_change[part], len(self.pool_sizes))
            self.pool_done = last
        for number, pool in enumerate(replica.pools.values()):
            place = self.accounts.index[replica.uid] * self.accounts.most_pools + number
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
        place = self.accounts.index[caller.uid]
        batch = self.stretch.batch
        for ask in batch.tree.asks:
            if ask.edge.index == edge and len(batch):
                above = batch.tree.callers[ask.number]
                service = batch.tree.asks[above].service
                mine = (batch.enter[ask.number] >= 0) & (self.accounts.ready[service][batch.choices[above]] == place)
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
        queue = sim.queue
        queue[:] = [entry for entry in queue if entry[3].__class__ not in (Call, DeadlineTimer)]
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
        if event is self.stretch.workload.timer:
            self.window += 1
        elif isinstance(event, StoreMemory):
            self.swept[event.service] = at
        sim.sequence = sequence = sim.sequence + 1
        heappush(sim.queue, (at + event.period, NORMAL, sequence, event))

    def _finish(self, leaves: list[Trace]) -> None:
        for replica in self.accounts.replicas:
            self.pod(replica)
            replica.queue.clear()
        for store in self.stretch.stores:
            self.keys(store)
        self._turn()
        self._renew_tokens()
        self._refill_budgets()
        self._record_outcomes()
        record_spans(self.accounts)
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
