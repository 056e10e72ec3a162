"""Chooses, stretch by stretch, between computing at once and running events."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ...clock import SECOND, WINDOW
from ...native import COMPILED
from ...specs import Balance
from ..call import Call
from ..keyspace import EVICTING_POLICIES
from .commit import Commit
from .rehearsal import rehearse
from .stretch import Stretch, Unsolved
from .tree import Tree, grow

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ..replica import Replica
    from ..service import Service

# What follows only decides what is tried when; the results are the same.
LEAST = inf if COMPILED else 400
"""Expected requests per endpoint in a stretch that is worth while (measured: below, events take no longer; compiled,
they never do)."""
MOST = 4_500
LONGEST = 120 * SECOND
"""Expected requests and nanoseconds of a stretch at most (measured: beyond, it takes more guesses until they agree)."""
STEP = 2 * SECOND
"""Nanoseconds for which events run where a stretch was cut short, before the next is tried (chosen)."""
PATIENCE = 5 * SECOND
LONGEST_PATIENCE = 60 * SECOND
"""Nanoseconds for which events run where no stretch can be, doubled each time up to the longest (chosen)."""


class FastForward:
    """Computes what it can of one cluster's time at once.

    Attributes:
        computed: nanoseconds of the cluster's time so far that were computed at once.
        tried, failed: attempts.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.computed = 0
        self.tried = self.failed = 0
        self._patience = PATIENCE
        self._tree: Tree | None = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_tree": None}

    def run_until(self, end: int) -> None:
        """Let simulated time pass until an instant."""
        executor, sim = self.cluster.executor, self.cluster.sim
        while sim.now < end:
            if not self._worthwhile(sim.now, end):
                executor.run_until(end)
            else:
                pause = self._advance(end)
                executor.run_until(min(end, sim.now + pause))

    def _worthwhile(self, now: int, end: int) -> bool:
        workload = self.cluster.workload
        return (end - now) * workload.rate_hz >= LEAST * len(workload.codes) * SECOND

    def _advance(self, end: int) -> int:
        """Compute a stretch, if there is one; returns for how long events have to run then."""
        now = self.cluster.sim.now
        self.tried += 1
        if self.possible():
            stretch = self._stretch(end)
            if stretch is not None:
                Commit(stretch).carry_out()
                self.computed += stretch.until - now
                self._patience = PATIENCE
                return 0 if stretch.until == end else STEP
        self.failed += 1
        patience = self._patience
        self._patience = min(2 * patience, LONGEST_PATIENCE)
        return patience

    def _stretch(self, end: int) -> Stretch | None:
        """The next stretch, solved."""
        cluster = self.cluster
        now = cluster.sim.now
        foresight = rehearse(cluster, min(end, now + min(LONGEST, int(MOST * SECOND / cluster.workload.rate_hz))))
        if any(replica.uid not in cluster.scrapes.pods for s in cluster.services.values() for replica in s.replicas):
            foresight.until = min(foresight.until, (now // WINDOW + 1) * WINDOW)  # when it becomes a target
        for probe in cluster.probes:
            for replica in probe.service.replicas:
                for pause in foresight.paces[replica.uid].pauses[1:]:
                    if pause.until - pause.at > probe.timeout:
                        foresight.until = min(foresight.until, pause.at)
        if not self._worthwhile(now, foresight.until):
            return None
        if self._tree is None:
            programs = cluster.workload.programs
            self._tree = grow(cluster.workload.codes, [len(program.columns) for program in programs])
        if not self._tree.uniform:
            return None
        stretch = Stretch(cluster, self._tree, foresight)
        try:
            stretch.solve()
        except Unsolved:
            return None
        return stretch if self._worthwhile(now, stretch.until) else None

    # ------------------------------------------------------------ what a stretch needs

    def possible(self) -> bool:
        """Whether the cluster is in a state from which requests can be computed at once."""
        cluster = self.cluster
        if not cluster.plain or not all(map(self._service_is, cluster.services.values())):
            return False
        if any(edge.settled_at > cluster.sim.now for edge in cluster.edges):
            return False
        for entry in cluster.sim.queue:
            if entry[3].__class__ is Call and not self._is_waited_for(entry[3]):
                return False
        return self._keys_agree()

    def _service_is(self, service: Service) -> bool:
        """No replica keeps anything whose outcome depends on the order of requests but its workers and turns."""
        ready = service.ready
        if not ready or (service.drawn and len(ready) > 1 and service.balance is not Balance.RANDOM):
            return False
        keyspace = service.keyspace
        if keyspace is not None and (keyspace.policy in EVICTING_POLICIES or not keyspace.roomy):
            return False
        return all(map(self._replica_is, service.replicas))

    def _replica_is(self, replica: Replica) -> bool:
        if replica.flights is not None or (replica.queue and not replica.ready):
            return False
        if any(pool.waiting for pool in replica.pools.values()):
            return False
        if not all(map(self._is_waited_for, replica.queue)):
            return False
        return all(breaker.calm for breaker in replica.breakers.values())

    @staticmethod
    def _is_waited_for(call: Call) -> bool:
        top = call
        while top.parent is not None:
            top = top.parent
        return top.replica is None and not hasattr(top, "edge")

    def _keys_agree(self) -> bool:
        """Every replica takes every token there is or will be."""
        cluster = self.cluster
        now = cluster.sim.now
        rings = [r.keys for service in cluster.services.values() for r in service.ready if r.keys is not None]
        tokens = cluster.executor.tokens.values()
        if any(expires - cluster.executor.token_lifetime > now for _, expires in tokens):
            return False  # dated ahead by a clock that was wrong
        kids = {kid for kid, expires in tokens if expires > now}
        kids.update(ring.signing for ring in rings)
        return all(ring.takes(kid) for ring in rings for kid in kids)
