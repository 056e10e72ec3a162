"""The store: what was scraped, as series."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_sim import Cluster, Matcher, seven_services, unix_ms
from cluster_sim.specs import ScrapeSpec
from cluster_sim.telemetry.collector import registry
from cluster_sim.telemetry.series import NAME, STALE, Series, is_stale

EVERYTHING = (Matcher(NAME, "!=", ""),)


@pytest.fixture(scope="module")
def restarted() -> Cluster:
    """Ten minutes in which one service was restarted and another scaled up and down again."""
    cluster = Cluster(seven_services(), seed=11)
    cluster.run_for(200)
    cluster.restart("checkout-service", "Error")
    cluster.run_for(100)
    cluster.scale("payment-service", 5)
    cluster.run_for(100)
    cluster.scale("payment-service", 3)
    cluster.run_for(200)
    return cluster


def read(cluster: Cluster, first_ms: int | None = None, last_ms: int | None = None) -> dict[tuple, Series]:
    start = 0 if first_ms is None else first_ms
    end = unix_ms(cluster.now, cluster.epoch_s) if last_ms is None else last_ms
    return {tuple(s.labels.items()): s for s in cluster.metrics.select(EVERYTHING, start, end)}


def one(cluster: Cluster, name: str, **labels: str) -> Series:
    (series,) = cluster.metrics.select(
        [Matcher(NAME, "=", name), *(Matcher(label, "=", value) for label, value in labels.items())],
        0,
        unix_ms(cluster.now, cluster.epoch_s),
    )
    return series


def test_a_scrape_sees_what_the_page_shows_at_that_instant():
    """With all targets scraped together, the last samples are those of the page of that instant."""
    cluster = Cluster(seven_services(scrape=ScrapeSpec(interval_s=7.3, jitter=False)), seed=3)
    cluster.run_until(19 * 7_300_000_000 + 1)  # an instant at which nothing else happens
    stored = {
        key: float(series.values[-1]) for key, series in read(cluster).items() if not is_stale(series.values[-1:])[0]
    }
    page = {
        tuple(sorted([(NAME, sample.name), *sample.labels.items()])): sample.value
        for family in registry(cluster).collect()
        for sample in family.samples
    }
    only_stored = {dict(key)[NAME] for key in stored.keys() - page.keys()}
    assert page.keys() <= stored.keys()
    assert only_stored <= {"scrape_duration_seconds", "scrape_series_added"} | {
        name for name in only_stored if ":" in name or name.startswith("ALERTS")
    }
    assert {key: stored[key] for key in page} == pytest.approx(page, rel=1e-12)


def test_targets_are_scraped_at_offsets_of_their_own_every_interval(restarted):
    """Each target keeps its place within the interval, and they differ."""
    offsets = set()
    for key, series in read(restarted).items():
        if dict(key)[NAME] == "up" and len(series.times) > 2:
            assert set(np.diff(series.times).tolist()) <= {15_000}
            offsets.add(int(series.times[0]) % 15_000)
    assert len(offsets) > 15
    assert 0 not in offsets


def test_a_faster_interval_is_kept():
    """The interval is a parameter."""
    cluster = Cluster(seven_services(scrape=ScrapeSpec(interval_s=5)), seed=3)
    cluster.run_for(100)
    series = one(cluster, "pg_up")
    assert len(series.times) == 20
    assert set(np.diff(series.times).tolist()) == {5_000}


def test_a_window_read_by_itself_is_the_same_part_of_the_whole(restarted):
    """Staleness and first appearances do not depend on where a read begins."""
    whole = read(restarted)
    now = unix_ms(restarted.now, restarted.epoch_s)
    for back_s, length_s in ((590, 120), (405, 15), (395, 200), (301, 61), (200, 45), (120, 120), (37, 37)):
        first, last = now - back_s * 1000, now - back_s * 1000 + length_s * 1000
        part = read(restarted, first, last)
        for key, series in whole.items():
            inside = (series.times >= first) & (series.times <= last)
            if not inside.any():
                assert key not in part, key
                continue
            assert part[key].times.tolist() == series.times[inside].tolist(), key
            assert part[key].values.tobytes() == series.values[inside].tobytes(), key


def test_a_pod_that_is_down_is_not_up_and_its_series_end(restarted):
    """Whoever asks at that moment sees no stale numbers, and `up` goes on with 0."""
    pod = restarted.service("checkout-service").replicas[0].name
    up = one(restarted, "up", pod=pod, job="checkout-service")
    assert 0.0 in up.values
    assert not is_stale(up.values).any()
    down = up.times[up.values == 0.0]
    requests = one(restarted, "http_server_active_requests", pod=pod)
    assert is_stale(requests.values).sum() == 1
    assert requests.times[is_stale(requests.values)].tolist() == [down[0]]


def test_counters_begin_again_after_a_restart(restarted):
    """The process's counters fall and its start time rises at the same scrape."""
    pod = restarted.service("checkout-service").replicas[0].name
    cpu = one(restarted, "process_cpu_seconds_total", pod=pod)
    started = one(restarted, "process_start_time_seconds", pod=pod)
    alive = ~is_stale(cpu.values)
    falls = np.diff(cpu.values[alive]) < 0
    assert falls.sum() == 1
    assert np.array_equal(np.diff(started.values[~is_stale(started.values)]) > 0, falls)


