"""What is scraped: something with an address that exposes series and their values now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...engine.failures import Failure
from ...engine.replica import SUM
from ..identity import NAMESPACE
from .spec import Column, Labels, Layout

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.replica import Replica
    from ...engine.service import Service

Failures = tuple[tuple[int, Failure], ...]
"""The kinds of failures a pod has had, as (slot, failure), in the order of their first occurrence."""

Grid = tuple[str, int | str]
"""Whose figures a target shows, and thereby at which instants of a stretch they are looked at."""

Key = tuple[object, ...]
"""All that decides which series a target has, apart from the target itself."""

TARGET_LABELS = frozenset({"job", "instance", "namespace", "pod", "container", "service", "node"})
"""The labels that a scrape gives to every series of a target."""


NODE, RESTARTS, FAILURES = range(3)
"""What the key of a pod begins with."""


class Reading(NamedTuple):
    """The raw values of one scrape.

    Attributes:
        counts: observations per bucket of each histogram, not cumulative, the last for +Inf.
        values: the sums of these histograms in nanoseconds, then everything else.
    """

    counts: list[int]
    values: list[float]


class Exporter(Protocol):
    """A target of the scrape.

    It tells what it has in two steps, so that a scrape copies numbers and nothing else: `look` gives values with a
    key, and `columns` says, for a key, which series they are.
    """

    place: tuple[str, int]
    """Names the target for its scrape offset: a stream and a number."""

    grid: Grid
    """Whose figures it reads: those of a pod (by its number) or of a node (by name), or the graph of all services."""

    def catch_up(self, present: Present) -> None:
        """Bring what it reads up to now, where requests are computed a stretch at a time."""
        ...

    def gone(self) -> bool:
        """Whether it is no target any more."""
        ...

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """What labels and columns depend on (another key means other series), and the values: none if it is down."""
        ...

    def labels(self, key: Key) -> Labels:
        """The labels of the target."""
        ...

    def columns(self, key: Key) -> Sequence[Column]:
        """The series of a target that answers, in the order of what is read."""
        ...


class Present(Protocol):
    """Brings figures up to now."""

    def pod(self, replica: Replica) -> None:
        """All that a pod counts."""
        ...

    def work(self, replica: Replica) -> None:
        """The time it has worked."""
        ...

    def answers(self, replica: Replica) -> None:
        """Its histograms of answers."""
        ...

    def connections(self, replica: Replica) -> None:
        """The use of its connections."""
        ...

    def keys(self, service: Service) -> None:
        """The content of a store."""
        ...


class PodExporter:
    """An exporter of one pod: its request histograms come first, and its keys begin with node, restarts, failures.

    Attributes:
        edges: the calls that the pod serves, by slot.
    """

    job: str
    port: int
    container: str

    def __init__(self, replica: Replica, edges: list[Edge]) -> None:
        self.replica = replica
        self.edges = edges
        self.place = ("scrape-offset/pod", replica.uid)
        self.grid: Grid = ("pod", replica.uid)

    def catch_up(self, present: Present) -> None:
        """It reads what the pod counts."""
        present.pod(self.replica)

    def gone(self) -> bool:
        """Whether the pod was removed."""
        return self.replica not in self.replica.service.replicas

    def labels(self, key: Key) -> Labels:
        """The labels of the target; a pod may move to another node."""
        replica = self.replica
        return {
            "job": self.job,
            "instance": f"{replica.ip}:{self.port}",
            "namespace": NAMESPACE,
            "pod": replica.name,
            "container": self.container,
            "service": replica.service.name,
            "node": str(key[NODE]),
        }

    def histograms(self) -> Reading:
        """The pod's histograms: successful answers by slot, then failures in the order of their first occurrence."""
        counts: list[int] = []
        values: list[float] = []
        for histogram in self.replica.served:
            counts += histogram[:SUM]
            values.append(histogram[SUM])
        for histogram in self.replica.failed.values():
            counts += histogram[:SUM]
            values.append(histogram[SUM])
        # What the golden signals need of every pod.
        replica = self.replica
        values += (replica.busy, replica.in_flight)
        return Reading(counts, values)


def pod_layout(served: int, failures: Failures) -> Layout:
    """A layout that begins with a pod's histograms and what the golden signals need."""
    layout = Layout(served + len(failures))
    layout.hidden(GOLDEN_VALUES)
    return layout


BUSY, IN_FLIGHT = range(2)
GOLDEN_VALUES = 2
"""Where a pod's nanoseconds of work and its requests in flight are after its sums."""


def listening(replica: Replica) -> bool:
    """Whether a pod's process answers at all: one that has yet to become ready for the first time does not."""
    return replica.alive and (replica.ready or replica.busy > 0)
