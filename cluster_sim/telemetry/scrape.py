"""The simulated scrape: each target at its own offset in every interval, and then the evaluation of the rules."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from ..clock import MILLISECOND, WINDOW, nanoseconds
from ..engine.ahead import Ahead
from .golden import Golden, GoldenSignals
from .metrics.exporter import Exporter, Key, Reading
from .metrics.spec import BOUNDS
from .metrics.targets import of_cluster, of_pod

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..engine.service import Service

KEPT = 1_000
"""Scrapes of a target that are kept at least (chosen: four hours and more)."""
_TRIMMED = 200

_MARGIN_MS = 50
"""Free of scrapes at both ends of the interval, so that the rules are evaluated between them (chosen)."""


class Block:
    """Consecutive scrapes of a target that found the same series.

    Attributes:
        key: what the series follow from.
        up: whether the target answered; if not, there are no values.
        times: instants in nanoseconds.
        counts: per scrape, the counts of all histograms.
        values: per scrape, the sums of the histograms and all other values.
        histograms, width: how many histograms and values there are per scrape.
    """

    __slots__ = ("counts", "histograms", "key", "times", "up", "values", "width")

    def __init__(self, key: Key, first: Reading | None) -> None:
        self.key = key
        self.up = first is not None
        self.times = array("q")
        self.counts = array("I")
        self.values = array("d")
        self.histograms = len(first.counts) // len(BOUNDS) if first is not None else 0
        self.width = len(first.values) if first is not None else 0

    def drop(self, scrapes: int) -> None:
        """Forget the first scrapes."""
        del self.times[:scrapes]
        del self.counts[: scrapes * self.histograms * len(BOUNDS)]
        del self.values[: scrapes * self.width]


class Target(Event):
    """A target of the scrape and what was found there; the event is its next scrape.

    Attributes:
        period: nanoseconds between two scrapes.
        blocks: oldest first; the last one is being written.
        ended: the instant from which on it is no target any more; 0 while it is.
    """

    _ok = True
    _value = None
    _defused = True
    ahead = Ahead.OBSERVES

    def __init__(self, scraper: Scraper, exporter: Exporter) -> None:
        self.scraper = scraper
        self.exporter = exporter
        self.period = scraper.interval
        self.blocks: list[Block] = []
        self.ended: int = 0
        interval = scraper.interval
        offset = scraper.offset(*exporter.place)
        now = scraper.cluster.sim.now
        first = now // interval * interval + offset
        self._wake: list[Callable[[Any], None]] = [self._scrape]
        self._arm(first if first > now else first + interval)

    def _arm(self, at: int) -> None:
        self.callbacks = self._wake
        self.scraper.cluster.sim.push(at, self)

    def _scrape(self, _: Event) -> None:
        scraper = self.scraper
        if scraper.stopped:
            return
        now = scraper.cluster.sim.now
        exporter = self.exporter
        if exporter.gone():
            scraper.end(self)
            return
        key, reading = exporter.look(now)
        blocks = self.blocks
        block = blocks[-1] if blocks else None
        if block is None or block.key != key or block.up is (reading is None):
            block = self._begin(Block(key, reading))
        block.times.append(now)
        if reading is not None:
            counts, values = reading
            block.counts.extend(counts)
            block.values.extend(values)
        if len(blocks[0].times) >= KEPT + _TRIMMED:
            blocks[0].drop(_TRIMMED)
        self._arm(now + self.period)

    def block_at(self, at: int) -> Block | None:
        """The block of the last scrape until an instant."""
        for block in reversed(self.blocks):
            if block.times[0] <= at:
                return block
        return None

    def _begin(self, block: Block) -> Block:
        self.blocks.append(block)
        self.scraper.note_change()
        while len(self.blocks) > 1 and sum(len(other.times) for other in self.blocks[1:]) > KEPT:
            del self.blocks[0]
        return block


class Scraper(Event):
    """The scrapes of one cluster; the event is the next evaluation of the rules, when new pods are discovered as well.

    Attributes:
        interval: nanoseconds between two scrapes of a target.
        targets: present and former ones, in the order in which they were discovered.
        pods: number of a pod → its target.
        generation: grows whenever series may have appeared or a target has ended.
    """

    _ok = True
    _value = None
    _defused = True
    ahead = Ahead.OBSERVES
    period = WINDOW

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.interval = nanoseconds(cluster.spec.scrape.interval_s)
        self.generation = 0
        self.stopped = False
        self._due: list[int] = []
        self.pods: dict[int, Target] = {}
        self.targets = [Target(self, exporter) for exporter in of_cluster(cluster)]
        self._golden = GoldenSignals(self)
        self._discover()
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._tick]
        self.cluster.sim.push((self.cluster.sim.now // WINDOW + 1) * WINDOW, self)

    def _tick(self, _: Event) -> None:
        if self.stopped:
            return
        self._discover()
        self._due.append(self.cluster.sim.now)
        self._arm()

    def evaluate(self) -> None:
        """Evaluate the rules for every instant at which they are due, on what had been scraped by then.

        Nothing in the simulation depends on them, so that is put off until a run is over: many at once cost little more
        than one.
        """
        if self._due:
            self.cluster.alerts.evaluate_all(self._due)
            self._due = []

    def note_change(self) -> None:
        """Series may have appeared, or a target has ended."""
        self.generation += 1

    def _discover(self) -> None:
        for service in self.cluster.services.values():
            for replica in service.replicas:
                if replica.uid not in self.pods:
                    self.pods[replica.uid] = target = Target(self, of_pod(self.cluster, replica))
                    self.targets.append(target)

    def offset(self, stream: str, number: int) -> int:
        """Nanoseconds into the interval at which a target is scraped; whole milliseconds."""
        if not self.cluster.spec.scrape.jitter:
            return 0
        spread = self.interval // MILLISECOND - 2 * _MARGIN_MS
        return (_MARGIN_MS + self.cluster.streams.bits(stream, number) % spread) * MILLISECOND

    def stop(self) -> None:
        """Scrape no more; what runs on is a copy of the cluster that nobody is going to look at."""
        self.stopped = True

    def end(self, target: Target) -> None:
        """A target is gone; its series stay until they are too old."""
        target.ended = self.cluster.sim.now
        self.note_change()
        self.pods = {uid: other for uid, other in self.pods.items() if other is not target}
        oldest = self.cluster.sim.now - KEPT * self.interval
        self.targets = [other for other in self.targets if not other.ended or other.ended >= oldest]

    def of_service(self, service: Service) -> Iterator[Target]:
        """The targets in the pods of a service."""
        for replica in service.replicas:
            target = self.pods.get(replica.uid)
            if target is not None:
                yield target

    def golden(self, service: str) -> Golden:
        """The golden signals of a service as of the last evaluation of the rules."""
        return self._golden.of(self.cluster.service(service))
