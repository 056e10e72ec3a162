"""Health checks: probes that take a replica out of the balancing, or restart it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import nanoseconds
from ..specs import ProbeSpec
from . import lifecycle
from .ahead import Ahead

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
    from .service import Service


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
    def spec(self) -> ProbeSpec:
        """The probe as the pod template has it now."""
        spec = self.service.liveness if self.liveness else self.service.readiness
        assert spec is not None
        return spec

    @property
    def period(self) -> int:
        """Nanoseconds between two rounds."""
        return nanoseconds(self.spec.period_s)

    @property
    def timeout(self) -> int:
        """Nanoseconds after which an answer comes too late."""
        return nanoseconds(self.spec.timeout_s)

    def _arm(self) -> None:
        self.callbacks = [self._round]
        self.cluster.sim.push(self.cluster.sim.now + self.period, self)

    @property
    def ahead(self) -> Ahead:
        """A probe that is answered beside the workers fails for a long pause only, which ends a stretch as well."""
        failing = self.failures or any(replica.probed_out for replica in self.service.replicas)
        return Ahead.BLOCKS if failing or self.spec.needs_worker else Ahead.IDLES

    def _round(self, _: Event) -> None:
        self._arm()
        for replica in list(self.service.replicas):
            if not (replica.disturbed or replica.probed_out or self.failures or self.spec.needs_worker):
                continue  # nothing could keep it from answering
            if not replica.alive or not (replica.ready or replica.probed_out):
                self.failures.pop(replica.uid, None)
            elif self.response_time(replica) <= self.timeout:
                self._succeeded(replica)
            else:
                self._failed(replica)

    def response_time(self, replica: Replica) -> int:
        """Nanoseconds a probe sent now would wait: for a stopped world, and for a worker where it needs one."""
        now = self.cluster.sim.now
        wait = max(replica.paused_until - now, 0)
        if self.spec.needs_worker and not replica.free and replica.queue:
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
        if failed < self.spec.failure_threshold:
            return
        kind = "Liveness" if self.liveness else "Readiness"
        url = f"http://{replica.ip}:{self.service.spec.port}/healthz"
        message = f'{kind} probe failed: Get "{url}": context deadline exceeded'
        self.cluster.record_event(self.service, replica, "Warning", "Unhealthy", message)
        if self.liveness:
            self.failures.pop(replica.uid)
            lifecycle.restart(self.cluster, replica, "Error")
        elif replica.ready:
            replica.ready = False
            replica.probed_out = True
            self.service.refresh_ready()
