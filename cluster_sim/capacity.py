"""What a cluster has at its disposal now, and what that costs: cores and memory of pods, volumes, kernel tables.

It reads what runs, never what was ordered. Left out, because nothing that operators can do here changes it, or because
the model has no figure for it: the database's own volume and its standby, traffic between zones, logs, and the fees of
payment providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .cluster import Cluster
from .engine.replica import Replica
from .specs import Language

_GIB = 1 << 30
_MIB = 1 << 20

USD_PER_VCPU_HOUR = 0.04048
USD_PER_GIB_HOUR = 0.004445
"""Source: AWS Fargate, on demand, Linux/x86, us-east-1, list prices of March 2026: a pod pays for what it is given,
not for what it uses."""
USD_PER_VOLUME_GIB_MONTH = 0.08
"""Source: Amazon EBS gp3, us-east-1, list price of March 2026, billed by what is provisioned."""
HOURS_PER_MONTH = 730
"""Hours of a month that is billed by the month (8760 / 12)."""

WORKERS_PER_VCPU = 16
"""Workers of an application for which its container has one core, where it declares no request (chosen: they mostly
wait for others; checkout's 32 have two cores). No container has less than one."""
USUAL_MEMORY_BYTES: Mapping[Language, int] = MappingProxyType(
    {
        Language.JAVA: 640 * _MIB,
        Language.PYTHON: 448 * _MIB,
        Language.GO: 256 * _MIB,
        Language.POSTGRES: 16 * _GIB,
        Language.REDIS: 256 * _MIB,
    }
)
"""Memory of a container that declares no limit (chosen: as those that declare one have; of a database 4 GiB per core,
as of a general-purpose instance)."""
CONNECTION_ENTRY_BYTES = 320
"""Kernel memory of one tracked connection; source: the size of the slab `nf_conntrack` on x86-64, /proc/slabinfo."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a cluster has at its disposal.

    Attributes:
        vcpu: cores of all pods.
        memory_bytes: of all pods, and of the nodes' tables of connections.
        volume_bytes: of the stores' volumes.
        replicas: service → pods, whether they are ready or not.
    """

    vcpu: float
    memory_bytes: float
    volume_bytes: float
    replicas: Mapping[str, int]

    @property
    def usd_per_hour(self) -> float:
        """What that costs at the list prices above."""
        return (
            self.vcpu * USD_PER_VCPU_HOUR
            + self.memory_bytes / _GIB * USD_PER_GIB_HOUR
            + self.volume_bytes / _GIB * USD_PER_VOLUME_GIB_MONTH / HOURS_PER_MONTH
        )


def provisioned(cluster: Cluster) -> Capacity:
    """What a cluster has at its disposal now."""
    services = list(cluster.services.values())
    pods = [replica for service in services for replica in service.replicas]
    volumes = [service.keyspace.saves.volume_bytes for service in services if service.keyspace is not None]
    return Capacity(
        vcpu=sum(_cores(pod) for pod in pods),
        memory_bytes=sum(_memory_bytes(pod) for pod in pods)
        + CONNECTION_ENTRY_BYTES * sum(cluster.conntrack.limits.values()),
        volume_bytes=sum(volumes),
        replicas={service.name: len(service.replicas) for service in services},
    )


def _cores(pod: Replica) -> float:
    """Cores of a pod: its limit, else its request, else what a container of its service is sized for.

    Its template may have lost the request for a time: it does not take up less room for that.
    """
    spec = pod.service.spec
    if pod.quota is not None:
        return pod.quota.cores
    if pod.cpu_request is not None:
        return pod.cpu_request
    if spec.autoscale is not None:
        return spec.autoscale.cpu_request
    if spec.backends is not None or spec.cache is not None:  # whose workers are processes and threads that compute
        return pod.workers
    return max(1.0, spec.workers / WORKERS_PER_VCPU)


def _memory_bytes(pod: Replica) -> int:
    """Memory of a pod: its container's limit, else what is usual for its runtime."""
    keyspace = pod.service.keyspace
    if keyspace is not None:
        # A store may be told to use more than its container has, and then the kernel kills it: that is not more memory.
        return keyspace.memory_limit_bytes
    return pod.memory_limit_bytes or USUAL_MEMORY_BYTES[pod.service.spec.language]
