"""What kube-state-metrics and the kubelet expose of a service's workload and pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simpy.events import Event

from ...clock import SECOND
from ...engine.lifecycle import Scaling
from ..identity import NAMESPACE
from .exporter import Grid, Key, Present, Reading
from .spec import Column, Labels, Layout, MetricSpec

if TYPE_CHECKING:
    from ...engine.link import Interface
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
EXIT_CODE = MetricSpec(
    name="kube_pod_container_status_last_terminated_exitcode",
    help="Describes the exit code for the last container in terminated state.",
)
WAITING = MetricSpec(
    name="kube_pod_container_status_waiting_reason",
    help="Describes the reason the container is currently in waiting state.",
)
LIMITS = MetricSpec(
    name="kube_pod_container_resource_limits", help="The number of requested limit resource by a container."
)

REQUESTS = MetricSpec(
    name="kube_pod_container_resource_requests", help="The number of requested request resource by a container."
)

_AUTOSCALER = "kube_horizontalpodautoscaler_"
AUTOSCALER_MIN = MetricSpec(
    name=_AUTOSCALER + "spec_min_replicas",
    help="Lower limit for the number of pods that can be set by the autoscaler, default 1.",
)
AUTOSCALER_MAX = MetricSpec(
    name=_AUTOSCALER + "spec_max_replicas",
    help="Upper limit for the number of pods that can be set by the autoscaler; cannot be smaller than MinReplicas.",
)
AUTOSCALER_CURRENT = MetricSpec(
    name=_AUTOSCALER + "status_current_replicas",
    help="Current number of replicas of pods managed by this autoscaler.",
)
AUTOSCALER_DESIRED = MetricSpec(
    name=_AUTOSCALER + "status_desired_replicas",
    help="Desired number of replicas of pods managed by this autoscaler.",
)
AUTOSCALER_CONDITION = MetricSpec(
    name=_AUTOSCALER + "status_condition", help="The condition of this autoscaler.", states=True
)

CONTAINER_CPU = MetricSpec(
    name="container_cpu_usage_seconds", help="Cumulative cpu time consumed in seconds.", kind="counter"
)
CPU_PERIODS = MetricSpec(
    name="container_cpu_cfs_periods", help="Number of elapsed enforcement period intervals.", kind="counter"
)
CPU_THROTTLED = MetricSpec(
    name="container_cpu_cfs_throttled_periods", help="Number of throttled period intervals.", kind="counter"
)
CONTAINER_MEMORY = MetricSpec(name="container_memory_working_set_bytes", help="Current working set in bytes.")
CONTAINER_LIMIT = MetricSpec(
    name="container_spec_memory_limit_bytes", help="Memory limit for the container.", detailed=False
)

RETRANSMITTED = MetricSpec(name="node_netstat_Tcp_RetransSegs", help="Statistic TcpRetransSegs.", kind="unknown")
RECEIVE_ERRORS = MetricSpec(
    name="node_network_receive_errs", help="Network device statistic receive_errs.", kind="counter"
)

DEPLOYMENT_SPECS = (SPEC_REPLICAS, REPLICAS, READY, AVAILABLE, UNAVAILABLE, GENERATION)
STATEFULSET_SPECS = (STATEFULSET_SPEC, STATEFULSET_REPLICAS, STATEFULSET_READY, STATEFULSET_GENERATION)


Pod = tuple[str, str, str, str, int, str, bool, bool]
"""What a pod's series depend on: name, address, node, how its last process ended and its code, why it waits, CPU
requested and limited or not."""


class StateExporter:
    """kube-state-metrics: what the orchestrator wants and has.

    Attributes:
        services: whose workloads and pods it shows.
        operations: the scalings under way are among these.
    """

    place = ("scrape-offset/kube-state-metrics", 0)
    grid: Grid = ("state", 0)

    def catch_up(self, present: Present) -> None:
        """It reads nothing that requests change."""

    def __init__(self, services: list[Service], operations: list[Event]) -> None:
        self.services = services
        self.operations = operations

    def gone(self) -> bool:
        """It always runs."""
        return False

    def labels(self, key: Key) -> Labels:
        """The labels of the target."""
        return {"job": "kube-state-metrics", "instance": "10.42.1.3:8080", "namespace": NAMESPACE}

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        layout = Layout()
        for service, pods in zip(self.services, cast(tuple[tuple[Pod, ...], ...], key), strict=True):
            stateful = _stateful(service)
            workload = {"service": service.name, "statefulset" if stateful else "deployment": service.name}
            for spec in STATEFULSET_SPECS if stateful else DEPLOYMENT_SPECS:
                layout.value(spec, workload)
            if service.autoscaler is not None:
                self._autoscaler(layout, service)
            for pod in pods:
                self._pod(layout, service, pod)
        return layout.columns

    def _autoscaler(self, layout: Layout, service: Service) -> None:
        labels = {"service": service.name, "horizontalpodautoscaler": service.name}
        for spec in (AUTOSCALER_MIN, AUTOSCALER_MAX, AUTOSCALER_CURRENT, AUTOSCALER_DESIRED):
            layout.value(spec, labels)
        active = {**labels, "condition": "ScalingActive"}
        layout.states(AUTOSCALER_CONDITION, "status", ("false", "true"), active)

    def _pod(self, layout: Layout, service: Service, pod: Pod) -> None:
        name, ip, node, last_exit, exit_code, waiting, requests_cpu, limits_cpu = pod
        labels = {"service": service.name, "pod": name}
        container = {**labels, "container": _container_name(service)}
        layout.constant(POD_INFO, {**labels, "node": node, "pod_ip": ip})
        layout.states(POD_READY, "condition", ("false", "true"), labels)
        layout.constant(POD_PHASE, {**labels, "phase": "Pending"}, 0)
        layout.constant(POD_PHASE, {**labels, "phase": "Running"})
        layout.value(RESTARTS, container)
        if last_exit:
            layout.constant(TERMINATED, {**container, "reason": last_exit})
        if exit_code and service.spec.memory is not None:  # of containers that are watched closely
            layout.constant(EXIT_CODE, container, exit_code)
        if waiting:
            layout.constant(WAITING, {**container, "reason": waiting})
        if service.keyspace is not None or service.spec.memory is not None:
            layout.value(LIMITS, {**container, "resource": "memory", "unit": "byte"})
        if service.backends is not None:
            layout.value(LIMITS, {**container, "resource": "cpu", "unit": "core"})
        if requests_cpu:
            layout.value(REQUESTS, {**container, "resource": "cpu", "unit": "core"})
        if limits_cpu:
            layout.value(LIMITS, {**container, "resource": "cpu", "unit": "core"})

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """The pods there are, by service, and the values."""
        key: list[tuple[Pod, ...]] = []
        values: list[float] = []
        scaled = {o.service: o.replicas for o in self.operations if isinstance(o, Scaling)}
        for service in self.services:
            replicas = service.replicas
            count = len(replicas)
            wanted = scaled.get(service, count)
            generation = service.generation
            ready = 0
            for replica in replicas:
                ready += replica.ready
            if _stateful(service):
                values += (wanted, count, ready, generation)
            else:
                values += (wanted, count, ready, ready, max(wanted - ready, 0), generation)
            scaler = service.autoscaler
            if scaler is not None:
                values += (scaler.spec.minimum, scaler.spec.maximum, count, scaler.desired)
                values += (not scaler.active, scaler.active)
            pods = []
            for replica in replicas:
                request, quota = replica.cpu_request, replica.quota
                past = (replica.last_exit, replica.exit_code, replica.waiting)
                known = (request is not None, quota is not None)
                pods.append((replica.name, replica.ip, replica.node, *past, *known))
                values += (not replica.ready, replica.ready, replica.restarts)
                if service.keyspace is not None:
                    values.append(service.keyspace.memory_limit_bytes)
                if service.spec.memory is not None:
                    values.append(service.memory_limit_bytes)
                if service.backends is not None:
                    values.append(replica.workers)
                if request is not None:
                    values.append(request)
                if quota is not None:
                    values.append(quota.cores)
            key.append(tuple(pods))
        return tuple(key), Reading([], values)


class NodeExporter:
    """The kubelet of a node: what the containers there use.

    Attributes:
        number: of the node, 1 first.
        services: whose containers it shows.
        interface: of the node's network, of which it tells once there have been errors.
    """

    def __init__(self, number: int, services: list[Service], interface: Interface) -> None:
        self.interface = interface
        self.name = f"node-{number}"
        self.number = number
        self.services = services
        self.place = ("scrape-offset/kubelet", number)
        self.grid: Grid = ("node", self.name)

    def catch_up(self, present: Present) -> None:
        """It reads the work of the pods on the node, and their memory."""
        for service in self.services:
            for replica in service.replicas:
                if replica.node == self.name:
                    present.work(replica)
                    if service.keyspace is not None:
                        present.keys(service)

    def gone(self) -> bool:
        """Nodes stay."""
        return False

    def labels(self, key: Key) -> Labels:
        """The labels of the target."""
        address = f"192.168.0.{10 + self.number}:10250"
        labels = {"job": "kubelet", "instance": address, "namespace": NAMESPACE, "node": self.name}
        return {**labels, "metrics_path": "/metrics/cadvisor"}

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        layout = Layout()
        worn, containers = cast("tuple[bool, tuple[tuple[Service, str, bool], ...]]", key)
        if worn:
            layout.value(RETRANSMITTED)
            layout.value(RECEIVE_ERRORS, {"device": "eth0"})
        for service, pod, limited in containers:
            labels = {"service": service.name, "pod": pod, "container": _container_name(service)}
            layout.value(CONTAINER_CPU, labels, divisor=SECOND)
            if limited:
                layout.value(CPU_PERIODS, labels)
                layout.value(CPU_THROTTLED, labels)
            if service.keyspace is not None or service.spec.memory is not None:
                layout.value(CONTAINER_MEMORY, labels)
                layout.value(CONTAINER_LIMIT, labels)
        return layout.columns

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """The containers that run here, and what they use."""
        key: list[tuple[Service, str, bool]] = []
        values: list[float] = []
        worn = self.interface.receive_errors > 0
        if worn:
            values += (self.interface.retransmitted, self.interface.receive_errors)
        for service in self.services:
            for replica in service.replicas:
                if replica.node == self.name and replica.alive:
                    quota = replica.quota
                    key.append((service, replica.name, quota is not None))
                    values.append(replica.busy)
                    if quota is not None:
                        values += quota.periods(now)
                    if service.keyspace is not None:
                        values += (service.keyspace.used_bytes, service.keyspace.memory_limit_bytes)
                    if service.spec.memory is not None:
                        values += (replica.resident_bytes, replica.memory_limit_bytes)
        return (worn, tuple(key)), Reading([], values)


def _stateful(service: Service) -> bool:
    """Whether its pods have an identity of their own."""
    return service.spec.keys is not None or service.spec.replicas == 1


def _container_name(service: Service) -> str:
    return service.name.removesuffix("-service")
