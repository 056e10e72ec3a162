"""Names of cache entries: by item, by revision, by request; and what becomes of them when the release goes."""

from __future__ import annotations

from collections import Counter

from cluster_sim import seven_services
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine.cache_keys import CacheKeys
from cluster_sim.engine.keyspace import NO_EXPIRY
from cluster_sim.engine.release import Behaviour

ITEMS = range(500)


def released(keys: CacheKeys, *, fast_forward: bool = True) -> Cluster:
    """A cluster whose inventory names its entries so."""
    cluster = Cluster(seven_services(), 3, fast_forward=fast_forward)
    cluster.run_for(60)
    cluster.deploy("inventory-service", Behaviour(cache_keys=keys))
    cluster.run_for(90)
    return cluster


def test_an_item_keeps_its_key_for_one_revision_and_items_change_at_different_times() -> None:
    keys = CacheKeys(revision_s=60)
    changes = [
        now
        for now in range(600, 660)
        for before, after in zip(
            keys.names(ITEMS, 1, now * SECOND), keys.names(ITEMS, 2, (now + 1) * SECOND), strict=True
        )
        if before != after
    ]
    assert len(changes) == len(ITEMS)
    assert max(Counter(changes).values()) < 20


def test_names_are_distinct_and_none_is_that_of_an_item() -> None:
    revisions = CacheKeys(revision_s=60)
    requests = CacheKeys(per_request=True)
    names = [
        *(name for minute in range(5) for name in revisions.names(ITEMS, 1, minute * 60 * SECOND)),
        *(name for request in range(5) for name in requests.names(ITEMS, request, 0)),
    ]
    assert len(set(names)) == len(names)
    assert max(names) < 0


def test_entries_without_expiry_are_found_again_and_stay() -> None:
    cluster = released(CacheKeys(revision_s=1000, expire=False))
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    before = (keyspace.hits, keyspace.misses)
    cluster.run_for(30)
    hits, misses = keyspace.hits - before[0], keyspace.misses - before[1]
    assert hits > 20 * misses
    assert keyspace.lasting == sum(expires == NO_EXPIRY for expires in keyspace.entries.values()) > 300


def test_a_key_of_the_request_never_hits_and_expires() -> None:
    cluster = released(CacheKeys(per_request=True))
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    before = keyspace.hits
    cluster.run_for(30)
    assert keyspace.hits == before
    assert keyspace.lasting == 0
    assert keyspace.expired > 0


def test_rolled_back_the_cluster_is_computed_at_once_again_with_the_same_result() -> None:
    """Entries under other names are still there and do not count as those of items."""
    outcomes = []
    for fast_forward in (True, False):
        cluster = released(CacheKeys(revision_s=120, expire=False), fast_forward=fast_forward)
        cluster.roll_back("inventory-service")
        cluster.run_for(120)
        keyspace = cluster.service("redis-cache").keyspace
        assert keyspace is not None
        assert keyspace.lasting > 0
        computed = cluster.fast.computed
        cluster.run_for(300)
        assert (cluster.fast.computed > computed) == fast_forward
        outcomes.append((cluster.recorder.outcomes, keyspace.hits, keyspace.misses, sorted(keyspace.entries)))
    assert outcomes[0] == outcomes[1]
