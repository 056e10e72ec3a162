"""The service graph that the trace collector derives: who called whom, and how often that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.failures import DENIALS, Failure
from ...engine.replica import SUM
from ...specs import USERS, Language
from ..identity import NAMESPACE
from .page import MetricSpec, Page, Target

if TYPE_CHECKING:
    from ...cluster import Cluster

REQUESTS = MetricSpec(
    name="traces_service_graph_request",
    help="Total count of requests between two nodes.",
    kind="counter",
)
FAILED = MetricSpec(
    name="traces_service_graph_request_failed",
    help="Total count of failed requests between two nodes.",
    kind="counter",
)

LOST = frozenset(
    {
        Failure.REFUSED,
        Failure.NO_ENDPOINT,
        Failure.BREAKER_OPEN,
        Failure.POOL_TIMEOUT,
        Failure.RESET,
        Failure.ADMIN_SHUTDOWN,
    }
)
"""Failures of calls that no server has counted as finished: they did not get there, or the server died."""


def write(page: Page, cluster: Cluster, services: frozenset[str]) -> None:
    """The calls that some services make or take.

    Requests are counted by the pod that finished them, so that the counter of one series is reset where that pod
    restarts; those that never reached a pod are in a series without one. Failures are counted as the client saw them.
    """
    target = Target(page, {"job": "tempo", "instance": "10.42.1.5:3200", "namespace": NAMESPACE})
    finished: dict[tuple[str, str, str], int] = {}
    failed: dict[tuple[str, str], int] = {}
    for edge in cluster.edges:
        if edge.client not in services and edge.server not in services:
            continue
        client = "user" if edge.client == USERS else edge.client
        lost = sum(count for failure, count in edge.failures.items() if failure in LOST)
        if lost:
            _count(finished, (client, edge.server, ""), lost)
        for replica in cluster.service(edge.server).replicas:
            if replica.alive:
                served = sum(replica.served[edge.slot][:SUM])
                served += sum(sum(h[:SUM]) for (slot, _), h in replica.failed.items() if slot == edge.slot)
                _count(finished, (client, edge.server, replica.name), served)
        errors = sum(count for failure, count in edge.failures.items() if failure not in DENIALS)
        failed[(client, edge.server)] = failed.get((client, edge.server), 0) + errors
    for (client, server, pod), count in sorted(finished.items()):
        labels = _labels(cluster, client, server)
        target.write(REQUESTS, count, {**labels, "server_k8s_pod_name": pod} if pod else labels)
    for (client, server), count in sorted(failed.items()):
        target.write(FAILED, count, _labels(cluster, client, server))
    target.close(up=True)


def _count(counts: dict[tuple[str, str, str], int], key: tuple[str, str, str], more: int) -> None:
    counts[key] = counts.get(key, 0) + more


def _labels(cluster: Cluster, client: str, server: str) -> dict[str, str]:
    labels = {"client": client, "server": server}
    if cluster.service(server).spec.language in (Language.POSTGRES, Language.REDIS):
        labels["connection_type"] = "database"
    return labels
