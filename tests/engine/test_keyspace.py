"""The in-memory store: lifetimes, the memory limit and the two policies at it."""

from __future__ import annotations

import pytest

from cluster_sim.clock import SECOND
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.specs import CacheSpec


def keyspace(policy: str, entries: int = 3, ttl_s: float = 10.0) -> Keyspace:
    """A store of entries of 100 bytes, of which so many fit."""
    return Keyspace(
        CacheSpec(
            maxmemory_bytes=1000 + 100 * (entries - 1),
            base_bytes=1000,
            entry_bytes=100,
            ttl_s=ttl_s,
            policy=policy,
            memory_limit_bytes=10_000,
        )
    )


def test_a_full_store_that_may_not_evict_refuses_writes_and_keeps_what_it_has() -> None:
    keys = keyspace("noeviction")
    assert keys.write([1, 2, 3], 0)
    assert not keys.write([4], 0)
    assert keys.refused == 1
    assert keys.read([1, 2, 3, 4], 0) == [4]
    assert keys.evicted == 0


def test_a_store_that_may_not_evict_takes_writes_again_once_keys_have_expired() -> None:
    keys = keyspace("noeviction")
    keys.write([1, 2, 3], 0)
    assert not keys.write([4], 10 * SECOND - 1)
    assert keys.write([4], 10 * SECOND)
    assert keys.expired == 3
    assert list(keys.entries) == [4]


def test_least_recently_used_evicts_the_key_that_was_read_longest_ago() -> None:
    keys = keyspace("allkeys-lru")
    keys.write([1, 2, 3], 0)
    assert keys.read([1], 1) == []
    assert keys.write([4], 2)
    assert keys.read([1, 2, 3, 4], 3) == [2]
    assert keys.evicted == 1
    assert keys.write([5], 4)
    assert list(keys.entries) == [3, 4, 5]


def test_a_batch_of_writes_stops_at_the_first_that_is_refused() -> None:
    keys = keyspace("noeviction")
    assert not keys.write([1, 2, 3, 4, 5], 0)
    assert (keys.written, keys.refused) == (3, 2)
    assert keys.read([1, 2, 3], 0) == []


def test_a_key_lives_for_its_time_from_its_last_write() -> None:
    keys = keyspace("noeviction")
    keys.write([1], 0)
    keys.write([1], 5 * SECOND)
    assert keys.read([1], 15 * SECOND - 1) == []
    keys.sweep(10 * SECOND)
    assert keys.expired == 0
    assert keys.read([1], 15 * SECOND + 1) == [1]
    keys.sweep(15 * SECOND)
    assert (keys.expired, len(keys.entries)) == (1, 0)


def test_reading_does_not_prolong_a_life() -> None:
    keys = keyspace("allkeys-lru")
    keys.write([1], 0)
    keys.read([1], 9 * SECOND)
    assert keys.read([1], 10 * SECOND + 1) == [1]


def test_hits_and_misses_add_up_to_the_lookups() -> None:
    keys = keyspace("noeviction")
    keys.write([1, 2], 0)
    keys.read([1, 2, 3], 1)
    keys.read([4, 1], 1)
    assert (keys.hits, keys.misses) == (3, 2)


def test_blocks_without_expiry_fill_the_memory_and_stay() -> None:
    keys = keyspace("noeviction")
    while keys.write_foreign(0):
        pass
    assert keys.lasting == 3
    assert keys.lasting_bytes == 300
    keys.sweep(1000 * SECOND)
    assert not keys.write([1], 1000 * SECOND)
    assert keys.delete_lasting() == 3
    assert keys.write([1], 1000 * SECOND)


@pytest.mark.parametrize("writes", [4, 5, 20])
def test_blocks_without_expiry_are_counted_right_when_some_of_them_were_evicted(writes: int) -> None:
    keys = keyspace("allkeys-lru")
    for _ in range(writes):
        assert keys.write_foreign(0)
    assert keys.lasting == sum(key < 0 for key in keys.entries) == 3
    assert keys.evicted == writes - 3


def test_clearing_empties_everything() -> None:
    keys = keyspace("noeviction")
    keys.write([1, 2], 0)
    keys.write_foreign(0)
    assert keys.clear() == 3
    assert keys.used_bytes == 1000
    keys.write([1], SECOND)
    keys.sweep(10 * SECOND)
    assert list(keys.entries) == [1]
