"""A tool that reads alerts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cluster_sim import Cluster, nanoseconds

from ..paging import pages, tickets
from .tool import Arguments, ServiceName, Tool

RESOLVED_FOR_S = 900.0
"""Seconds for which a resolved page is still listed (chosen)."""


class ListAlerts(Arguments):
    service: ServiceName | None = Field(default=None, description="also the open tickets of this service")


def list_alerts(cluster: Cluster, arguments: ListAlerts) -> dict[str, Any]:
    """The pages that fire, and those resolved in the last quarter of an hour; of one service also its open tickets."""
    answer: dict[str, Any] = {"pages": pages(cluster, cluster.now - nanoseconds(RESOLVED_FOR_S))}
    if arguments.service is not None:
        answer["tickets"] = tickets(cluster, arguments.service)
    return answer


LIST_ALERTS = Tool(name="list_alerts", arguments=ListAlerts, answer=list_alerts)
