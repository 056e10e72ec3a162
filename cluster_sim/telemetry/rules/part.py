"""The series of one target that the rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..metrics.page import UP
from ..metrics.spec import Column, Kind
from .arrays import Floats, Ints, ints
from .leaf import Place
from .plan import Plan

if TYPE_CHECKING:
    from ..scrape import Block, Target

_UP, _DOWN = (Column(UP, UP.name, {}, Kind.CONSTANT, constant=value) for value in (1.0, 0.0))

_SHARED = 512
"""Kinds of targets that are remembered, whatever their cluster (chosen)."""

Labels = Mapping[str, str]
Pairs = tuple[tuple[str, str], ...]


class Seen(NamedTuple):
    """A series that some feeds are about; of a histogram the whole set.

    Attributes:
        own: the labels beside those of the target.
        feeds: their numbers.
    """

    place: Place
    name: str
    own: Pairs
    column: Column
    feeds: tuple[int, ...]


Identity = tuple[Place, str, Pairs]
"""What tells the series of a target from each other, and puts them in order: the beginning of what was seen."""


class Group(NamedTuple):
    """Series of a target that a feed adds up.

    Attributes:
        key: the labels by which; of a single series its name and own labels.
        members: numbers among the gauges or the counters; of constants and histograms the complement of theirs.
    """

    feed: int
    key: tuple[object, ...]
    members: list[int]


class Part:
    """The series of a target in one block, or in several.

    Attributes:
        series: in order.
        common: the target's labels, at least those that matter.
        shared: whether others have the same.
        numbers: of each series among those of its place.
        gauges, counters: which of the recorded values they are.
        divisors: what the counters are divided by.
        constants: their values.
        histograms: recorded ones that make up its histograms, which are recorded apart by reason.
        starts: where those of each histogram begin.
        groups: what is added up.
    """

    def __init__(self, plan: Plan, series: Sequence[Seen], common: Labels, *, shared: bool) -> None:
        self.series = series
        self.common = common
        self.shared = shared
        self.numbers: list[int] = []
        self.gauges: list[int] = []
        self.constants: list[float] = []
        self.counters: list[int] = []
        self.divisors: list[float] = []
        self.histograms: list[int] = []
        self.starts: list[int] = []
        groups: dict[tuple[int, tuple[object, ...]], list[int]] = {}
        for place, name, own, column, feeds in series:
            if place is Place.GAUGE:
                number = len(self.gauges)
                self.gauges += column.at
            elif place is Place.CONSTANT:
                number = len(self.constants)
                self.constants.append(column.constant)
            elif place is Place.COUNTER:
                number = len(self.counters)
                self.counters += column.at
                self.divisors.append(column.divisor)
            else:
                number = len(self.starts)
                self.starts.append(len(self.histograms))
                self.histograms += column.at
            self.numbers.append(number)
            member = number if place in (Place.GAUGE, Place.COUNTER) else ~number
            labels: dict[str, str] = {}
            for feed in feeds:
                by = plan.feeds[feed].by
                key: tuple[object, ...] = (name, own)
                if by is not None:
                    labels = labels or {**common, **dict(own)}
                    key = tuple([(label, labels[label]) for label in by if label in labels])
                groups.setdefault((feed, key), []).append(member)
        self.groups = [Group(feed, key, members) for (feed, key), members in groups.items()]

    def like(self, other: Part) -> bool:
        """Whether there are the same series, wherever they may be recorded."""
        return self is other or (
            self.groups == other.groups
            and self.numbers == other.numbers
            and self.divisors == other.divisors
            and len(self.gauges) == len(other.gauges)
            and len(self.constants) == len(other.constants)
        )


# ---------------------------------------------------------------- in one block


def part_of(plan: Plan, target: Target, block: Block) -> tuple[Part, Labels]:
    """The series of a target in one block, and the target's labels.

    Raises:
        Unsupported: a selector matches what the plan does not know.
    """
    common = target.exporter.labels(block.key)
    if not block.up:
        return _part(plan, (_DOWN,), common), common
    columns = target.exporter.columns(block.key)
    if isinstance(columns, tuple):
        # Targets with the same columns have the same object, and few of their own labels make a difference.
        same = _Same(columns)
        said = tuple([(name, common[name]) for name in _asked(plan, same) if name in common])
        return _shared_part(plan, same, said), common
    return _part(plan, (_UP, *columns), common), common


class _Same:
    """Columns that are told from others by their identity, which is quicker."""

    __slots__ = ("columns",)

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns

    def __hash__(self) -> int:
        return id(self.columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.columns is self.columns


@lru_cache(maxsize=_SHARED)
def _asked(plan: Plan, same: _Same) -> list[str]:
    """The labels on which it depends what is looked at and how it is added up."""
    asked: set[str] = set()
    for column in (_UP, *same.columns):
        for feed in plan.looking_at(column):
            leaf, by, _ = plan.feeds[feed]
            asked.update(by or (), (matcher.label for matcher in leaf.matchers))
    return sorted(asked)


@lru_cache(maxsize=_SHARED)
def _shared_part(plan: Plan, same: _Same, said: Pairs) -> Part:
    return _part(plan, (_UP, *same.columns), dict(said), shared=True)


def _part(plan: Plan, columns: Iterable[Column], common: Labels, *, shared: bool = False) -> Part:
    found: list[Seen] = []
    for column in columns:
        looking = plan.looking_at(column)
        if not looking:
            continue
        places: dict[Place, list[int]] = {}
        for feed in looking:
            accepts = plan.accepts[feed]
            if accepts is None or accepts({**common, **column.labels}):
                places.setdefault(plan.feeds[feed].leaf.place(column), []).append(feed)
        for place, feeds in places.items():
            found.append(Seen(place, column.name, tuple(column.labels.items()), column, tuple(feeds)))
    found.sort(key=_identity)
    return Part(plan, found, common, shared=shared)


def _identity(one: Seen) -> Identity:
    return one[:3]


# ---------------------------------------------------------------- in several blocks


class InBlock:
    """The series of a block among those of several.

    Attributes:
        part: those in the block.
        gauges, constants, counters, histograms: their numbers, and what is read: columns or values.
    """

    def __init__(self, part: Part, numbers: Sequence[int]) -> None:
        self.part = part
        self._numbers = numbers

    @cached_property
    def gauges(self) -> tuple[Ints, Ints]:
        return self._of(Place.GAUGE), ints(self.part.gauges)

    @cached_property
    def constants(self) -> tuple[Ints, Floats]:
        return self._of(Place.CONSTANT), np.array(self.part.constants)

    @cached_property
    def counters(self) -> tuple[Ints, Ints]:
        return self._of(Place.COUNTER), ints(self.part.counters)

    @cached_property
    def histograms(self) -> tuple[Ints, Ints]:
        return self._of(Place.HISTOGRAM), ints(self.part.histograms)

    def _of(self, place: Place) -> Ints:
        series = zip(self.part.series, self._numbers, strict=True)
        return ints(number for one, number in series if one.place is place)


class InSight(NamedTuple):
    """A target with the series that it has in one block, or in several.

    Attributes:
        part: its series.
        blocks: what is in each block.
        labels: the target's, as far as all series have them.
    """

    part: Part
    blocks: Sequence[InBlock]
    labels: Labels


def in_sight(plan: Plan, parts: Sequence[tuple[Part, Labels]]) -> InSight:
    """The series of a target in some blocks."""
    first, labels = parts[0]
    if len(parts) == 1:
        return InSight(first, [InBlock(first, first.numbers)], labels)
    found = tuple([part for part, _ in parts])
    if any(others != labels for _, others in parts):
        # It has moved to another node: what it says of itself is made part of what its series say.
        found = tuple([Part(plan, [_told(one, said) for one in part.series], {}, shared=False) for part, said in parts])
        labels = {}
    join = _joined if all(part.shared for part in found) else _joined.__wrapped__
    return InSight(*join(plan, found), labels)


def _told(one: Seen, common: Labels) -> Seen:
    return one._replace(own=tuple({**common, **dict(one.own)}.items()))


@lru_cache(maxsize=_SHARED)
def _joined(plan: Plan, parts: tuple[Part, ...]) -> tuple[Part, list[InBlock]]:
    """The series of several blocks, and those of each."""
    merged = {_identity(one): one for part in parts for one in part.series}
    common = {name: value for part in parts for name, value in part.common.items()}
    whole = Part(plan, [merged[key] for key in sorted(merged)], common, shared=False)
    numbers = dict(zip(map(_identity, whole.series), whole.numbers, strict=True))
    return whole, [InBlock(part, [numbers[_identity(one)] for one in part.series]) for part in parts]
