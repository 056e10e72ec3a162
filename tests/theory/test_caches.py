"""Hit ratios of the in-memory store against Che's approximation and the formula for lifetimes."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.specs import CacheRead, CacheWrite, ClusterSpec, IfItems, PickItems, Step
from tests.support.clusters import ask, operation, store, topology
from tests.theory.formulas import che_hit_ratio, gate


def lookups(population: int, exponent: float, entries: int, ttl_s: float, policy: str, rate_hz: float) -> ClusterSpec:
    """Users look one key up; what is not there is written."""
    look_up: tuple[Step, ...] = (
        PickItems(count=1, population=population, exponent=exponent),
        CacheRead(),
        IfItems(steps=(CacheWrite(),)),
    )
    return topology(
        store(entries, operation("look_up", *look_up), ttl_s=ttl_s, policy=policy),
        steps=(ask("store", "look_up"),),
        rate_hz=rate_hz,
    )


def keyspace(cluster: Cluster) -> Keyspace:
    """The store's keys."""
    found = cluster.service("store").keyspace
    assert found is not None
    return found


def hit_ratio(cluster: Cluster, warm_up_s: float, run_s: float) -> tuple[float, int]:
    """Share of lookups that hit after a warm-up, and how many lookups there were."""
    cluster.run_for(warm_up_s)
    keys = keyspace(cluster)
    hits, misses = keys.hits, keys.misses
    cluster.run_for(run_s)
    count = keys.hits - hits + keys.misses - misses
    return (keys.hits - hits) / count, count


@pytest.mark.parametrize(("population", "capacity", "exponent"), [(10_000, 1_000, 0.9), (1_000, 100, 0.7)])
def test_least_recently_used_keys_are_evicted_as_che_approximates(
    population: int, capacity: int, exponent: float
) -> None:
    spec = lookups(population, exponent, capacity, 1e5, "allkeys-lru", 2000.0)
    cluster = Cluster(spec, 1, noise=0)
    measured, count = hit_ratio(cluster, 15.0, 75.0)
    weights = np.arange(1, population + 1) ** -exponent
    theory = che_hit_ratio((weights / weights.sum()).tolist(), capacity)
    assert len(keyspace(cluster).entries) == capacity
    # Che's formula is itself an approximation; half a percent is what it is good for here.
    assert measured == pytest.approx(theory, rel=gate(0.005, count) + 0.005)


@pytest.mark.parametrize("load", [0.5, 2.0, 6.0])
def test_keys_with_a_lifetime_are_found_as_renewal_theory_says(load: float) -> None:
    """Lookups at rate λ of one key that lives T after it is written hit with λT / (1 + λT)."""
    rate = 1000.0
    cluster = Cluster(lookups(1, 1.0, 10, load / rate, "noeviction", rate), 1, noise=0)
    measured, count = hit_ratio(cluster, 1.0, 90.0)
    # The table's figure is for λT = 6; the number of misses varies relatively less the more there are.
    assert measured == pytest.approx(load / (1 + load), rel=gate(0.0008, count) * (6 / load) ** 1.5)


def test_a_warm_cache_starts_with_the_hit_ratio_it_keeps() -> None:
    spec = lookups(500, 0.9, 1000, 30.0, "noeviction", 50.0)
    cluster = Cluster(spec, 1, noise=0)
    first, _ = hit_ratio(cluster, 0.0, 30.0)
    later, _ = hit_ratio(cluster, 60.0, 300.0)
    assert first == pytest.approx(later, abs=0.03)
