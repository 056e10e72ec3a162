"""The vectorised executor computes exactly what the events would have done, whatever the cluster and its troubles.

`EXECUTORS_EXAMPLES=5000` tells that many random stories to each test instead, other ones every time, and looks for the
shortest story where the two differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cluster_sim import FAULTS, REMEDIATIONS, WINDOW, begin, seven_services
from cluster_sim.clock import MILLISECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.fast import forward
from cluster_sim.specs import ScrapeSpec
from tests.support.equality import continued, differences
from tests.support.stories import Story, quiet_blows, stories, told
from tests.support.storms import shop
from tests.support.topologies import MIDDLING, QUEUEING, ROOMY, TIGHT

MORE = int(os.environ.get("EXECUTORS_EXAMPLES", "0"))


def examples(count: int) -> Callable:
    """So many stories, the same ones every time unless more were asked for."""
    return settings(
        max_examples=MORE or count,
        derandomize=not MORE,
        database=None,
        phases=(Phase.generate, Phase.shrink) if MORE else (Phase.generate,),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


@contextmanager
def eager() -> Iterator[None]:
    """Even short stretches are computed at once, and soon tried again: what is tried is all that changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "LEAST", 1)
        patch.setattr(forward, "STEP", 200 * MILLISECOND)
        patch.setattr(forward, "PATIENCE", 500 * MILLISECOND)
        yield


def assert_told_alike(story: Story, going_on_s: float = 5.0) -> Cluster:
    """Both executors tell a story alike, and what comes after it when only events are left."""
    with eager():
        fast = told(story, fast_forward=True)
    events = told(story, fast_forward=False)
    assert differences(fast, events) == []
    assert continued(fast, events, going_on_s) == []
    return events


# ---------------------------------------------------------------- random clusters


@examples(200)
@given(stories())
def test_any_cluster_in_any_trouble(story: Story) -> None:
    assert_told_alike(story)


@examples(100)
@given(stories((ROOMY,), quiet_blows))
def test_clusters_with_room_that_are_left_alone(story: Story) -> None:
    assert_told_alike(story)


@examples(100)
@given(stories((ROOMY, QUEUEING), quiet_blows))
def test_clusters_where_requests_queue_in_peace(story: Story) -> None:
    assert_told_alike(story)


@examples(120)
@given(stories((ROOMY, QUEUEING, MIDDLING)))
def test_clusters_at_the_edge_of_contention(story: Story) -> None:
    assert_told_alike(story)


@examples(60)
@given(stories((TIGHT,)))
def test_clusters_where_everybody_waits(story: Story) -> None:
    assert_told_alike(story)


# ---------------------------------------------------------------- the seven services


@pytest.mark.parametrize("rate_hz", [8.0, 20.0, 60.0])
@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_ten_healthy_minutes_of_the_seven_services(rate_hz: float, noise: float) -> None:
    fast, events = (told(Story(seven_services(rate_hz), 5, noise, ()), fast_forward=way) for way in (True, False))
    for cluster in (fast, events):
        cluster.run_for(600)
    assert differences(fast, events) == []
    assert continued(fast, events, 20) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_an_incident_of_the_seven_services_step_by_step(fault: str, seed: int) -> None:
    fast, events = (Cluster(seven_services(), seed) for _ in range(2))
    events.fast_forward = False
    for cluster in (fast, events):
        cluster.run_for(77.7)
        FAULTS[fault].inject(cluster)
    for _ in range(7):
        for cluster in (fast, events):
            cluster.run_for(45)
        assert differences(fast, events) == []
    assert continued(fast, events, 20) == []


remedies = st.lists(st.tuples(st.sampled_from(list(REMEDIATIONS)), st.integers(1, 4 * WINDOW)), max_size=4)


