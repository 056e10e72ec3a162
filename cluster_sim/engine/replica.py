"""A replica (pod): its workers and queue, its connections, its keys, what it has measured."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING

from ..clock import SECOND
from .ahead import rehearsed
from .crashes import BackOff
from .edge import Breaker, Edge, NoBreaker
from .failures import Failure
from .quota import Quota
from .sidecar import Sidecar
from .state import State

if TYPE_CHECKING:
    from .call import Call
    from .heap import Heap
    from .jwks import KeySet
    from .keyring import KeyRing
    from .pool import ConnectionPool
    from .service import Service
    from .simulation import Simulation

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of latency histograms; source: OpenTelemetry semantic conventions, http.server.request.duration."""
BUCKETS = [round(bound * SECOND) for bound in BUCKETS_S]
SUM = len(BUCKETS) + 1
"""Index of the sum of a histogram (a list of counts per bucket, the last for +Inf, then the sum in nanoseconds)."""


def empty_histogram() -> list[int]:
    """Counts of no observation."""
    return [0] * (len(BUCKETS) + 2)


class SingleFlight(State):
    """Who fills which key, and who waits for it, within one replica."""

    def __init__(self) -> None:
        self.filling: dict[int, list[Call]] = {}
        self.leading: dict[Call, list[int]] = {}
        self.following: dict[Call, list[int]] = {}

    def lead(self, call: Call) -> list[int]:
        """Split a call's keys into those it fills itself, which are returned, and those it will wait for."""
        own = [key for key in dict.fromkeys(call.items) if key not in self.filling]
        self.following[call] = [key for key in call.items if key in self.filling]
        if own:
            self.leading[call] = own
            for key in own:
                self.filling[key] = []
        return own

    def settle(self, call: Call) -> list[Call]:
        """The fill of a call has ended, well or not; returns the calls that waited for it."""
        waiting: list[Call] = []
        for key in self.leading.pop(call, ()):
            waiting.extend(self.filling.pop(key))
        return waiting

    def follow(self, call: Call) -> bool:
        """Queue behind one fill that a call still needs; False if there is none left."""
        keys = self.following[call]
        while keys:
            followers = self.filling.get(keys.pop())
            if followers is not None:
                followers.append(call)
                return True
        del self.following[call]
        return False


