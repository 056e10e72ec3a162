"""What selectors read from the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..series import Matcher, Series, Source, is_stale
from .blocks import Block, gathered, latest, without_stale
from .budget import OF_A_SERIES, OF_LOADING, Budget
from .frames import Floats, Frame, Ints, Labels
from .nodes import At, Range, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a query is evaluated with.

    Attributes:
        lookback_ms: how old the newest sample may be.
        left_open: leave out samples at the very start of a span, as Prometheus 3 does.
        start_ms, end_ms: what `@ start()` and `@ end()` mean.
        default_step_ms: step of subqueries that name none; Prometheus takes its `evaluation_interval`.
    """

    lookback_ms: int
    left_open: bool
    start_ms: int
    end_ms: int
    default_step_ms: int


class Selection:
    """Reads the source for the instants of a query."""

    def __init__(self, source: Source, instants: Ints, settings: Settings, budget: Budget) -> None:
        self.source = source
        self.instants = instants
        self.settings = settings
        self.budget = budget

    def ends(self, at: At, offset_ms: int) -> Ints:
        """Where a selector looks, for each instant."""
        if at is None:
            return self.instants - offset_ms
        fixed = {"start": self.settings.start_ms, "end": self.settings.end_ms}
        moment = at if isinstance(at, int) else fixed[at]
        return np.full(self.instants.size, moment - offset_ms, dtype=np.int64)

    def newest(self, node: Selector) -> tuple[Frame, Floats]:
        """The newest samples, and their own times in seconds."""
        end_ms = self.ends(node.at, node.offset_ms)
        lookback_ms = self.settings.lookback_ms
        series = self._selected(node.matchers, int(end_ms.min()) - lookback_ms, int(end_ms.max()))
        shape = (len(series), self.instants.size)
        values, present, times = np.zeros(shape), np.zeros(shape, dtype=bool), np.zeros(shape)
        for block in gathered((one.times, one.values) for one in series):
            index, recent = latest(block, end_ms, lookback_ms, self.settings.left_open)
            found = block.values[:, index]
            values[block.rows] = found
            present[block.rows] = recent & ~is_stale(found)
            times[block.rows] = block.times[index] / 1000
        return Frame([tuple(one.labels.items()) for one in series], values, present), times

    def ranged(self, node: Range) -> tuple[list[Labels], list[Block]]:
        """All samples that any span needs: the labels of each series, and the samples."""
        end_ms = self.ends(node.selector.at, node.selector.offset_ms)
        series = self._selected(node.selector.matchers, int(end_ms.min()) - node.range_ms, int(end_ms.max()))
        blocks = without_stale(gathered((one.times, one.values) for one in series))
        return [tuple(one.labels.items()) for one in series], blocks

    def _selected(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        series = self.source.select(matchers, start_ms, end_ms)
        self.budget.spend(len(series) * (self.instants.size * OF_LOADING + OF_A_SERIES))
        self.budget.spend(sum(one.times.size for one in series))
        return series
