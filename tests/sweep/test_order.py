"""Rows come out in order, and few are held back."""

from __future__ import annotations

import pytest

from env.sweep import Sweep
from env.sweep.engine import AHEAD, in_order
from tests.sweep.conftest import Instant, made_up


@pytest.mark.parametrize("disorder", range(5))
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_rows_are_in_order_whoever_is_first(sweep, workers, disorder):
    """From any episode on."""
    engine = Instant(sweep, workers, disorder=disorder)
    assert list(in_order(engine, 3, sweep.size, 100)) == [made_up(sweep, number) for number in range(3, sweep.size)]


def test_who_waits_for_a_slow_chunk_does_not_pile_up_rows():
    """However long the sweep, no more than some chunks per worker are begun before the first unfinished one is done."""
    sweep = Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(10**12))

    class Stubborn(Instant):
        """Never finishes the first chunk while it has others."""

        given = 0

        def begin(self, chunk):
            super().begin(chunk)
            self.given = chunk.stop

        def wait(self):
            return [(number, b"row") for number in self._chunks.pop(-1)]

    engine = Stubborn(sweep, workers=2)
    assert next(in_order(engine, 0, sweep.size, 50)) == b"row"
    assert engine.given <= AHEAD * 2 * 50


def test_few_episodes_are_shared_out_in_small_chunks(sweep):
    """So that every worker has some."""
    sizes = []

    class Watched(Instant):
        def begin(self, chunk):
            sizes.append(len(chunk))
            super().begin(chunk)

    list(in_order(Watched(sweep, workers=2), 0, sweep.size, 100))
    assert max(sizes) <= 4