class Replica(State):
    """One pod of a service.

    Attributes:
        uid: its number in the cluster, never used twice.
        ordinal: its place in the service, 0 first.
        free: workers free; the others are held.
        queue: calls that wait for a worker, first come first served.
        slow: factor on the time of all work done here.
        paused_until: the world is stopped until then (garbage collection).
        key_set: its copy of the published key set, if it looks keys up.
        disturbed: whether `slow`, `paused_until`, slow operations and externals, or what its release does matter
            just now.
        behaviour: what the release that runs here does.
        quota: of CPU time, where that is limited.
        heap: its memory, where that may run short.
        cpu_request: cores requested for it, where the pod template says so.
        memory_limit_bytes: of its container; 0: none.
        ready: whether the load balancer sends calls here.
        draining: it is about to be taken away.
        last_exit, exit_code: why and with which code the process before this one ended.
        waiting: why its container is not started; empty: it is, or about to be.
        back_off: how long its container would be kept waiting.
        probed_out: it is not ready because its readiness probe fails.
        alive: whether the process runs.
        failed_starts: how often in a row the process has ended before it was ready.
        sidecar: the exporter beside it, where it has one.
        busy: nanoseconds of work begun since it started.
        served: successful answers by edge slot, as histograms.
        failed: failed answers by (edge slot, failure), as histograms.
        validations: tokens checked, by (result, key id).
        outbound: questions to systems outside that are not as usual, by (system, status): how many, nanoseconds.
        revision: the configuration revision it has applied, at the instant `revision_at`.
    """

    def __init__(self, service: Service, uid: int, ordinal: int, name: str, ip: str, node: str) -> None:
        self.service = service
        self.uid = uid
        self.ordinal = ordinal
        self.name = name
        self.ip = ip
        self.node = node
        self.restarts = 0
        self.alive = False
        self.ready = False
        self.keys: KeyRing | None = None
        self.key_set: KeySet | None = None
        self.pools: dict[str, ConnectionPool] = {}
        self.revision = 0
        self.revision_at = 0
        self.last_exit = ""
        self.exit_code = 0
        self.waiting = ""
        self.back_off = BackOff()
        self.probed_out = False
        self.draining = False
        self.failed_starts = 0
        self.sidecar = Sidecar()
        self.begin(0)

    def begin(self, now: int) -> None:
        """The state of a process that has just started: nothing in hand, every counter at zero."""
        self.started = now
        self.workers = self.service.workers
        self.free = self.workers
        self.queue: deque[Call] = deque()
        self.slow = 1.0
        self.paused_until = 0
        self.behaviour = self.service.behaviour
        limit = self.behaviour.cpu_limit
        self.quota = Quota(limit) if limit is not None else None
        self.disturbed = self.service.uneven or self.behaviour.felt_at_work
        self.heap: Heap | None = None
        self.cpu_request = self.service.cpu_request
        self.memory_limit_bytes = self.service.memory_limit_bytes
        self.busy = 0
        self.paused = 0
        self.pauses = 0
        self.served = [empty_histogram() for _ in range(self.service.edge_count)]
        self.failed: dict[tuple[int, Failure], list[int]] = {}
        self.breakers: dict[int, Breaker] = {}
        self.validations: dict[tuple[str, str], int] = {}
        self.outbound: dict[tuple[str, int], list[int]] = {}
        self.flights: SingleFlight | None = SingleFlight() if self.service.single_flight else None

    @property
    def in_flight(self) -> int:
        """Calls being served or queued."""
        return self.workers - self.free + len(self.queue)

    @property
    def answered(self) -> int:
        """Calls it has answered well since it started."""
        return sum(sum(histogram[:SUM]) for histogram in self.served)

    @property
    def resident_bytes(self) -> int:
        """The memory of its process, where that is watched."""
        memory = self.service.spec.memory
        if memory is None:
            return 0
        growth = (memory.full_bytes - memory.start_bytes) * (1.0 - 0.5 ** (self.busy / SECOND / memory.half_work_s))
        leak = self.behaviour.leak_bytes
        return memory.start_bytes + int(growth) + (leak * self.answered if leak else 0)

    def set_slow(self, factor: float) -> None:
        """Make all work begun from now on take `factor` times as long."""
        self.slow = factor
        self.refresh_disturbed()

    def refresh_disturbed(self) -> None:
        """Look again whether anything keeps its work from taking its nominal time."""
        uneven = self.service.uneven or self.behaviour.felt_at_work
        self.disturbed = self.slow != 1.0 or self.paused_until > 0 or uneven

    @rehearsed
    def end_pause(self, sim: Simulation) -> None:
        """A pause is over, unless another one still goes on."""
        if self.paused_until <= sim.now:
            self.paused_until = 0
            self.refresh_disturbed()

    def stretched(self, delay: int, now: int, operation: str) -> int:
        """The time that work of `delay` for an operation takes if it begins now."""
        factor = self.slow * self.service.pace_of(operation, now)
        if factor != 1.0:
            delay = int(delay * factor)
        if self.quota is not None:
            takes = self.quota.take(delay, now)
            self.busy -= takes - delay  # threads that stand still use no CPU time
            delay = takes
        if self.paused_until > now:
            delay += self.paused_until - now
        return delay

    def count_failure(self, kind: tuple[int, Failure], duration: int) -> None:
        """A call was answered with a failure; `kind` is its edge's slot and the failure."""
        histogram = self.failed.setdefault(kind, empty_histogram())
        histogram[bisect_left(BUCKETS, duration)] += 1
        histogram[SUM] += duration

    def breaker(self, edge: Edge) -> Breaker:
        """This replica's breaker of a call that has one."""
        breaker = self.breakers.get(edge.index)
        if breaker is None:
            assert edge.breaker is not None
            kind = Breaker if self.behaviour.breakers else NoBreaker
            breaker = self.breakers[edge.index] = kind(edge.breaker)
        return breaker
