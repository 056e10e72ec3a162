"""What a solved stretch adds to the figures of each replica, and when: the accounts that are read while it happens."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..replica import BUCKETS, SUM, Replica
from .lanes import NEVER, Batch, Ints, ints
from .ledger import Ledger
from .stretch import Stretch

CELLS = SUM + 1
"""Numbers of a histogram."""

BUSY, HELD, QUEUED, _KINDS = range(4)
"""Amounts of every replica, after its histograms."""


class Accounts:
    """The accounts of one stretch, whose requests have been followed to its end.

    Attributes:
        replicas: whose accounts they are; `index` tells the row of each.
        common, pools, checks: the columns of the amounts that all have, of connections, and of tokens found good.
        known: the keys of the tokens that are found good.
        own, answered, on_node: ledgers of everything that a pod counts, of its histograms as the service graph sees
            them, and of its work as the node does.
    """

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.until = stretch.until
        self.replicas = [replica for service in stretch.services for replica in service.replicas]
        self.index = {replica.uid: place for place, replica in enumerate(self.replicas)}
        self.uids = ints([replica.uid for replica in self.replicas])
        self._served: Ints | None = None
        self._asking: Ints | None = None
        self._lay_out()
        self._flatten()
        self._account()

    # ------------------------------------------------------------ what happens, as arrays

    def _lay_out(self) -> None:
        """Which amount is in which column."""
        services = self.stretch.services
        self.slots = max((service.edge_count for service in services), default=0)
        self.common = self.slots * CELLS
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
        return list(self.stretch.cluster.services[edge.client].pools).index(edge.spec.call.pool)

    # ------------------------------------------------------------ amounts

    def _account(self) -> None:
        stretch = self.stretch
        self.known = sorted({kid for kid in self._checked()})
        width = self.checks + len(self.known)
        scraper = self.stretch.cluster.scrapes
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
        for at, _, _, event in self.stretch.cluster.sim.queue:
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
        first = self.slot * CELLS
        ended = ledger.place(self.at, self.end)
        ledger.enter(ended, first + bucket, 1)
        ledger.enter(ended, first + SUM, duration)
        ledger.enter(ended, self.common + HELD, -1)
        ledger.enter(ledger.place(self.at, self.begin), self.common + HELD, 1)
        waited = np.nonzero(self.begin > self.enter)[0]
        if waited.size:
            ledger.enter(ledger.place(self.at[waited], self.enter[waited]), self.common + QUEUED, 1)
            ledger.enter(ledger.place(self.at[waited], self.begin[waited]), self.common + QUEUED, -1)
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
                ledger.enter(ledger.place(at, ints([visit.begin])), self.common + HELD, 1)
            if not visit.fixed and visit.begin > visit.enter and (begun or not visit.failure):
                if new:
                    ledger.enter(ledger.place(at, ints([visit.enter])), self.common + QUEUED, 1)
                ledger.enter(ledger.place(at, ints([visit.begin])), self.common + QUEUED, -1)
            if visit.end == NEVER:
                continue
            ended = ledger.place(at, ints([visit.end]))
            if begun:
                ledger.enter(ended, self.common + HELD, -1)
            if not visit.failure:
                duration = visit.end - visit.enter
                first = visit.edge.slot * CELLS
                bucket = int(np.searchsorted(BUCKETS, duration))
                seen = self.answered.place(at, ints([visit.end]))
                for book, place in ((ledger, ended), (self.answered, seen)):
                    book.enter(place, first + bucket, 1)
                    book.enter(place, first + SUM, duration)

    def _enter_work(self, ledger: Ledger) -> None:
        ledger.enter(ledger.place(self.work_at, self.work_begin), self.common + BUSY, self.work_counted)
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
        taken, owner, kind = self.connections(self.enter)
        ledger.enter(ledger.place(owner, taken), self.pools + 2 * kind, 1)
        ledger.enter(ledger.place(owner, taken), self.pools + 2 * kind + 1, 1)
        given, owner, kind = self.connections(self.end)
        ledger.enter(ledger.place(owner, given), self.pools + 2 * kind, -1)

    def connections(self, times: Ints) -> tuple[Ints, Ints, Ints]:
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
        if self._asking is None:
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

    def first_check(self, replica: Replica, kid: str) -> int:
        """When a pod first finds a token of a key good."""
        number = self.stretch.kids.index(kid)
        return int(self.check_when[(self.check_at == self.index[replica.uid]) & (self.check_kid == number)].min())
