"""Telemetry reads the cluster and leaves it as it was."""

from collections.abc import Callable

import pytest

from cluster_sim import Cluster
from cluster_sim.telemetry.collector import detail, exposition
from cluster_sim.telemetry.logs import recent


def read_logs(cluster: Cluster) -> object:
    return [recent(cluster, name, limit=10_000) for name in cluster.services]


def read_details(cluster: Cluster) -> object:
    return [detail(cluster, name) for name in cluster.services]


def read_openmetrics(cluster: Cluster) -> object:
    return exposition(cluster, openmetrics=True)


@pytest.mark.parametrize("read", [read_logs, exposition, read_openmetrics, read_details])
def test_reading_twice_gives_the_same_and_leaves_the_snapshot_as_it_was(
    unread: Cluster, read: Callable[[Cluster], object]
) -> None:
    before = unread.snapshot()
    first = read(unread)
    assert read(unread) == first
    assert unread.snapshot() == before


def test_a_cluster_that_was_read_goes_on_like_one_that_was_not(out_of_memory: Cluster) -> None:
    read, unread = out_of_memory.branch(), out_of_memory.branch()
    for _ in range(3):
        read_logs(read)
        read_details(read)
        exposition(read)
        read.run_for(20)
    unread.run_for(60)
    assert exposition(read) == exposition(unread)
    assert read_logs(read) == read_logs(unread)