def test_a_pod_on_another_node_is_another_set_of_series():
    """Labels of the target change, so the old series end where the new ones begin."""
    cluster = Cluster(seven_services(), seed=4)
    cluster.run_for(100)
    pod = cluster.service("auth-service").replicas[0]
    before = pod.node
    cluster.evict(pod)
    cluster.run_for(100)
    old = one(cluster, "up", pod=pod.name, node=before)
    new = one(cluster, "up", pod=pod.name, node=pod.node)
    assert pod.node != before
    assert is_stale(old.values).tolist() == [False] * (len(old.values) - 1) + [True]
    assert old.times[-1] == new.times[0]


def test_all_series_of_a_pod_that_was_removed_end(restarted):
    """Even `up` ends, at the scrape that would have been the next."""
    here = {replica.name for replica in restarted.service("payment-service").replicas}
    gone = {
        key: series
        for key, series in read(restarted).items()
        if dict(key).get("job") == "payment-service" and dict(key)["pod"] not in here
    }
    assert len({dict(key)["pod"] for key in gone}) == 2
    assert all(is_stale(series.values[-1:])[0] for series in gone.values())


def test_histograms_begin_with_their_first_observation(restarted):
    """No series of a histogram is zero in all its buckets."""
    for key, series in read(restarted).items():
        if dict(key)[NAME] == "http_server_request_duration_seconds_count":
            assert (series.values[~is_stale(series.values)] > 0).all()


def test_half_an_hour_takes_less_than_a_megabyte_and_a_half():
    """The store's bytes: 1.5 MB is its limit."""
    cluster = Cluster(seven_services(), seed=1)
    cluster.run_for(1800)
    blocks = [block for target in cluster.scrapes.targets for block in target.blocks]
    size = sum(part.itemsize * len(part) for block in blocks for part in (block.times, block.counts, block.values))
    recorded = sum(len(samples.times) * 16 for samples in cluster.recordings.series.values())
    assert len(read(cluster)) > 1000
    assert size + recorded < 1_500_000


def test_times_follow_the_epoch_of_the_cluster():
    """A cluster that is shown on another date has the same telemetry on that date."""
    later = 1_000_000
    plain, shifted = (Cluster(seven_services(), seed=5, epoch_s=epoch) for epoch in (1_741_942_800, 1_742_942_800))
    for cluster in (plain, shifted):
        cluster.run_for(60)
    for key, series in read(plain).items():
        moved = read(shifted)[key]
        assert (moved.times - series.times == later * 1000).all()
    pod = plain.service("auth-service").replicas[0].name
    starts = [one(c, "process_start_time_seconds", pod=pod).values[-1] for c in (plain, shifted)]
    assert starts[1] - starts[0] == later


def test_the_marker_of_an_end_is_prometheus_own():
    """The bits of StaleNaN."""
    assert np.array([STALE]).view(np.uint64)[0] == 0x7FF0000000000002
    assert is_stale(np.array([STALE, np.nan, 1.0])).tolist() == [True, False, False]
