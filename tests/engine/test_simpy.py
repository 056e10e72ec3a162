"""Ordinary SimPy processes run on the cluster's clock, beside its requests."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import simpy

from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from tests.support.equality import differences
from tests.support.storms import shop

Process = Generator[simpy.Event, Any, Any]


def test_a_process_sees_the_time_of_the_requests_and_does_not_disturb_them() -> None:
    alone, watched = Cluster(shop(), 1), Cluster(shop(), 1)
    seen: list[tuple[int, int]] = []

    def watch() -> Process:
        while True:
            yield watched.sim.timeout(SECOND // 2)
            seen.append((watched.now, watched.service("web").replicas[0].in_flight))

    watched.sim.process(watch())
    alone.run_for(60)
    watched.run_for(60)
    assert [at for at, _ in seen] == [SECOND // 2 * step for step in range(1, 120)]
    assert max(count for _, count in seen) > 0
    assert watched.recorder.outcomes == alone.recorder.outcomes
    assert [list(s.log) for s in watched.services.values()] == [list(s.log) for s in alone.services.values()]
    # Its own next step is all that the other cluster does not have.
    assert {difference.split("[")[0].split(":")[0] for difference in differences(watched, alone)} == {"/pending"}


def test_a_process_can_do_what_an_operator_does() -> None:
    cluster = Cluster(shop(), 1, noise=0)

    def operate() -> Process:
        yield cluster.sim.timeout(10 * SECOND)
        cluster.restart("web")
        while len(cluster.service("web").ready) < 2:
            yield cluster.sim.timeout(SECOND // 10)
        return cluster.now

    operator = cluster.sim.process(operate())
    cluster.run_for(30)
    assert operator.processed
    assert 12 * SECOND < int(operator.value or 0) < 14.1 * SECOND
    assert [replica.restarts for replica in cluster.service("web").replicas] == [1, 1]


def test_resources_and_conditions_work_on_the_same_clock() -> None:
    cluster = Cluster(shop(), 1, noise=0)
    slot = simpy.Resource(cluster.sim, capacity=1)
    done: list[tuple[str, int]] = []

    def use(name: str, patience: int) -> Process:
        with slot.request() as request:
            outcome = yield request | cluster.sim.timeout(patience)
            if request in outcome:
                yield cluster.sim.timeout(3 * SECOND)
                done.append((name, cluster.now))
            else:
                done.append((f"{name} left", cluster.now))

    for name, patience in (("first", SECOND), ("second", 10 * SECOND), ("third", 4 * SECOND)):
        cluster.sim.process(use(name, patience))
    cluster.run_for(20)
    assert done == [("first", 3 * SECOND), ("third left", 4 * SECOND), ("second", 6 * SECOND)]


def test_an_error_in_a_process_is_not_swallowed() -> None:
    cluster = Cluster(shop(), 1, noise=0)

    def fail() -> Process:
        yield cluster.sim.timeout(SECOND)
        raise RuntimeError("no such pod")

    cluster.sim.process(fail())
    with pytest.raises(RuntimeError, match="no such pod"):
        cluster.run_for(5)
