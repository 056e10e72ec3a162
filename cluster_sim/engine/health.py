"""Health checks: probes that take a replica out of the balancing, or restart it."""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND, nanoseconds
from ..specs import ProbeSpec
from . import lifecycle
from .ahead import Ahead
from .crashes import ERROR

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
    from .service import Service


CHECK_SIGMA = 0.8
"""Shape of the lognormal law of the time that a look at all dependencies takes (chosen: now and then several times the
mean, as the slowest of them is)."""
_NORMAL = NormalDist()
_OFF = ProbeSpec()
"""The rhythm of a probe that is switched off; it asks nothing."""


class Probe(Event):
    """One kind of probe of all replicas of a service; the event is the next round.

    Attributes:
        liveness: whether failure restarts the replica; otherwise it gets no calls until a probe succeeds.
        failures: replica number → probes failed in a row.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, *, liveness: bool) -> None:
        self.cluster = cluster
        self.service = service
        self.liveness = liveness
        self.failures: dict[int, int] = {}
        self._arm()

    @property
    def spec(self) -> ProbeSpec | None:
        """The probe as the pod template has it now; None: it is switched off."""
        return self.service.liveness if self.liveness else self.service.readiness

    @property
    def period(self) -> int:
        """Nanoseconds between two rounds."""
        return nanoseconds((self.spec or _OFF).period_s)

    @property
    def timeout(self) -> int:
        """Nanoseconds after which an answer comes too late."""
        return nanoseconds((self.spec or _OFF).timeout_s)

    def _arm(self) -> None:
        self.callbacks = [self._round]
        self.cluster.sim.push(self.cluster.sim.now + self.period, self)

    @property
    def ahead(self) -> Ahead:
        """A probe that is answered beside the workers fails for a long pause only, which ends a stretch as well."""
        failing = self.failures or any(replica.probed_out for replica in self.service.replicas)
        return Ahead.BLOCKS if failing or self._takes_time else Ahead.IDLES

    @property
    def _takes_time(self) -> bool:
        """Whether an answer takes time even where nothing is wrong."""
        spec = self.spec
        return spec is not None and (spec.needs_worker or spec.check_s > 0)

    def _round(self, _: Event) -> None:
        self._arm()
        if self.spec is None:
            self.failures.clear()
            return
        takes_time = self._takes_time
        for replica in list(self.service.replicas):
            if not (replica.disturbed or replica.probed_out or self.failures or takes_time):
                continue  # nothing could keep it from answering
            if not replica.alive or not (replica.ready or replica.probed_out):
                self.failures.pop(replica.uid, None)
            elif self.response_time(replica) <= self.timeout:
                self._succeeded(replica)
            else:
                self._failed(replica)

    def response_time(self, replica: Replica) -> int:
        """Nanoseconds a probe sent now would take: a stopped world, a worker where it needs one, and its own work."""
        now = self.cluster.sim.now
        spec = self.spec or _OFF
        wait = max(replica.paused_until - now, 0)
        if spec.check_s:
            draw = self.cluster.streams.uniform("probe", replica.uid, self.liveness, now)
            spread = exp(CHECK_SIGMA * _NORMAL.inv_cdf(max(draw, 1e-9)) - CHECK_SIGMA**2 / 2)
            wait += int(spec.check_s * SECOND * spread * replica.slow)
        if spec.needs_worker and not replica.free and replica.queue:
            # In a FIFO queue a newcomer waits about as long as the one at its head has.
            wait += now - replica.queue[0].start
        return wait

    def _succeeded(self, replica: Replica) -> None:
        self.failures.pop(replica.uid, None)
        if not self.liveness and replica.probed_out:
            replica.probed_out = False
            replica.ready = True
            self.service.refresh_ready()

    def _failed(self, replica: Replica) -> None:
        failed = self.failures[replica.uid] = self.failures.get(replica.uid, 0) + 1
        spec = self.spec or _OFF
        if failed < spec.failure_threshold:
            return
        kind = "Liveness" if self.liveness else "Readiness"
        url = f"http://{replica.ip}:{self.service.spec.port}{spec.path}"
        message = f'{kind} probe failed: Get "{url}": context deadline exceeded'
        self.cluster.record_event(self.service, replica, "Warning", "Unhealthy", message)
        if self.liveness:
            self.failures.pop(replica.uid)
            lifecycle.restart(self.cluster, replica, ERROR)
        elif replica.ready:
            replica.ready = False
            replica.probed_out = True
            self.service.refresh_ready()
