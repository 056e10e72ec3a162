"""What there is to scrape in a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...specs import Language
from .application import ApplicationExporter
from .exporter import Exporter
from .graph import GraphExporter
from .kubernetes import NodeExporter, StateExporter
from .postgres import PostgresExporter
from .redis import RedisExporter

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.replica import Replica
    from ...engine.service import Service


def of_cluster(cluster: Cluster, services: list[Service] | None = None) -> list[Exporter]:
    """The targets that are always there, telling of all services or of some."""
    told = list(cluster.services.values()) if services is None else services
    names = {service.name for service in told}
    edges = [edge for edge in cluster.edges if edge.client in names or edge.server in names]
    servers = [service for service in cluster.services.values() if any(e.server == service.name for e in edges)]
    return [
        StateExporter(told, cluster.operations),
        *(NodeExporter(number, told, nic) for number, nic in enumerate(cluster.interfaces.values(), 1)),
        GraphExporter(edges, servers),
    ]


def of_pod(cluster: Cluster, replica: Replica) -> Exporter:
    """The target in a pod."""
    service = replica.service
    edges = [edge for edge in cluster.edges if edge.server == service.name]
    match service.spec.language:
        case Language.POSTGRES:
            return PostgresExporter(replica, edges, list(cluster.services.values()))
        case Language.REDIS:
            return RedisExporter(replica, edges)
        case _:
            calls = [edge for edge in cluster.edges if edge.client == service.name]
            return ApplicationExporter(replica, edges, calls)


def everything(cluster: Cluster, services: list[Service] | None = None) -> list[Exporter]:
    """All targets that tell of some services (or all)."""
    told = list(cluster.services.values()) if services is None else services
    pods = [of_pod(cluster, replica) for service in told for replica in service.replicas]
    return [*pods, *of_cluster(cluster, services)]
