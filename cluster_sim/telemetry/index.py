"""Which series were scraped from a cluster, and where in the blocks of its targets their samples are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .matching import predicate
from .metrics.page import FAMILIES as SCRAPE_FAMILIES
from .metrics.spec import BOUNDS, Column, Kind, MetricSpec
from .series import NAME, Matcher

if TYPE_CHECKING:
    from .scrape import Block, Target

COUNT_ROW, SUM_ROW = len(BOUNDS), len(BOUNDS) + 1


@dataclass(slots=True)
class Piece:
    """Where a series is in one block.

    Attributes:
        column: None for the series in which a scrape tells of itself.
        bucket: of a histogram, which of its series: a bucket's index, or `COUNT_ROW` or `SUM_ROW`.
    """

    block: Block
    column: Column | None
    bucket: int = 0


@dataclass(slots=True)
class Entry:
    """A series of a target: its pieces, oldest first."""

    labels: dict[str, str]
    target: Target
    pieces: list[Piece] = field(default_factory=list)


class Index:
    """The series there are, by name; their labels are put together when the name is asked for.

    Attributes:
        specs: the families, by name.
    """

    def __init__(self, targets: Iterable[Target], generation: int) -> None:
        self.generation = generation
        self.specs: dict[str, MetricSpec] = {spec.name: spec for spec in SCRAPE_FAMILIES}
        self._places: dict[str, list[Place]] = {}
        self._entries: dict[str, list[Entry]] = {}
        for target in targets:
            for block in target.blocks:
                self._add(target, block)

    def find(self, matchers: Sequence[Matcher]) -> list[Entry]:
        """The series that meet every condition."""
        names = list(self._places)
        rest = []
        for matcher in matchers:
            if matcher.label == NAME:
                accepts = predicate(matcher)
                names = [name for name in names if accepts(name)]
            else:
                rest.append((matcher.label, predicate(matcher)))
        return [
            entry
            for name in names
            for entry in self._named(name)
            if all(accepts(entry.labels.get(label, "")) for label, accepts in rest)
        ]

    def _add(self, target: Target, block: Block) -> None:
        for spec in SCRAPE_FAMILIES:
            self._places.setdefault(spec.name, []).append(Place(target, block, None))
        if not block.up:
            return
        for column in target.exporter.columns(block.key):
            self.specs.setdefault(column.spec.name, column.spec)
            histogram = column.kind is Kind.HISTOGRAM
            place = Place(target, block, column)
            for suffix in ("_bucket", "_count", "_sum") if histogram else ("",):
                self._places.setdefault(column.name + suffix, []).append(place)

    def _named(self, name: str) -> list[Entry]:
        """The series of a name, in the order of their first appearance."""
        found = self._entries.get(name)
        if found is None:
            entries: dict[tuple[str, ...], Entry] = {}
            for place in self._places[name]:
                for labels, piece in place.pieces(name):
                    key = tuple(text for pair in sorted(labels.items()) for text in pair)
                    entry = entries.get(key)
                    if entry is None:
                        entry = entries[key] = Entry(dict(sorted([(NAME, name), *labels.items()])), place.target)
                    entry.pieces.append(piece)
            found = self._entries[name] = list(entries.values())
        return found


class Place(NamedTuple):
    """Where some series are found.

    Attributes:
        column: None for what a scrape tells of itself.
    """

    target: Target
    block: Block
    column: Column | None

    def pieces(self, name: str) -> Iterator[tuple[dict[str, str], Piece]]:
        """The series of a name, each with its labels."""
        labels = dict(self.target.exporter.labels(self.block.key))
        if self.column is None:
            yield labels, Piece(self.block, None)
            return
        labels.update(self.column.labels)
        if self.column.kind is not Kind.HISTOGRAM:
            yield labels, Piece(self.block, self.column)
        elif name.endswith("_bucket"):
            for bucket, bound in enumerate(BOUNDS):
                yield {**labels, "le": bound}, Piece(self.block, self.column, bucket)
        else:
            yield labels, Piece(self.block, self.column, COUNT_ROW if name.endswith("_count") else SUM_ROW)
