"""What the node exporter exposes of a machine: its clock and its table of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...clock import SECOND, WINDOW
from ..identity import NAMESPACE
from .exporter import Grid, Key, Present, Reading
from .spec import Column, Labels, Layout, MetricSpec

if TYPE_CHECKING:
    from ...cluster import Cluster

TIME = MetricSpec(name="node_time_seconds", help="System time in seconds since epoch (1970).", detailed=False)
OFFSET = MetricSpec(
    name="node_timex_offset_seconds", help="Time offset in between local system and reference clock.", detailed=False
)
SYNCHRONISED = MetricSpec(
    name="node_timex_sync_status", help="Is clock synchronized to a reliable server (1 = yes, 0 = no).", detailed=False
)
ENTRIES = MetricSpec(
    name="node_nf_conntrack_entries",
    help="Number of currently allocated flow entries for connection tracking.",
    detailed=False,
)
ENTRIES_LIMIT = MetricSpec(
    name="node_nf_conntrack_entries_limit", help="Maximum size of connection tracking table.", detailed=False
)

WANDER_S = 0.0004
"""By how much a clock that chrony keeps true is off at most (chosen)."""


class MachineExporter:
    """The node exporter of a node.

    Attributes:
        number: of the node, 1 first.
    """

    def __init__(self, number: int, cluster: Cluster) -> None:
        self.name = f"node-{number}"
        self.number = number
        self.cluster = cluster
        self.place = ("scrape-offset/node-exporter", number)
        self.grid: Grid = ("machine", self.name)

    def catch_up(self, present: Present) -> None:
        """It reads nothing that requests change."""

    def gone(self) -> bool:
        """Nodes stay."""
        return False

    def labels(self, key: Key) -> Labels:
        """The labels of the target."""
        address = f"192.168.0.{10 + self.number}:9100"
        return {"job": "node-exporter", "instance": address, "namespace": NAMESPACE, "node": self.name}

    def columns(self, key: Key) -> list[Column]:
        """The series there are."""
        layout = Layout()
        layout.value(TIME, divisor=SECOND, since_epoch=True)
        layout.value(OFFSET)
        layout.value(SYNCHRONISED)
        layout.value(ENTRIES)
        layout.value(ENTRIES_LIMIT)
        return layout.columns

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """The values."""
        cluster = self.cluster
        ahead = cluster.clocks.offset(self.name, now)
        wander = WANDER_S * (2 * cluster.streams.uniform("clock", self.number, now // WINDOW) - 1)
        tables = cluster.conntrack
        return (), Reading(
            [],
            [
                now + ahead,
                ahead / SECOND + wander,
                self.name not in cluster.clocks.drifts,
                tables.entries(self.name, now),
                tables.limits[self.name],
            ],
        )
