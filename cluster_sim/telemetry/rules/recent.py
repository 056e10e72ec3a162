"""The last scrapes of all targets, side by side: what rules are evaluated on."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...clock import SECOND, WINDOW
from .feed import SIZE, Feed, Getter, Row
from .rates import grown, grown_irregularly
from .step import Labels
from .want import Place, Want, Wants

if TYPE_CHECKING:
    from ..scrape import Scraper, Target

_SLACK = {Place.GAUGE: 2, Place.COUNTER: 2, Place.HISTOGRAM: 3}
"""Slots left free beside a target's, for series that it may get."""

_MOST_DEAD = 8
"""Regions of targets that are gone, with which everything is put together anew (chosen)."""

_NO_COUNTS = array("I", [0] * SIZE)


class Source(NamedTuple):
    """Where the newest values of a target are copied from; what is not copied fills the rest of its region."""

    values: Sequence[float]
    gauges: Getter | None
    other_gauges: list[float | None]
    counters: Getter | None
    other_counters: list[float]
    counts: array[int]
    width: int


class Region(NamedTuple):
    """The slots of one target.

    Attributes:
        number: of its source.
        begin, room: by place.
    """

    number: int
    begin: dict[Place, int]
    room: dict[Place, int]

    def part(self, place: Place) -> slice:
        """Its slots of a place."""
        return slice(self.begin[place], self.begin[place] + self.room[place])


class Growth(NamedTuple):
    """How much every counter grew within a span.

    Attributes:
        counters: of the counters, then the number of observations of the histograms; None without two values.
        buckets: a line per histogram.
    """

    counters: list[float | None]
    buckets: Row


@dataclass(slots=True)
class Scales:
    """What extrapolation to a span depends on: factors of the counters and of the histograms, see `grown`.

    Attributes:
        absent: slots of series that are not there; None until that is known.
    """

    counters: tuple[Row, Row]
    histograms: tuple[Row, Row]
    absent: list[int] | None = None


