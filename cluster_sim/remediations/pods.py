"""Changes of pod templates and of what changes them by itself."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.crashes import OUT_OF_MEMORY
from ..engine.cron import LimitJob
from ..engine.service import Service
from ..specs import ProbeSpec
from .remediation import Remediation

RELAXED = ProbeSpec()
"""Kubernetes' defaults, answered beside the workers."""


def _probed(cluster: Cluster) -> list[Service]:
    return [service for service in cluster.services.values() if service.spec.liveness is not None]


def _relax(cluster: Cluster) -> None:
    for service in _probed(cluster):
        if service.liveness != RELAXED:
            service.liveness = RELAXED
            cluster.roll(service.name)


def _disable(cluster: Cluster) -> None:
    service = cluster.service("auth-service")
    service.liveness = None
    cluster.roll("auth-service")


def _restore_probe(cluster: Cluster) -> None:
    service = cluster.service("auth-service")
    service.liveness = service.spec.liveness
    cluster.roll("auth-service")


def _raise_limits(cluster: Cluster) -> None:
    for service in cluster.services.values():
        if service.spec.memory is not None and any(r.last_exit == OUT_OF_MEMORY for r in service.replicas):
            service.memory_limit_bytes = service.memory_limit_bytes * 3 // 2
            cluster.roll(service.name)


def _restore_limits(cluster: Cluster) -> None:
    for service in cluster.services.values():
        memory = service.spec.memory
        if memory is not None and service.memory_limit_bytes != memory.limit_bytes:
            service.memory_limit_bytes = memory.limit_bytes
            cluster.roll(service.name)


def _suspend(cluster: Cluster) -> None:
    for job in cluster.jobs:
        if isinstance(job, LimitJob):
            job.suspended = True


RELAX_PROBE = Remediation(
    name="relax_probe",
    team="platform-team",
    target="payment-service",
    duration_s=20,
    runbook="Sets liveness probes to /healthz, every 10 s, 1 s timeout, three failures, in every service that has "
    "others, with rolling restarts of those.",
    apply=_relax,
)
DISABLE_PROBE = Remediation(
    name="disable_liveness_probe",
    team="platform-team",
    target="auth-service",
    duration_s=10,
    runbook="Takes the liveness probe out of auth-service, with a rolling restart. A process that hangs is not "
    "restarted then.",
    apply=_disable,
)
RESTORE_PROBE = Remediation(
    name="restore_liveness_probe",
    team="platform-team",
    target="auth-service",
    duration_s=10,
    runbook="Puts the liveness probe of auth-service back as the manifests declare it, with a rolling restart.",
    apply=_restore_probe,
)
RAISE_MEMORY_LIMIT = Remediation(
    name="raise_memory_limit",
    team="platform-team",
    target="checkout-service",
    duration_s=15,
    runbook="Raises by half the memory limit of every service that has a container which was killed at its own, with "
    "rolling restarts of those.",
    apply=_raise_limits,
)
RESTORE_MEMORY_LIMIT = Remediation(
    name="restore_memory_limit",
    team="platform-team",
    target="inventory-service",
    duration_s=15,
    runbook="Sets memory limits to the declared ones, in every service that has others, with rolling restarts of "
    "those.",
    apply=_restore_limits,
)
SUSPEND_REBALANCER = Remediation(
    name="suspend_rebalancer_cronjob",
    team="platform-team",
    target="inventory-service",
    duration_s=10,
    runbook="Suspends the CronJobs that adjust resource limits; what they have set stays.",
    apply=_suspend,
)