@examples(25)
@given(st.sampled_from(list(FAULTS)), remedies, st.integers(0, 10_000), st.sampled_from((6.0, 20.0, 45.0)))
def test_any_changes_in_any_incident(fault: str, changes: list[tuple[str, int]], seed: int, rate_hz: float) -> None:
    fast, events = (Cluster(seven_services(rate_hz), seed) for _ in range(2))
    events.fast_forward = False
    for cluster in (fast, events):
        cluster.run_for(20)
        FAULTS[fault].inject(cluster)
        cluster.run_for(60)
        for name, wait in changes:
            REMEDIATIONS[name].apply(cluster)
            cluster.run_until(cluster.now + wait)
    assert differences(fast, events) == []
    assert continued(fast, events, 10) == []


@pytest.mark.parametrize("interval_s", [1.0, 5.0, 30.0])
def test_scrapes_at_other_intervals(interval_s: float) -> None:
    spec = seven_services(scrape=ScrapeSpec(interval_s=interval_s))
    fast, events = (told(Story(spec, 3, 1.0, ()), fast_forward=way) for way in (True, False))
    for cluster in (fast, events):
        cluster.run_for(40)
    assert differences(fast, events) == []


# ---------------------------------------------------------------- where the cuts are


cuts = st.lists(st.integers(1, 60_000_000_000), min_size=1, max_size=12, unique=True)


@examples(40)
@given(stories((ROOMY, MIDDLING), quiet_blows), cuts)
def test_it_does_not_matter_where_a_run_is_cut(story: Story, instants: list[int]) -> None:
    events = told(story, fast_forward=False)
    start = Cluster(story.spec, story.seed, story.noise)
    with eager():
        for at in sorted({at for at in instants if at < events.now} | {events.now}):
            start.run_until(at)
    # The blows of these stories do nothing: they are cuts of their own.
    assert differences(start, events) == []


@examples(40)
@given(stories((ROOMY, MIDDLING)), st.integers(0, 3))
def test_executors_take_over_from_each_other(story: Story, first: int) -> None:
    events = told(story, fast_forward=False)
    turns = iter(range(first, first + len(story.blows) + 1))
    with eager():
        mixed = told(story, fast_forward=lambda: next(turns) % 2 == 0)
    assert differences(mixed, events) == []


@examples(30)
@given(stories((ROOMY, MIDDLING)))
def test_a_copy_goes_on_like_the_original(story: Story) -> None:
    with eager():
        fast = told(story, fast_forward=True)
        copy = fast.branch()
        assert differences(fast, copy) == []
        for cluster in (fast, copy):
            cluster.run_for(40)
    assert differences(fast, copy) == []


# ---------------------------------------------------------------- which executor it was


def test_a_healthy_cluster_is_computed_by_the_vectorised_executor() -> None:
    """Otherwise nothing above would have been compared with anything."""
    cluster = Cluster(seven_services(50), 5)
    cluster.run_for(600)
    assert cluster.fast.computed > 0.6 * cluster.now


def test_random_clusters_with_room_are_computed_by_it_mostly() -> None:
    total = forwarded = 0

    @examples(60)
    @given(stories((ROOMY,), quiet_blows))
    def tell(story: Story) -> None:
        nonlocal total, forwarded
        with eager():
            cluster = told(story, fast_forward=True)
        total += cluster.now
        forwarded += cluster.fast.computed

    tell()
    assert forwarded > 0.7 * total


def test_a_cluster_told_to_use_events_does() -> None:
    cluster = Cluster(shop(), 5)
    cluster.fast_forward = False
    cluster.run_for(30)
    assert cluster.fast.computed == 0


def test_an_incident_is_paged_at_the_same_instant_by_both() -> None:
    fault = FAULTS["redis_maxmemory_orphan_keys"]
    fast = begin(seven_services(), fault, 1)
    events = Cluster(seven_services(), 1)
    events.fast_forward = False
    events.run_until(fast.onset)
    fault.inject(events)
    events.run_until(fast.paged)
    assert differences(fast.cluster, events) == []
