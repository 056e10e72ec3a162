"""Jobs that run by the clock and bring a workload to what they think is right.

Fast-forward: a suspended job does nothing; before a run of any other a stretch ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event

from .ahead import Ahead

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service


class LimitJob(Event):
    """A CronJob that patches the memory limit of a deployment, which rolls out where that changes anything.

    Attributes:
        user: the account it acts as, for the audit log.
        limit_bytes: what it thinks right.
        period: nanoseconds between two runs.
        suspended: whether it does not run.
        deleted: whether it is gone for good.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, user: str, limit_bytes: int, period: int) -> None:
        self.cluster = cluster
        self.service = service
        self.user = user
        self.limit_bytes = limit_bytes
        self.period = period
        self.suspended = self.deleted = False
        cluster.jobs.append(self)
        self._run(self)

    @property
    def ahead(self) -> Ahead:
        """A suspended job only sets itself again."""
        return Ahead.IDLES if self.suspended and not self.deleted else Ahead.BLOCKS

    def _arm(self) -> None:
        self.callbacks = [self._run]
        self.cluster.sim.push(self.cluster.sim.now + self.period, self)

    def delete(self) -> None:
        """Take it away."""
        self.suspended = self.deleted = True
        self.cluster.jobs.remove(self)

    def _run(self, _: Event) -> None:
        if self.deleted:
            return
        self._arm()
        if self.suspended:
            return
        name = self.service.name
        self.cluster.recorder.log(name, name, "audit", "patch", self.user, "deployments", name)
        if self.service.memory_limit_bytes != self.limit_bytes:
            self.service.memory_limit_bytes = self.limit_bytes
            self.cluster.roll(name)
