"""Changes of pod templates and of what changes them by itself."""

from __future__ import annotations

from ..cluster import Cluster
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


def _raise_limit(cluster: Cluster) -> None:
    service = cluster.service("checkout-service")
    service.memory_limit_bytes = service.memory_limit_bytes * 3 // 2
    cluster.roll("checkout-service")


def _restore_limit(cluster: Cluster) -> None:
    service = cluster.service("inventory-service")
    service.memory_limit_bytes = service.spec.memory.limit_bytes if service.spec.memory else 0
    cluster.roll("inventory-service")


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
    runbook="Raises the memory limit of checkout-service's containers by half, with a rolling restart.",
    apply=_raise_limit,
)
RESTORE_MEMORY_LIMIT = Remediation(
    name="restore_memory_limit",
    team="platform-team",
    target="inventory-service",
    duration_s=15,
    runbook="Sets the memory limit of inventory-service's containers to the declared one, with a rolling restart.",
    apply=_restore_limit,
)
SUSPEND_REBALANCER = Remediation(
    name="suspend_rebalancer_cronjob",
    team="platform-team",
    target="inventory-service",
    duration_s=10,
    runbook="Suspends the CronJobs that adjust resource limits; what they have set stays.",
    apply=_suspend,
)
