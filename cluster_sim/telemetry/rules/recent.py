"""The last scrapes of all targets, side by side: what rules are evaluated on."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import lt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...clock import WINDOW
from .feed import SIZE, Feed, Getter, Row
from .growth import Growth, Scales, measure, scales
from .region import ABSENT, Region, Sums
from .step import Labels
from .want import Place, Want, Wants

if TYPE_CHECKING:
    from ..scrape import Scraper, Target

_MOST_DEAD = 8
"""Regions of targets that are gone, with which everything is put together anew (chosen)."""

_NO_COUNTS = array("I", [0] * SIZE)


class Source(NamedTuple):
    """Where the newest values of a target are copied from; what is not copied fills the rest of its region.

    Attributes:
        times, values, counts: of the block that is being written.
        row, width: how many values and counts a scrape has; no counts where nothing looks at them.
        gauges, counters: take what is copied, counted from the end of a row.
    """

    times: array[int]
    values: array[float]
    row: int
    gauges: Getter | None
    other_gauges: list[float | None]
    counters: Getter | None
    other_counters: list[float]
    counts: array[int]
    width: int


class Recent:
    """The last scrapes of a cluster as of the present evaluation.

    Attributes:
        depth: scrapes that are kept.
        now: the present evaluation.
        version: grows whenever a target has other series.
        gauges: by slot; None where the series is not there.
        counters: per evaluation, the newest first, values by slot as recorded; NaN where the series is not there.
        histograms: likewise a line of cumulative buckets per slot; zeros where the series is not there.
    """

    def __init__(self, scraper: Scraper) -> None:
        self.scraper = scraper
        self.phase = 0 if scraper.cluster.spec.scrape.jitter else 1
        self.depth = 1
        self.now = -WINDOW
        self.version = 0
        self._wants = Wants(())
        self._changed: dict[Want, int] = {}
        self._moved = 0
        self._clear()

    def look_for(self, wants: Iterable[Want], longest: int) -> None:
        """What to keep of the scrapes, and for how long a span at most."""
        self._wants = Wants(wants)
        self.depth = max(self.scrapes_within(longest), 1)
        self._clear()

    def scrapes_within(self, span: int) -> int:
        """How many scrapes of a target a span has in it, both ends included: with jitter, none falls on an end."""
        return span // WINDOW + self.phase

    def _clear(self) -> None:
        """Forget everything."""
        self._feeds: dict[Target, Feed] = {}
        self._regions: dict[Target, Region] = {}
        self._sources: list[Source] = []
        self._sums = Sums()
        self._end = dict.fromkeys(Place, 0)
        self._dead = 0
        self._incomplete = True
        self._counted = 0
        self._growth: dict[int, Growth] = {}
        self._scales: dict[int, Scales] = {}
        self._absent: list[int] | None = None
        self.gauges: list[float | None] = []
        self.counters: list[list[float]] = [[] for _ in range(self.depth)]
        self.histograms: list[Row] = [np.empty((0, SIZE))] * self.depth

    # ------------------------------------------------------------ going on

    def advance(self, now: int) -> None:
        """Take in what was scraped since the evaluation before."""
        if now - self.now != WINDOW or self._dead > _MOST_DEAD:
            self._clear()
        self.now = now
        self._growth = {}
        self._copy()
        if self._incomplete or any(now - WINDOW < at <= now for at in self.scraper.changes):
            self._follow()

    def _copy(self) -> None:
        """The newest scrape of every target that still has the series it had."""
        gauges: list[float | None] = []
        numbers: list[float] = []
        counts = array("I")
        now = self.now
        for (
            times,
            values,
            row,
            get_gauges,
            other_gauges,
            get_counters,
            other_counters,
            recorded,
            width,
        ) in self._sources:
            if times and times[-1] > now:  # there are newer scrapes than that which is looked for
                newer = len(times) - bisect_right(times, now)
                values = values[-(newer + 1) * row : -newer * row]
                recorded = recorded[-(newer + 1) * width : -newer * width] if width else recorded
            if get_gauges is not None:
                gauges += get_gauges(values)
            gauges += other_gauges
            if get_counters is not None:
                numbers += get_counters(values)
            numbers += other_counters
            if width:
                counts += recorded[-width:]
        self.gauges = gauges
        del self.counters[-1], self.histograms[-1]
        self.counters.insert(0, numbers)
        counts += _NO_COUNTS
        buckets = np.frombuffer(counts, dtype=np.uint32).reshape(-1, SIZE).cumsum(axis=1, dtype=np.float64)
        buckets = self._sums.of(buckets)
        self.histograms.insert(0, buckets)
        counted = int(np.count_nonzero(buckets[:, -1]))
        if counted != self._counted or any(map(lt, numbers, self.counters[1])):
            self._counted = counted
            for region in self._regions.values():
                region.doubt(self.now, self.depth)
        for region in self._regions.values():
            if region.settles(self.now):
                region.settle(numbers, buckets)
                self._absent = None

    def _follow(self) -> None:
        """Take in targets that have other series than before, or that have come or gone."""
        self.version += 1
        targets = dict.fromkeys(self.scraper.targets)
        for target in [target for target in self._feeds if target not in targets]:
            self._drop(target)
        for target in targets:
            feed = self._feeds.get(target)
            block = target.block_at(self.now)
            if feed is None and (block is None or 0 < target.ended <= self.now - self.depth * WINDOW):
                continue
            ended = 0 < target.ended <= self.now
            if feed is None or feed.block is None or ended or block is not feed.block:
                self._take_in(target, feed)
        self._feeds = {target: self._feeds[target] for target in targets if target in self._feeds}
        self._regions = {target: self._regions[target] for target in self._feeds}
        self._incomplete = any(feed.block is None for feed in self._feeds.values())
        self._sums.arrange([source.width // SIZE for source in self._sources])
        self._counted = int(np.count_nonzero(self.histograms[0][:, -1]))
        self._absent = None

    def _take_in(self, target: Target, before: Feed | None) -> None:
        feed = Feed(target, self.now, self.depth, self._wants, before)
        if not feed.spans:
            self._drop(target)
            return
        region = self._regions.get(target)
        if region is None or not region.holds(feed):
            self._abandon(target)
            region = self._regions[target] = self._new_region(feed)
        self._feeds[target] = feed
        self._fill(feed, region)
        known = before.found if before is not None else {}
        for want in (*known, *feed.found):
            if known.get(want) != feed.found.get(want):
                self._changed[want] = self.version

    def _new_region(self, feed: Feed) -> Region:
        region = Region(len(self._sources), self._end, feed)
        room = region.room
        self._end = {place: self._end[place] + room[place] for place in Place}
        self._moved = self.version
        self.gauges += [None] * room[Place.GAUGE]
        for row in self.counters:
            row += [ABSENT] * room[Place.COUNTER]
        lines = np.zeros((room[Place.HISTOGRAM], SIZE))
        self.histograms = [np.concatenate([row, lines]) for row in self.histograms]
        self._sources.append(_DEAD)
        self._sums.add()
        return region

    def _fill(self, feed: Feed, region: Region) -> None:
        if region.take(feed, self.now, self.depth):
            self._scales = {}
        source = self._sources[region.number] = _source(feed, region)
        self._sums.set(region.number, region.padded(Place.HISTOGRAM, feed.histograms(), ()))
        newer = len(source.times) - bisect_right(source.times, self.now)
        values = source.values[: len(source.values) - newer * source.row]
        taken = source.gauges(values) if source.gauges is not None else ()
        self.gauges[region.part(Place.GAUGE)] = [*taken, *source.other_gauges]
        for row, numbers in zip(self.counters, feed.past_counters().tolist(), strict=True):
            row[region.part(Place.COUNTER)] = region.padded(Place.COUNTER, numbers, ABSENT)
        for lines, past in zip(self.histograms, feed.past_histograms, strict=True):
            lines[region.part(Place.HISTOGRAM)] = 0.0
            lines[region.used(Place.HISTOGRAM)] = past

    def _drop(self, target: Target) -> None:
        """Forget a target."""
        feed = self._feeds.pop(target, None)
        for want in feed.found if feed is not None else ():
            self._changed[want] = self.version
        self._abandon(target)

    def _abandon(self, target: Target) -> None:
        """Leave a target's slots empty."""
        region = self._regions.pop(target, None)
        if region is None:
            return
        self._dead += 1
        nothing: list[float | None] = [None] * region.room[Place.GAUGE]
        nowhere = [ABSENT] * region.room[Place.COUNTER]
        self._sources[region.number] = _DEAD._replace(other_gauges=nothing, other_counters=nowhere)
        self._sums.set(region.number, [()] * region.room[Place.HISTOGRAM])
        self.gauges[region.part(Place.GAUGE)] = nothing
        for row in self.counters:
            row[region.part(Place.COUNTER)] = nowhere
        for lines in self.histograms:
            lines[region.part(Place.HISTOGRAM)] = 0.0

    # ------------------------------------------------------------ looking

    def found(self, want: Want) -> Iterator[tuple[Labels, int]]:
        """The series that a selector matches, with their slots; the histograms' come after the counters'."""
        counters = self.first_histogram
        for target, feed in self._feeds.items():
            begin = self._regions[target].begin
            for labels, place, slot in feed.found.get(want, ()):
                yield labels, begin[place] + slot + (counters if place is Place.HISTOGRAM else 0)

    def changed_since(self, want: Want, version: int) -> bool:
        """Whether a selector finds other series, or in other slots, than in an earlier version."""
        return self._moved > version or self._changed.get(want, 0) > version

    @property
    def first_histogram(self) -> int:
        """The slot of the first histogram, after the counters'."""
        return self._end[Place.COUNTER]

    def seen(self, span: int) -> Sequence[float | None]:
        """By slot, what is looked at over a span: the growth of counters, or without a span the gauges."""
        return self.growth(span).counters if span else self.gauges

    def growth(self, span: int) -> Growth:
        """How much everything grew within a span before now."""
        growth = self._growth.get(span)
        if growth is None:
            regions = self._regions.values()
            known = self._scales.get(span)
            if known is None:
                known = self._scales[span] = scales(span, self.scrapes_within(span), regions, self._end)
            if self._absent is None:
                first = self.first_histogram
                calm = [region for region in regions if not region.doubtful(self.now)]
                self._absent = [slot for region in calm for slot in region.absent(first)]
            doubtful = [(region, region.steady(self.now)) for region in regions if region.doubtful(self.now)]
            growth = self._growth[span] = measure(known, self.counters, self.histograms, self._absent, doubtful)
        return growth


_DEAD = Source(array("q"), array("d"), 0, None, [], None, [], _NO_COUNTS, 0)


def _source(feed: Feed, region: Region) -> Source:
    block = feed.block
    gauges, counters = (feed.rest(place, absent) for place, absent in ((Place.GAUGE, None), (Place.COUNTER, ABSENT)))
    return Source(
        times=block.times if block is not None else _DEAD.times,
        values=block.values if block is not None else _DEAD.values,
        row=block.width if block is not None else 0,
        gauges=feed.getter(Place.GAUGE),
        other_gauges=gauges + [None] * region.free(Place.GAUGE),
        counters=feed.getter(Place.COUNTER),
        other_counters=counters + [ABSENT] * region.free(Place.COUNTER),
        counts=block.counts if block is not None else _NO_COUNTS,
        width=block.histograms * SIZE if block is not None and feed.slots[Place.HISTOGRAM] else 0,
    )
