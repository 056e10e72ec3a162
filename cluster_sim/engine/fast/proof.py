"""What the solution of a stretch leaves out: the stretch ends before the first of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...clock import WINDOW
from ..failures import DENIALS
from ..spans import FAILED, KEPT_PER_WINDOW
from .lanes import NEVER, NONE, Batch, Flags, Ints, ints
from .queues import crowded
from .trace import Visit
from .tree import Work, ordered

if TYPE_CHECKING:
    from ..edge import Edge
    from ..replica import Replica
    from ..service import Service
    from .stretch import Stretch

USUAL_TIME = 10_000_000_000
"""Nanoseconds after which a request that is not over ends the stretch (chosen: longer than users wait)."""


class Proof:
    """Holds a solution against all that it takes for granted.

    Nobody waits for longer than a limit, finds no connection or a token that is refused; retries and spans stay within
    their budgets; no breaker opens; and no two requests do something at one instant.
    """

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.services, self.batch, self.traces = stretch.services, stretch.batch, stretch.traces

    def holds(self) -> bool:
        """Look for what the solution leaves out; the stretch ends before it. False if it has to be solved again."""
        for service in self.services:
            if ordered(service):
                self.stretch.take_turns(service)
            if service not in self.stretch.tight and self._overfull(service):
                self.stretch.tight.append(service)
                return False
        self._check_deadlines()
        self._check_pools()
        self._check_tokens()
        self._check_retries()
        self._check_breakers()
        self._check_ties()
        return True

    def _overfull(self, service: Service) -> bool:
        found, traced = self.stretch.visits_of(service)
        enter = [batch.enter[asks][there] for batch, asks, there in found]
        end = [batch.end[asks][there] for batch, asks, there in found]
        enter.append(ints([visit.enter for _, visit in traced]))
        end.append(ints([visit.end for _, visit in traced]))
        most = min((replica.workers for replica in service.ready), default=0)
        return crowded(np.concatenate(enter), np.concatenate(end), most) < NEVER

    def _check_deadlines(self) -> None:
        batch = self.batch
        timeouts = ints([ask.edge.timeout for ask in batch.tree.asks])[:, None]
        late = (batch.enter >= 0) & (batch.end - batch.enter >= timeouts)
        if late.any():
            self.stretch.ends(int((batch.enter + timeouts)[late].min()))
        slow = self.batch.usual & (self.batch.done - self.batch.arrivals > USUAL_TIME)
        if slow.any():
            self.stretch.ends(self.batch.first(slow) + USUAL_TIME)
        for trace in self.traces:
            for visit in trace.visits:
                if visit.end - visit.enter >= visit.edge.timeout:
                    self.stretch.ends(max(visit.enter + visit.edge.timeout, self.stretch.start))

    def _check_pools(self) -> None:
        for service in self.services:
            for name in service.pools:
                self._check_pool(service, name)

    def _check_pool(self, client: Service, name: str) -> None:
        server = self.stretch.cluster.services[name]
        found, traced = self.stretch.visits_of(server)
        enter, end = [], []
        for batch, asks, there in found:
            asked = [batch.tree.asks[ask].edge.client == client.name for ask in asks.tolist()]
            mine = there & np.array(asked)[:, None]
            enter.append(batch.enter[asks][mine])
            end.append(batch.end[asks][mine])
        visits = [visit for _, visit in traced if visit.edge.client == client.name]
        enter.append(ints([visit.enter for visit in visits]))
        end.append(ints([visit.end for visit in visits]))
        least = min((replica.pools[name].open for replica in client.ready if name in replica.pools), default=0)
        at = crowded(np.concatenate(enter), np.concatenate(end), least)
        if at < NEVER:
            self.stretch.ends(self._crowded_pool(client, name, found, visits))

    def _crowded_pool(
        self, client: Service, name: str, found: list[tuple[Batch, Ints, Flags]], visits: list[Visit]
    ) -> int:
        """The first instant at which one replica has more calls under way than connections."""
        first = NEVER
        for index, replica in enumerate(client.ready):
            enter, end = [], []
            for batch, asks, there in found:
                for row, ask in enumerate(asks.tolist()):
                    if batch.tree.asks[ask].edge.client == client.name:
                        mine = there[row] & (batch.choices[batch.tree.callers[ask]] == index)
                        enter.append(batch.enter[ask][mine])
                        end.append(batch.end[ask][mine])
            own = [visit for visit in visits if visit.caller is replica]
            enter.append(ints([visit.enter for visit in own]))
            end.append(ints([visit.end for visit in own]))
            first = min(first, crowded(np.concatenate(enter), np.concatenate(end), replica.pools[name].open))
        return first

    def _check_tokens(self) -> None:
        """The tokens of all lanes are good when they are checked; note who checks which."""
        moments = self.batch.checks
        users = [self.batch.users[moment.lanes] for moment in moments]
        at = np.concatenate([moment.at for moment in moments] or [NONE])
        until, kid = self.stretch.token_at(np.concatenate(users or [NONE]), at)
        refused = until <= at
        if refused.any():
            self.stretch.ends(int(at[refused].min()))
        self.stretch.checked = moments, at, kid

    def _check_retries(self) -> None:
        """Every retry had a token of its budget, and no span was lost to the limit of those that are kept."""
        taken: dict[int, int] = {}
        for at, edge in sorted((entry for trace in self.traces for entry in trace.taken), key=lambda entry: entry[0]):
            taken[edge.index] = taken.get(edge.index, 0) + 1
            if edge.budget is not None and edge.tokens - taken[edge.index] < 0:
                self.stretch.ends(at)
        kept: dict[int, int] = self.stretch.cluster.recorder.spans.kept_already(FAILED)
        for at in sorted(at for trace in self.traces for at in trace.kept):
            kept[at // WINDOW] = kept.get(at // WINDOW, 0) + 1
            if kept[at // WINDOW] > KEPT_PER_WINDOW[FAILED]:
                self.stretch.ends(at)

    def _check_breakers(self) -> None:
        """No circuit breaker opens."""
        failed: dict[tuple[Replica, Edge], list[int]] = {}
        for visit in (visit for trace in self.traces for visit in trace.visits):
            if visit.caller is not None and visit.failure not in (0, *DENIALS):
                failed.setdefault((visit.caller, visit.edge), []).append(visit.end)
        for (replica, edge), ends in failed.items():
            if edge.breaker is None:
                continue
            breaker = replica.breakers.get(edge.index)
            before = breaker.failed if breaker is not None else 0
            if before + len(ends) >= edge.breaker.failure_ratio * edge.breaker.window:
                self.stretch.ends(min(ends))

    def _check_ties(self) -> None:
        """No two requests do something at the same nanosecond, nor with a known event."""
        at = self._tie(self._wakes())
        for service in self.services:
            if service in self.stretch.tight or ordered(service):
                self._tie(self._entries(service))
        self._tie(self._grants())
        self.stretch.ends(self.stretch.coincidence)  # a request writes a key and looks it up at one instant
        known = self.stretch.foresight.instants(self.stretch.start)
        there = at.searchsorted(known)
        if len(at):
            tied = known[(there < len(at)) & (at[np.minimum(there, len(at) - 1)] == known)]
            if tied.size:
                self.stretch.ends(int(tied.min()))

    def _tie(self, moments: list[tuple[Ints, Ints | int]]) -> Ints:
        """End before the first instant that belongs to two requests; returns all instants in order."""
        at = np.sort(np.concatenate([times.ravel() for times, _ in moments]))
        at = at[at.searchsorted(0) :]
        same = at[1:][at[1:] == at[:-1]]
        for instant in same[same < self.stretch.until].tolist():
            who = {
                number
                for times, numbers in moments
                for number in np.broadcast_to(numbers, times.shape)[times == instant].tolist()
            }
            if len(who) > 1:
                self.stretch.ends(instant)
                break
        return at

    def _wakes(self) -> list[tuple[Ints, Ints | int]]:
        """When requests begin to do something, and which."""
        found: list[tuple[Ints, Ints | int]] = [(ints(t.wakes), t.origin.call.flow.number) for t in self.traces]
        batch = self.batch
        found.append((np.where(batch.usual, batch.arrivals, -1), batch.numbers))
        if batch.tree.works:
            found.append((np.where(batch.start >= 0, batch.stop, -1), batch.numbers))
        for number in sorted(batch.waiting):
            body = batch.tree.asks[number].body
            if not (body and isinstance(body[0], Work)):
                waited = (batch.enter[number] >= 0) & (batch.begin[number] > batch.enter[number])
                found.append((np.where(waited, batch.begin[number], -1), batch.numbers))
        return found

    def _grants(self) -> list[tuple[Ints, Ints | int]]:
        """When workers are given to calls that waited, and whose they are."""
        found: list[tuple[Ints, Ints | int]] = [(NONE, -1)]
        batch = self.batch
        for number in sorted(batch.waiting):
            waited = (batch.enter[number] >= 0) & (batch.begin[number] > batch.enter[number])
            found.append((batch.begin[number][waited], batch.numbers[waited]))
        for trace in self.traces:
            waited = [v.begin for v in trace.visits if v.enter < v.begin < NEVER]
            found.append((ints(waited), trace.origin.call.flow.number))
        return found

    def _entries(self, service: Service) -> list[tuple[Ints, Ints | int]]:
        """When calls reach a service, and whose they are."""
        found, traced = self.stretch.visits_of(service)
        moments: list[tuple[Ints, Ints | int]] = [(NONE, -1)]
        moments += [(np.where(there, batch.enter[asks], -1), batch.numbers) for batch, asks, there in found]
        moments += [(ints([v.enter]), trace.origin.call.flow.number) for trace, v in traced if v.choice >= 0]
        return moments
