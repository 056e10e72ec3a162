"""Queues solved at once are those of a server that takes one call after another."""

from __future__ import annotations

from heapq import heapreplace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.engine.fast.lanes import NEVER
from cluster_sim.engine.fast.queues import crowded, served_in_turn

calls = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 25)), max_size=40)
"""(when it comes, for how long it keeps a worker); many come together, some keep it for no time at all."""


def one_after_another(enter: list[int], hold: list[int], workers: int) -> list[int]:
    """When each gets a worker, by a clerk who knows nothing but who is free next."""
    granted = [0] * len(enter)
    free = [0] * workers
    for place in sorted(range(len(enter)), key=lambda place: enter[place]):
        granted[place] = max(enter[place], free[0])
        heapreplace(free, granted[place] + hold[place])
    return granted


@given(calls, st.integers(1, 5))
def test_every_call_gets_its_worker_when_a_clerk_would_give_it(found: list[tuple[int, int]], workers: int) -> None:
    enter, hold = [at for at, _ in found], [time for _, time in found]
    at_once = served_in_turn(np.array(enter, dtype=np.int64), np.array(hold, dtype=np.int64), workers)
    assert at_once.tolist() == one_after_another(enter, hold, workers)


@given(calls, st.integers(1, 5))
def test_nobody_waits_where_it_is_not_crowded(found: list[tuple[int, int]], places: int) -> None:
    enter, hold = [at for at, _ in found], [time for _, time in found]
    end = [at + time for at, time in found]
    if crowded(np.array(enter, dtype=np.int64), np.array(end, dtype=np.int64), places) == NEVER:
        assert one_after_another(enter, hold, places) == enter


@given(calls, st.integers(1, 5))
def test_a_crowd_is_seen_before_the_first_who_waits(found: list[tuple[int, int]], places: int) -> None:
    enter, hold = [at for at, _ in found], [time for _, time in found]
    end = [at + time for at, time in found]
    waiting = [at for at, begin in zip(enter, one_after_another(enter, hold, places), strict=True) if begin > at]
    if waiting:
        assert crowded(np.array(enter, dtype=np.int64), np.array(end, dtype=np.int64), places) <= min(waiting)
