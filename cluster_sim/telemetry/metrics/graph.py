"""The service graph that the trace collector derives: who called whom, and how often that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...engine.failures import DENIALS, Failure
from ...engine.replica import SUM
from ...specs import USERS, Language
from ..identity import NAMESPACE
from .exporter import Grid, Key, Present, Reading
from .spec import Column, Labels, Layout, MetricSpec

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.replica import Replica
    from ...engine.service import Service

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
        Failure.IDLE_IN_TRANSACTION,
    }
)
"""Failures of calls that no server has counted as finished: they did not get there, or the server died."""


class GraphExporter:
    """The trace collector's metrics generator: the calls that some services make or take.

    Requests are counted by the pod that finished them, so that the counter of one series is reset where that pod
    restarts; those that never reached a pod are in a series without one. Failures are counted as the client saw them.

    Attributes:
        pairs: (client, server) → the calls between them.
    """

    place = ("scrape-offset/tempo", 0)
    grid: Grid = ("graph", 0)

    def __init__(self, edges: list[Edge], services: list[Service]) -> None:
        self.servers = {service.name: service for service in services}
        self.pairs: dict[tuple[str, str], list[Edge]] = {}
        for edge in edges:
            self.pairs.setdefault((edge.client, edge.server), []).append(edge)

    def gone(self) -> bool:
        """It always runs."""
        return False

    def labels(self, key: Key) -> Labels:
        """The labels of the target."""
        return {"job": "tempo", "instance": "10.42.1.5:3200", "namespace": NAMESPACE}

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        servers, lost = cast(tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[tuple[str, str], ...]], key)
        pods = dict(servers)
        layout = Layout()
        for client, server in self.pairs:
            labels = self._labels(client, server)
            layout.value(FAILED, labels)
            if (client, server) in lost:
                layout.value(REQUESTS, labels)
            for pod in pods[server]:
                layout.value(REQUESTS, {**labels, "server_k8s_pod_name": pod})
        return layout.columns

    def _labels(self, client: str, server: str) -> dict[str, str]:
        labels = {"client": "user" if client == USERS else client, "server": server}
        if self.servers[server].spec.language in (Language.POSTGRES, Language.REDIS):
            labels["connection_type"] = "database"
        return labels

    def catch_up(self, present: Present) -> None:
        """It reads the answers of all pods."""
        for service in self.servers.values():
            for replica in service.replicas:
                present.answers(replica)

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """By server the pods that run, and the pairs between which calls got lost; and the values."""
        pods = {name: [r for r in service.replicas if r.alive] for name, service in self.servers.items()}
        failed = {r: _failed_by_slot(r) for running in pods.values() for r in running if r.failed}
        some_lost: list[tuple[str, str]] = []
        values: list[float] = []
        for pair, edges in self.pairs.items():
            errors = lost = 0
            for edge in edges:
                for failure, count in edge.failures.items():
                    if failure not in DENIALS:
                        errors += count
                    if failure in LOST:
                        lost += count
            values.append(errors)
            if lost:
                some_lost.append(pair)
                values.append(lost)
            for replica in pods[pair[1]]:
                finished = 0
                for edge in edges:
                    histogram = replica.served[edge.slot]
                    finished += sum(histogram) - histogram[SUM]
                if replica in failed:
                    by_slot = failed[replica]
                    for edge in edges:
                        finished += by_slot.get(edge.slot, 0)
                values.append(finished)
        names = tuple([(name, tuple([replica.name for replica in running])) for name, running in pods.items()])
        return (names, tuple(some_lost)), Reading([], values)


def _failed_by_slot(replica: Replica) -> dict[int, int]:
    counts: dict[int, int] = {}
    for (slot, _), histogram in replica.failed.items():
        counts[slot] = counts.get(slot, 0) + sum(histogram) - histogram[SUM]
    return counts
