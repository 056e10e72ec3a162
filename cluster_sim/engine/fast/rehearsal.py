"""What lies ahead: how the pace of replicas and the rate of errors will change, and where a stretch has to end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from heapq import heapify, heappop
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from simpy.events import Event

from ..ahead import Ahead, ahead, period_of
from ..call import Call
from ..edge import DeadlineTimer
from ..replica import Replica
from ..service import Service

if TYPE_CHECKING:
    from ...cluster import Cluster

Times = npt.NDArray[np.int64]

BEFORE = -1
"""An instant before everything."""


class Pause(NamedTuple):
    """A stop of the world: what is in progress at `at` ends `length` later, what begins before `until` waits for it."""

    at: int
    length: int
    until: int


class Pace:
    """How fast a replica works in a stretch.

    Attributes:
        changes: (instant, factor on the time of work from then on), the first before the stretch.
        pauses: in their order; the first stands for those before the stretch.
        even: whether all work takes the time that was drawn.
    """

    def __init__(self, replica: Replica) -> None:
        self.changes = [(BEFORE, replica.slow)]
        self.pauses = [Pause(BEFORE, 0, replica.paused_until)]
        self.even = False

    def note(self, now: int, replica: Replica) -> None:
        """Take note of what an event has done."""
        if replica.slow != self.changes[-1][1]:
            self.changes.append((now, replica.slow))
        if replica.paused_until > self.pauses[-1].until:
            self.pauses.append(Pause(now, replica.paused_until - max(self.pauses[-1].until, now), replica.paused_until))

    def settle(self, since: int) -> None:
        """All changes are known of a stretch that begins at an instant."""
        self.even = len(self.changes) == 1 and self.changes[0][1] == 1.0 and self.pauses[-1].until <= since

    def work(self, begin: int, delay: int, until: int) -> tuple[int, int]:
        """When work of `delay` ends that begins at an instant, as known at another, and the time it is counted with."""
        if self.even:
            return begin + delay, delay
        slow = self.changes[bisect_right(self.changes, begin, key=_first) - 1][1]
        if slow != 1.0:
            delay = int(delay * slow)
        paused_until = self.pauses[bisect_right(self.pauses, begin, key=_first) - 1].until
        if paused_until > begin:
            delay += paused_until - begin
        return self.postponed(begin, begin + delay, until), delay

    def postponed(self, begin: int, end: int, until: int) -> int:
        """When something ends that was to end at an instant, if the world is stopped in between and before `until`."""
        for at, length, _ in () if self.even else self.pauses:
            if begin < at < min(end, until):
                end += length
        return end

    def works(self, begin: Times, delay: Times) -> tuple[Times, Times]:
        """`work`, for many at once."""
        if len(self.changes) > 1 or self.changes[0][1] != 1.0:
            at = np.array([change[0] for change in self.changes])
            slow = np.array([change[1] for change in self.changes])[at.searchsorted(begin, side="right") - 1]
            delay = np.where(slow != 1.0, (delay * slow).astype(np.int64), delay)
        at = np.array([pause.at for pause in self.pauses])
        until = np.array([pause.until for pause in self.pauses])[at.searchsorted(begin, side="right") - 1]
        delay = delay + np.maximum(until - begin, 0)
        end = begin + delay
        for start, length, _ in self.pauses[1:]:
            end[(begin < start) & (start < end)] += length
        return end, delay


class Foresight:
    """What a rehearsal of the control plane has shown.

    Attributes:
        until: where the stretch has to end.
        paces: number of a replica → its pace.
        periodic: (first instant, period) of what returns again and again; `single`: instants of what does not.
        thresholds: service → (instant, threshold of background errors from then on), the first before the stretch.
    """

    def __init__(self, cluster: Cluster, until: int) -> None:
        self.until = until
        self.paces = {replica.uid: Pace(replica) for s in cluster.services.values() for replica in s.replicas}
        self.periodic: list[tuple[int, int]] = []
        self.single: list[int] = []
        self.thresholds = {s: [(BEFORE, s.error_threshold)] for s in cluster.services.values()}

    def instants(self, since: int) -> Times:
        """When something else than requests happens."""
        times = [np.array(self.single, dtype=np.int64)]
        for period in sorted({period for _, period in self.periodic}):
            first = np.array([at for at, other in self.periodic if other == period], dtype=np.int64)
            times.append((first[:, None] + np.arange(0, self.until - since, period)).ravel())
        found = np.concatenate(times)
        return found[found < self.until]

    def threshold(self, service: Service, now: int) -> int:
        """The threshold of background errors at an instant."""
        changes = self.thresholds[service]
        return changes[bisect_right(changes, now, key=_first) - 1][1]

    def highest(self, service: Service, since: Times, time: int) -> int | Times:
        """The highest threshold of background errors from some instants on, for a time."""
        changes = self.thresholds[service]
        if len(changes) == 1:
            return changes[0][1]
        highest = np.zeros_like(since)
        ends = [at for at, _ in changes[1:]] + [self.until]
        for (begin, threshold), end in zip(changes, ends, strict=True):
            met = (since < end) & (since + time >= begin)
            highest = np.where(met, np.maximum(highest, threshold), highest)
        return highest


def _first(entry: tuple[int, Any] | Pause) -> int:
    return entry[0]


def rehearse(cluster: Cluster, until: int) -> Foresight:
    """Run what is known to come, apart from requests, and take everything back.

    What is run are the very events, on the very objects; what they may change is put back afterwards, and what they
    write to logs is not kept.
    """
    sim = cluster.sim
    queue, now, sequence = sim.queue, sim.now, sim.sequence
    saved: list[tuple[Event, list[Callable[[Event], None]]]] = []
    replicas = [replica for service in cluster.services.values() for replica in service.replicas]
    paces = [(r, r.slow, r.paused_until, r.disturbed, r.pauses, r.paused) for r in replicas]
    services = [(service, service.error_threshold) for service in cluster.services.values()]
    foresight = Foresight(cluster, until)
    sim.queue = [entry for entry in queue if entry[3].__class__ not in (Call, DeadlineTimer)]
    heapify(sim.queue)
    cluster.recorder.muted = True
    try:
        while sim.queue and sim.queue[0][0] < foresight.until:
            at, _, _, event = heappop(sim.queue)
            rule = ahead(event)
            if rule is Ahead.BLOCKS:
                foresight.until = int(at)
            elif rule is Ahead.IDLES or rule is Ahead.OBSERVES:
                foresight.periodic.append((int(at), period_of(event)))
            else:
                foresight.single.append(int(at))
                saved.append((event, event.callbacks))
                sim._now = at
                sim.dispatch(event)
                _note(foresight, int(at), event)
    finally:
        cluster.recorder.muted = False
        sim.queue, sim._now, sim.sequence = queue, now, sequence
        for event, callbacks in reversed(saved):
            event.callbacks = callbacks
        for replica, slow, paused_until, disturbed, pauses, paused in paces:
            replica.slow, replica.paused_until, replica.disturbed = slow, paused_until, disturbed
            replica.pauses, replica.paused = pauses, paused
        for service, threshold in services:
            service.error_threshold = threshold
    for pace in foresight.paces.values():
        pace.settle(int(now))
    return foresight


def _note(foresight: Foresight, now: int, event: Event) -> None:
    """Take note of what a function has done to the replica or the service that it was called with."""
    function = getattr(event, "function", None)
    for touched in (getattr(function, "__self__", None), *getattr(event, "args", ())):
        if isinstance(touched, Replica):
            if touched.uid in foresight.paces:  # a pod may have been taken away before its slow spell is over
                foresight.paces[touched.uid].note(now, touched)
        elif isinstance(touched, Service):
            changes = foresight.thresholds[touched]
            if touched.error_threshold != changes[-1][1]:
                changes.append((now, touched.error_threshold))
            for replica in touched.replicas:
                foresight.paces[replica.uid].note(now, replica)