class Recent:
    """The last scrapes of a cluster as of the present evaluation.

    Attributes:
        depth: scrapes that are kept.
        now: the present evaluation.
        gauges: by slot; None where the series is not there.
        counters, histograms: per evaluation, the newest first; values by slot.
        version: grows whenever a target has other series.
    """

    def __init__(self, scraper: Scraper) -> None:
        self.scraper = scraper
        self.phase = 0 if scraper.cluster.spec.scrape.jitter else 1
        self.depth = 1
        self.wants = Wants(())
        self.version = 0
        self._changed: dict[Want, int] = {}
        self._moved = 0
        self.now = -WINDOW
        self._generation = -1
        self._growth: dict[int, Growth] = {}
        self._clear()

    def look_for(self, wants: Iterable[Want], longest: int) -> None:
        """What to keep of the scrapes, and for how long a span at most."""
        self.wants = Wants(wants)
        self.depth = max(self.scrapes_within(longest), 1)
        self._clear()

    def scrapes_within(self, span: int) -> int:
        """How many scrapes of a target a span has in it, both ends included: with jitter, none falls on an end."""
        return span // WINDOW + self.phase

    # ------------------------------------------------------------ going on

    def advance(self, now: int) -> None:
        """Take in what was scraped since the evaluation before."""
        self._growth = {}
        if now - self.now != WINDOW or self._dead > _MOST_DEAD:
            self._clear()
        self._copy()
        self.now = now
        if self.scraper.generation != self._generation or self._incomplete:
            self._generation = self.scraper.generation
            self._follow()

    def _clear(self) -> None:
        """Forget everything."""
        self._feeds: dict[Target, Feed] = {}
        self._regions: dict[Target, Region] = {}
        self._sources: list[Source] = []
        self._sums: list[list[tuple[int, ...]]] = []
        self._end = dict.fromkeys(Place, 0)
        self._dead = 0
        self._incomplete = False
        self._generation = -1
        self.gauges: list[float | None] = []
        self.counters: list[Row] = [np.empty(0)] * self.depth
        self.histograms: list[Row] = [np.empty((0, SIZE))] * self.depth
        self._divisors = np.empty(0)
        self._offsets = {Place.COUNTER: np.empty(0), Place.HISTOGRAM: np.empty(0)}
        self._steady = {Place.COUNTER: np.empty(0), Place.HISTOGRAM: np.empty(0)}
        self._free = {Place.COUNTER: np.empty(0, dtype=np.bool_), Place.HISTOGRAM: np.empty(0, dtype=np.bool_)}
        self._summed = _summing([], [])
        self._even = 0
        self._counted = 0
        self._scales: dict[int, Scales] = {}

    def _copy(self) -> None:
        """The newest scrape of every target that still has the series it had."""
        gauges: list[float | None] = []
        numbers: list[float] = []
        counts = array("I")
        for values, get_gauges, other_gauges, get_counters, other_counters, recorded, width in self._sources:
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
        self.counters.insert(0, np.array(numbers) / self._divisors)
        counts += _NO_COUNTS
        buckets = np.frombuffer(counts, dtype=np.uint32).reshape(-1, SIZE).cumsum(axis=1, dtype=np.float64)
        self.histograms.insert(0, self._summed(buckets))
        for steady in self._steady.values():
            steady += 1
        self._even += 1
        counted = int(np.count_nonzero(self.histograms[0][:, -1]))
        if counted != self._counted or (self.counters[0] < self.counters[1]).any():
            self._even = 0
            self._scales = {}
        self._counted = counted

    def _follow(self) -> None:
        """Take in targets that have other series than before, or that have come or gone."""
        self.version += 1
        targets = dict.fromkeys(self.scraper.targets)
        for target in [target for target in self._feeds if target not in targets]:
            self._drop(target)
        for target in targets:
            feed = self._feeds.get(target)
            if feed is None and (not target.blocks or 0 < target.ended <= self.now - self.depth * WINDOW):
                continue
            if feed is None or feed.block is None or target.ended or target.blocks[-1] is not feed.block:
                self._take_in(target, feed)
        self._feeds = {target: self._feeds[target] for target in targets if target in self._feeds}
        self._incomplete = any(feed.block is None for feed in self._feeds.values())
        self._summed = _summing(self._sums, [source.width // SIZE for source in self._sources])
        self._even = 0
        self._counted = -1
        self._scales = {}

    def _take_in(self, target: Target, before: Feed | None) -> None:
        feed = Feed(target, self.now, self.depth, self.wants, before)
        if not feed.spans:
            self._drop(target)
            return
        sizes = {place: len(series) for place, series in feed.slots.items()}
        region = self._regions.get(target)
        if region is None or any(sizes[place] > region.room[place] for place in Place):
            self._abandon(target)
            region = self._regions[target] = self._new_region({p: sizes[p] + _SLACK[p] for p in Place if sizes[p]})
        self._feeds[target] = feed
        self._fill(feed, region)
        known = before.found if before is not None else {}
        for want in known.keys() | feed.found.keys():
            if known.get(want) != feed.found.get(want):
                self._changed[want] = self.version

    def _new_region(self, room: dict[Place, int]) -> Region:
        room = {place: room.get(place, 0) for place in Place}
        region = Region(len(self._sources), dict(self._end), room)
        for place in Place:
            self._end[place] += room[place]
        self._moved = self.version
        more = np.full(room[Place.COUNTER], np.nan)
        lines = np.zeros((room[Place.HISTOGRAM], SIZE))
        self.gauges += [None] * room[Place.GAUGE]
        self.counters = [np.concatenate([row, more]) for row in self.counters]
        self.histograms = [np.concatenate([row, lines]) for row in self.histograms]
        self._divisors = np.concatenate([self._divisors, np.ones(len(more))])
        for figures in (self._offsets, self._steady):
            for place in figures:
                figures[place] = np.concatenate([figures[place], np.zeros(room[place])])
        for place in self._free:
            self._free[place] = np.concatenate([self._free[place], np.ones(room[place], dtype=np.bool_)])
        self._sources.append(_DEAD)
        self._sums.append([])
        return region

    def _fill(self, feed: Feed, region: Region) -> None:
        source = _source(feed, region.room)
        self._sources[region.number] = source
        self._sums[region.number] = _padded(feed.histograms(), (), region.room[Place.HISTOGRAM])
        taken = source.gauges(source.values) if source.gauges is not None else ()
        self.gauges[region.part(Place.GAUGE)] = [*taken, *source.other_gauges]
        part = region.part(Place.COUNTER)
        self._divisors[part] = _padded(feed.divisors(), 1.0, region.room[Place.COUNTER])
        used = slice(part.start, part.start + len(feed.slots[Place.COUNTER]))
        for row, line in zip(self.counters, feed.past_counters(), strict=True):
            row[part] = np.nan
            row[used] = line
        part = region.part(Place.HISTOGRAM)
        used = slice(part.start, part.start + len(feed.slots[Place.HISTOGRAM]))
        histograms = feed.past_histograms()
        for row, lines in zip(self.histograms, histograms, strict=True):
            row[part] = 0.0
            row[used] = lines
        steady = feed.steadiness(histograms)
        for place in self._steady:
            self._steady[place][region.part(place)] = steady
            self._offsets[place][region.part(place)] = feed.offset / SECOND
            self._free[place][region.part(place)] = True
            self._free[place][region.begin[place] : region.begin[place] + len(feed.slots[place])] = False

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
        room = region.room
        self._sources[region.number] = _DEAD._replace(
            other_gauges=[None] * room[Place.GAUGE], other_counters=[float("nan")] * room[Place.COUNTER]
        )
        self._sums[region.number] = [()] * room[Place.HISTOGRAM]
        self.gauges[region.part(Place.GAUGE)] = [None] * room[Place.GAUGE]
        for row in self.counters:
            row[region.part(Place.COUNTER)] = np.nan
        for row in self.histograms:
            row[region.part(Place.HISTOGRAM)] = 0.0
        for place, free in self._free.items():
            free[region.part(place)] = True

    # ------------------------------------------------------------ looking

    def found(self, want: Want) -> Iterator[tuple[Labels, int]]:
        """The series that a selector matches, with their slots; the histograms' come after the counters'."""
        counters = self._end[Place.COUNTER]
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
            growth = self._growth[span] = self._measure(span)
        return growth

    def _measure(self, span: int) -> Growth:
        scrapes = self.scrapes_within(span)
        scales = self._scales.get(span)
        if scales is None:
            scales = self._scales[span] = self._scaled(span, scrapes)
        counters = grown(self.counters[scrapes - 1], self.counters[0], *scales.counters)
        buckets = grown(self.histograms[scrapes - 1], self.histograms[0], *scales.histograms)
        result: list[float | None] = [*counters.tolist(), *buckets[:, -1].tolist()]
        if self._even < scrapes - 1:
            self._correct(span, scrapes, result, buckets)
        else:
            if scales.absent is None:
                scales.absent = self._absent()
            for slot in scales.absent:
                result[slot] = None
        return Growth(result, buckets)

    def _scaled(self, span: int, scrapes: int) -> Scales:
        sampled = (scrapes - 1) * WINDOW / SECOND
        left = span / SECOND - sampled
        after = self._offsets[Place.COUNTER], self._offsets[Place.HISTOGRAM][:, np.newaxis]
        counters, histograms = ((1 + offset / sampled, (left - offset) / sampled) for offset in after)
        return Scales(counters, histograms)

    def _absent(self) -> list[int]:
        """The slots of series that are known and not there."""
        counters = np.isnan(self.counters[0]) & ~self._free[Place.COUNTER]
        histograms = (self.histograms[0][:, -1] == 0) & ~self._free[Place.HISTOGRAM]
        absent: list[int] = np.flatnonzero(np.concatenate([counters, histograms])).tolist()
        return absent

    def _correct(self, span: int, scrapes: int, result: list[float | None], buckets: Row) -> None:
        """Compute anew what was not there all the time, or was reset."""
        rows = self.counters[:scrapes]
        irregular = np.isnan(rows[0]) | np.isnan(rows[-1]) | (self._steady[Place.COUNTER] < scrapes)
        for newer, older in pairwise(rows):
            irregular |= newer < older
        offsets = self._offsets[Place.COUNTER]
        for slot in np.flatnonzero(irregular & ~self._free[Place.COUNTER]).tolist():
            values = np.array([row[slot] for row in reversed(rows)])
            found = _irregular(values, ~np.isnan(values), offsets[slot], span)
            result[slot] = None if found is None else float(found)
        lines = self.histograms[:scrapes]
        irregular = (lines[-1][:, -1] == 0) | (self._steady[Place.HISTOGRAM] < scrapes)
        offsets = self._offsets[Place.HISTOGRAM]
        for slot in np.flatnonzero(irregular & ~self._free[Place.HISTOGRAM]).tolist():
            values = np.array([line[slot] for line in reversed(lines)])
            found = _irregular(values, values[:, -1] > 0, offsets[slot], span)
            buckets[slot] = 0.0 if found is None else found
            result[self.first_histogram + slot] = None if found is None else float(found[-1])


def _irregular(values: Row, there: NDArray[np.bool_], offset: float, span: int) -> Row | None:
    """The growth of values of which not all are there."""
    seen = np.flatnonzero(there)
    step = WINDOW / SECOND
    times = [span / SECOND - offset - (len(values) - 1 - index) * step for index in seen.tolist()]
    return grown_irregularly(values[seen], times, span / SECOND)


_DEAD = Source((), None, [], None, [], _NO_COUNTS, 0)


def _source(feed: Feed, room: dict[Place, int]) -> Source:
    block = feed.block
    gauges, counters = feed.getter(Place.GAUGE), feed.getter(Place.COUNTER)
    other_gauges, other_counters = feed.rest(Place.GAUGE, None), feed.rest(Place.COUNTER, float("nan"))
    free = {place: room[place] - len(series) for place, series in feed.slots.items()}
    return Source(
        values=block.values if block is not None else (),
        gauges=gauges,
        other_gauges=other_gauges + [None] * free[Place.GAUGE],
        counters=counters,
        other_counters=other_counters + [float("nan")] * free[Place.COUNTER],
        counts=block.counts if block is not None else _NO_COUNTS,
        width=block.histograms * SIZE if block is not None and feed.slots[Place.HISTOGRAM] else 0,
    )


def _padded(values: list[Any], value: Any, size: int) -> list[Any]:
    return values + [value] * (size - len(values))


def _summing(sums: list[list[tuple[int, ...]]], recorded: list[int]) -> Callable[[Row], Row]:
    """Adds up recorded histograms to those that are exposed; what is not there is the empty histogram at the end."""
    nothing = sum(recorded)
    groups: list[list[int]] = []
    first = 0
    for histograms, count in zip(sums, recorded, strict=True):
        groups += [[first + at for at in ats] or [nothing] for ats in histograms]
        first += count
    order = np.array([index for group in groups for index in group], dtype=np.intp)
    if len(order) == len(groups):
        return partial(_take, order)
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    return partial(_add, order, starts)


def _take(order: NDArray[np.intp], rows: Row) -> Row:
    taken: Row = rows[order]
    return taken


def _add(order: NDArray[np.intp], starts: NDArray[np.intp], rows: Row) -> Row:
    added: Row = np.add.reduceat(rows[order], starts, axis=0)
    return added
