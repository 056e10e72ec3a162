"""The in-memory store: keys with time to live, a memory limit, and what happens at it."""

from __future__ import annotations

from collections import deque

from ..clock import nanoseconds
from ..specs import CacheSpec

NO_EXPIRY = 0
EVICTING_POLICIES = ("allkeys-lru",)
POLICIES = ("noeviction", *EVICTING_POLICIES)


class Keyspace:
    """Keys of equal size. Entries stand in the order of their last use, where the policy needs that order.

    Keys at or above 0 are cache entries; keys below 0 are blocks of somebody else's data without expiry.

    Attributes:
        population: keys that clients may write.
        entries: key → the instant it expires (0: never).
        hits, misses, written, refused, evicted, expired: counts since the store started.
    """

    def __init__(self, spec: CacheSpec) -> None:
        self.spec = spec
        self.maxmemory_bytes = spec.maxmemory_bytes
        self.memory_limit_bytes = spec.memory_limit_bytes
        self.policy = spec.policy
        self.ttl = nanoseconds(spec.ttl_s)
        self.population = 0
        self.entries: dict[int, int] = {}
        self.expiring: deque[tuple[int, int]] = deque()
        self.foreign = 0
        self._last_foreign = 0
        self.reset_counts()

    def reset_counts(self) -> None:
        """The counters of a process that has just started."""
        self.hits = self.misses = self.written = self.refused = self.evicted = self.expired = 0

    @property
    def used_bytes(self) -> int:
        """Memory in use."""
        return self.spec.base_bytes + len(self.entries) * self.spec.entry_bytes

    @property
    def full(self) -> bool:
        """Whether commands that may use more memory are refused (or make room by evicting)."""
        return self.used_bytes > self.maxmemory_bytes

    @property
    def roomy(self) -> bool:
        """Whether there is room for every key that clients may write."""
        most = (self.maxmemory_bytes - self.spec.base_bytes) // self.spec.entry_bytes
        return len(self.entries) + self.population <= most

    @property
    def foreign_bytes(self) -> int:
        """Bytes of the blocks that never expire."""
        return self.foreign * self.spec.entry_bytes

    def read(self, keys: list[int], now: int) -> list[int]:
        """Look keys up; returns those not found."""
        entries = self.entries
        missing = [key for key in keys if entries.get(key, -1) < now]
        if self.policy != "noeviction":
            for key in keys:
                if key in entries:
                    entries[key] = entries.pop(key)
        self.misses += len(missing)
        self.hits += len(keys) - len(missing)
        return missing

    def write(self, keys: list[int], now: int) -> bool:
        """Set keys, one command each, with the usual time to live; False if any was refused for want of memory."""
        self.sweep(now)
        expires = now + self.ttl
        entries = self.entries
        most = (self.maxmemory_bytes - self.spec.base_bytes) // self.spec.entry_bytes
        for place, key in enumerate(keys):
            if len(entries) > most and not self._make_room():
                self.refused += len(keys) - place
                self.written += place
                return False
            entries.pop(key, None)
            entries[key] = expires
            self.expiring.append((expires, key))
        self.written += len(keys)
        return True

    def replay(self, times: list[int], keys: list[int], done: int, now: int) -> int:
        """Write keys, each at an instant of its own, as `write` would have where there is room for all.

        Args:
            done: how many of them are written already.

        Returns:
            How many are now: all those before `now`.
        """
        entries, expiring, ttl = self.entries, self.expiring, self.ttl
        begun = done
        while done < len(times) and times[done] < now:
            at, key = times[done], keys[done]
            old = entries.pop(key, NO_EXPIRY)
            if old != NO_EXPIRY and old <= at:
                self.expired += 1
            entries[key] = at + ttl
            expiring.append((at + ttl, key))
            done += 1
        self.written += done - begun
        if done > begun:
            self.sweep(times[done - 1])
        return done

    def write_foreign(self, now: int) -> bool:
        """Set one block of somebody else's keys, without expiry."""
        self.sweep(now)
        if not self._make_room():
            self.refused += 1
            return False
        self.foreign += 1
        self._last_foreign -= 1  # never used twice: evicted blocks leave gaps
        self.entries[self._last_foreign] = NO_EXPIRY
        self.written += 1
        return True

    def delete_foreign(self) -> int:
        """Delete the blocks without expiry; returns how many there were."""
        blocks = [key for key in self.entries if key < 0]
        for key in blocks:
            del self.entries[key]
        self.foreign = 0
        return len(blocks)

    def clear(self) -> int:
        """Delete everything; returns how many keys there were."""
        count = len(self.entries)
        self.entries.clear()
        self.expiring.clear()
        self.foreign = 0
        return count

    def sweep(self, now: int) -> None:
        """Remove what has expired (the store's active expiry)."""
        expiring = self.expiring
        while expiring and expiring[0][0] <= now:
            expires, key = expiring.popleft()
            if self.entries.get(key) == expires:
                del self.entries[key]
                self.expired += 1

    def _make_room(self) -> bool:
        while self.full:
            if self.policy not in EVICTING_POLICIES or not self.entries:
                return False
            oldest = next(iter(self.entries))
            del self.entries[oldest]
            self.foreign -= oldest < 0
            self.evicted += 1
        return True
