"""What kube-state-metrics and the kubelet expose of a service's workload and pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...clock import SECOND
from ...engine.lifecycle import Scaling
from ..identity import NAMESPACE
from .page import MetricSpec, Page, Target

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.replica import Replica
    from ...engine.service import Service

_DEPLOYMENT = "kube_deployment_"
_STATEFULSET = "kube_statefulset_"

SPEC_REPLICAS = MetricSpec(name=_DEPLOYMENT + "spec_replicas", help="Number of desired pods for a deployment.")
REPLICAS = MetricSpec(name=_DEPLOYMENT + "status_replicas", help="The number of replicas per deployment.")
READY = MetricSpec(name=_DEPLOYMENT + "status_replicas_ready", help="The number of ready replicas per deployment.")
AVAILABLE = MetricSpec(
    name=_DEPLOYMENT + "status_replicas_available",
    help="The number of available replicas per deployment.",
    detailed=False,
)
UNAVAILABLE = MetricSpec(
    name=_DEPLOYMENT + "status_replicas_unavailable",
    help="The number of unavailable replicas per deployment.",
    detailed=False,
)
GENERATION = MetricSpec(
    name=_DEPLOYMENT + "metadata_generation",
    help="Sequence number representing a specific generation of the desired state.",
)
STATEFULSET_SPEC = MetricSpec(name=_STATEFULSET + "replicas", help="Number of desired pods for a StatefulSet.")
STATEFULSET_REPLICAS = MetricSpec(name=_STATEFULSET + "status_replicas", help="The number of replicas per StatefulSet.")
STATEFULSET_READY = MetricSpec(
    name=_STATEFULSET + "status_replicas_ready", help="The number of ready replicas per StatefulSet."
)
STATEFULSET_GENERATION = MetricSpec(
    name=_STATEFULSET + "metadata_generation",
    help="Sequence number representing a specific generation of the desired state for the StatefulSet.",
)

POD_INFO = MetricSpec(name="kube_pod_info", help="Information about pod.", detailed=False)
POD_READY = MetricSpec(
    name="kube_pod_status_ready", help="Describes whether the pod is ready to serve requests.", states=True
)
POD_PHASE = MetricSpec(name="kube_pod_status_phase", help="The pods current phase.", detailed=False)
RESTARTS = MetricSpec(
    name="kube_pod_container_status_restarts", help="The number of container restarts per container.", kind="counter"
)
TERMINATED = MetricSpec(
    name="kube_pod_container_status_last_terminated_reason",
    help="Describes the last reason the container was in terminated state.",
)
LIMITS = MetricSpec(
    name="kube_pod_container_resource_limits", help="The number of requested limit resource by a container."
)

CONTAINER_CPU = MetricSpec(
    name="container_cpu_usage_seconds", help="Cumulative cpu time consumed in seconds.", kind="counter"
)
CONTAINER_MEMORY = MetricSpec(name="container_memory_working_set_bytes", help="Current working set in bytes.")
CONTAINER_LIMIT = MetricSpec(
    name="container_spec_memory_limit_bytes", help="Memory limit for the container.", detailed=False
)


def write(page: Page, cluster: Cluster, services: list[Service]) -> None:
    """Everything that the orchestrator exposes of some services."""
    state = Target(page, {"job": "kube-state-metrics", "instance": "10.42.1.3:8080", "namespace": NAMESPACE})
    for service in services:
        _workload(state, cluster, service)
        for replica in service.replicas:
            _pod(state, service, replica)
    state.close(up=True)
    nodes: dict[str, Target] = {}
    for service in services:
        for replica in service.replicas:
            kubelet = nodes.get(replica.node)
            if kubelet is None:
                address = f"192.168.0.{10 + int(replica.node.rpartition('-')[2])}:10250"
                labels = {"job": "kubelet", "instance": address, "namespace": NAMESPACE, "node": replica.node}
                kubelet = nodes[replica.node] = Target(page, {**labels, "metrics_path": "/metrics/cadvisor"})
            if replica.alive:
                _container(kubelet, service, replica)
    for node in sorted(nodes):
        nodes[node].close(up=True)


def _workload(target: Target, cluster: Cluster, service: Service) -> None:
    spec = service.spec
    wanted = wanted_replicas(cluster, service)
    ready = sum(replica.ready for replica in service.replicas)
    count = len(service.replicas)
    labels = {"service": service.name}
    if spec.keys is not None or spec.replicas == 1:  # pods with an identity of their own
        labels["statefulset"] = service.name
        target.write(STATEFULSET_SPEC, wanted, labels)
        target.write(STATEFULSET_REPLICAS, count, labels)
        target.write(STATEFULSET_READY, ready, labels)
        target.write(STATEFULSET_GENERATION, service.generation, labels)
        return
    labels["deployment"] = service.name
    target.write(SPEC_REPLICAS, wanted, labels)
    target.write(REPLICAS, count, labels)
    target.write(READY, ready, labels)
    target.write(AVAILABLE, ready, labels)
    target.write(UNAVAILABLE, max(wanted - ready, 0), labels)
    target.write(GENERATION, service.generation, labels)


def wanted_replicas(cluster: Cluster, service: Service) -> int:
    """The pods a service is to have: those it has, unless it is being scaled."""
    for operation in cluster.operations:
        if isinstance(operation, Scaling) and operation.service is service:
            return operation.replicas
    return len(service.replicas)


def _pod(target: Target, service: Service, replica: Replica) -> None:
    pod = {"service": service.name, "pod": replica.name}
    container = {**pod, "container": _container_name(service)}
    target.write(POD_INFO, 1, {**pod, "node": replica.node, "pod_ip": replica.ip})
    target.write_states(POD_READY, "condition", (("false", not replica.ready), ("true", replica.ready)), pod)
    target.write_states(POD_PHASE, "phase", (("Pending", 0), ("Running", 1)), pod)
    target.write(RESTARTS, replica.restarts, container)
    if replica.last_exit:
        target.write(TERMINATED, 1, {**container, "reason": replica.last_exit})
    if service.keyspace is not None:
        memory = {**container, "resource": "memory", "unit": "byte"}
        target.write(LIMITS, service.keyspace.memory_limit_bytes, memory)
    if service.backends is not None:
        target.write(LIMITS, replica.workers, {**container, "resource": "cpu", "unit": "core"})


def _container(target: Target, service: Service, replica: Replica) -> None:
    labels = {"service": service.name, "pod": replica.name, "container": _container_name(service)}
    target.write(CONTAINER_CPU, replica.busy / SECOND, labels)
    if service.keyspace is not None:
        target.write(CONTAINER_MEMORY, service.keyspace.used_bytes, labels)
        target.write(CONTAINER_LIMIT, service.keyspace.memory_limit_bytes, labels)


def _container_name(service: Service) -> str:
    return service.name.removesuffix("-service")
