"""Horizontal autoscaling: the number of a service's pods follows the CPU time they use.

Rules and figures are those of Kubernetes' HorizontalPodAutoscaler with its defaults. Utilisation is the CPU time that
the ready pods have used, by what the pod template requests for them; where it requests nothing, there is no
utilisation, and the number of pods stays what it is.

Fast-forward: events only. A cluster with an autoscaler is not computed at once.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND
from ..specs import AutoscaleSpec
from .lifecycle import Scaling

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
    from .service import Service

PERIOD = 15 * SECOND
"""Nanoseconds between two decisions; source: kube-controller-manager, --horizontal-pod-autoscaler-sync-period."""
TOLERANCE = 0.1
"""Deviation from the target that changes nothing; source: --horizontal-pod-autoscaler-tolerance."""
STABILISATION = 300 * SECOND
"""The highest recommendation of so long holds; source: HorizontalPodAutoscaler, behavior.scaleDown."""
SCALE_UP_PODS, SCALE_UP_FACTOR = 4, 2
"""So many pods more at a time, or times as many; source: HorizontalPodAutoscaler, behavior.scaleUp."""
LOOKS = 3
"""Readings of CPU time that a rate is taken over: half a minute (chosen; metrics-server's resolution is 15 s)."""
REPEAT = 20
"""Rounds after which an event that goes on is told again (chosen: five minutes)."""

PACE_S = 1.0
"""Seconds between two pods that it creates (chosen)."""


class Autoscaler(Event):
    """The autoscaler of one service; the event is its next round.

    Attributes:
        desired: pods that it wants.
        active: whether it could find out what the pods use (the condition ScalingActive).
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, spec: AutoscaleSpec) -> None:
        self.cluster = cluster
        self.service = service
        self.spec = spec
        self.desired = len(service.replicas)
        self.active = True
        self._silent = 0
        self._busy: deque[tuple[int, dict[tuple[int, int], int]]] = deque(maxlen=LOOKS)
        self._recommended: deque[tuple[int, int]] = deque()
        service.autoscaler = self
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._round]
        self.cluster.sim.push(self.cluster.sim.now + PERIOD, self)

    @property
    def current(self) -> int:
        """Pods that the deployment has, or is being brought to."""
        for operation in self.cluster.operations:
            if isinstance(operation, Scaling) and operation.service is self.service:
                return operation.replicas
        return len(self.service.replicas)

    def _round(self, _: Event) -> None:
        self._arm()
        current = self.desired = self.current
        usage = self._usage()
        without = next((replica for replica in self.service.replicas if replica.cpu_request is None), None)
        if without is not None:
            self._complain(without)
            return
        self.active, self._silent = True, 0
        if usage is None:
            return
        ratio = usage / self.spec.target
        proposed = current if abs(ratio - 1.0) <= TOLERANCE else ceil(len(self.service.ready) * ratio)
        self.desired = wanted = self._settled(proposed, current)
        if wanted != current:
            above = "above" if wanted > current else "below"
            reason = f"cpu resource utilization (percentage of request) {above} target"
            self._tell("Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {reason}")
            self.cluster.scale(self.service.name, wanted, pace_s=PACE_S)

    def _usage(self) -> float | None:
        """CPU time that the ready pods have used lately, by what they request; None: nothing is known of them."""
        now = self.cluster.sim.now
        used = requested = 0.0
        for replica in self.service.ready:
            pod = (replica.uid, replica.restarts)
            at, before = next(((at, busy[pod]) for at, busy in self._busy if pod in busy), (now, 0))
            if at < now and replica.cpu_request is not None:
                used += (replica.busy - before) / (now - at)
                requested += replica.cpu_request
        self._busy.append((now, {(r.uid, r.restarts): r.busy for r in self.service.ready}))
        return used / requested if requested else None

    def _settled(self, proposed: int, current: int) -> int:
        """The proposal within its bounds; fewer pods only if none of the last minutes wanted more."""
        now = self.cluster.sim.now
        self._recommended.append((now, proposed))
        while self._recommended[0][0] < now - STABILISATION:
            self._recommended.popleft()
        if proposed < current:
            proposed = min(current, max(wanted for _, wanted in self._recommended))
        at_once = max(current + SCALE_UP_PODS, current * SCALE_UP_FACTOR)
        return max(self.spec.minimum, min(proposed, at_once, self.spec.maximum))

    def _complain(self, replica: Replica) -> None:
        self.active = False
        if self._silent % REPEAT == 0:
            container = self.service.name.removesuffix("-service")
            missing = f"missing request for cpu in container {container} of Pod {replica.name}"
            self._tell("Warning", "FailedGetResourceMetric", f"failed to get cpu utilization: {missing}", replica)
        self._silent += 1

    def _tell(self, kind: str, reason: str, message: str, replica: Replica | None = None) -> None:
        text = f"horizontalpodautoscaler/{self.service.name}: {message}"
        self.cluster.record_event(self.service, replica or self.service.replicas[0], kind, reason, text)
