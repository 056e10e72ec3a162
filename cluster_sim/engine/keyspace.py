"""The in-memory store: keys with time to live, a memory limit, and what happens at it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ..clock import nanoseconds
from ..specs import CacheSpec
from .failures import Failure
from .saves import Saves
from .state import State

if TYPE_CHECKING:
    from .watchers import Watcher

NO_EXPIRY: Final = 0
EVICTING_POLICIES = ("allkeys-lru",)
POLICIES = ("noeviction", *EVICTING_POLICIES)
KEY_BYTES: Final = 40
"""What the name of a key takes in a command (chosen)."""


class Keyspace(State):
    """Keys of equal size. Entries stand in the order of their last use, where the policy needs that order.

    Keys at or above 0 are cache entries under their usual names. Keys below 0 are entries under other names, and
    blocks of somebody else's data.

    Attributes:
        population: keys that clients may write.
        entries: key → the instant it expires (0: never).
        lasting: keys that never expire.
        saves: its snapshots.
        watchers: clients that are told of every command.
        monitoring: whether clients are allowed to be.
        output_limit_bytes: what may wait for a client; with more it is cut off (client-output-buffer-limit). None: all.
        watched: whether there has been a watcher since the store started.
        hits, misses, written, refused, unsaved, evicted, expired, cut_off: counts since the store started; writes are
            `refused` for want of memory, `unsaved` because the last save failed.
        scans, scanned, last_scan: commands that went over all data, the nanoseconds they took, and the last one did.
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
        self.lasting = 0
        self._last_foreign = 0
        self.saves = Saves()
        self.watchers: list[Watcher] = []
        self.monitoring = True
        self.output_limit_bytes: int | None = None
        self._reset_counts()

    def _reset_counts(self) -> None:
        self.hits = self.misses = self.written = self.refused = self.evicted = self.expired = 0
        self.unsaved = self.cut_off = 0
        self.scans = self.scanned = self.last_scan = 0
        self.watched = False

    def begin(self, now: int) -> None:
        """The process has just started: its counters are at zero, its clients gone, its data set is the one saved."""
        self._reset_counts()
        for watcher in list(self.watchers):
            watcher.disconnect()
        if not self.saves.fits(self.dataset_bytes, now):
            since = self.saves.saved_at + self.ttl
            self.entries = {k: until for k, until in self.entries.items() if until == NO_EXPIRY or until <= since}
            self.sweep(now)
        self.saves.begin()

    @property
    def plain(self) -> bool:
        """Whether nobody watches it, and its saves succeed."""
        return not self.watchers and self.saves.plain

    @property
    def refusal(self) -> Failure:
        """What it answers to a write that it has just refused."""
        return Failure.STORE_MISCONFIGURED if self.saves.stops_writes and not self.full else Failure.CACHE_FULL

    @property
    def dataset_bytes(self) -> int:
        """Memory of the keys."""
        return len(self.entries) * self.spec.entry_bytes

    @property
    def output_bytes(self) -> int:
        """Memory of what waits for clients."""
        return sum(watcher.pending_bytes for watcher in self.watchers)

    @property
    def used_bytes(self) -> int:
        """Memory in use."""
        used = self.spec.base_bytes + len(self.entries) * self.spec.entry_bytes
        return used + self.output_bytes if self.watchers else used

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
    def lasting_bytes(self) -> int:
        """Bytes of the keys that never expire."""
        return self.lasting * self.spec.entry_bytes

    def read(self, keys: list[int], now: int) -> list[int]:
        """Look keys up; returns those not found."""
        entries = self.entries
        missing = [key for key in keys if entries.get(key, -1) < now and entries.get(key, -1) != NO_EXPIRY]
        if self.policy != "noeviction":
            for key in keys:
                if key in entries:
                    entries[key] = entries.pop(key)
        self.misses += len(missing)
        self.hits += len(keys) - len(missing)
        if self.watchers:
            self._tell(KEY_BYTES * len(keys))
        return missing

    def write(self, keys: list[int], now: int, *, expire: bool = True) -> bool:
        """Set keys, one command each, with the usual time to live or none; False if any was refused."""
        self.sweep(now)
        expires = now + self.ttl if expire else NO_EXPIRY
        entries = self.entries
        most = self._most()
        for place, key in enumerate(keys):
            if len(entries) > most and not self._make_room():
                self.refused += len(keys) - place
                self.written += place
                return False
            if self.saves.failed and self.saves.stop_writes:
                self.unsaved += len(keys) - place
                self.written += place
                return False
            self.lasting += (not expire) - (entries.pop(key, None) == NO_EXPIRY)
            entries[key] = expires
            if expire:
                self.expiring.append((expires, key))
            if self.watchers:
                self._tell(KEY_BYTES + self.spec.entry_bytes)
                most = self._most()
        self.written += len(keys)
        return True

    def _most(self) -> int:
        """Keys there may be before the next one is refused or takes the place of another."""
        room = self.maxmemory_bytes - self.spec.base_bytes
        return (room - self.output_bytes if self.watchers else room) // self.spec.entry_bytes

    def watch(self, watcher: Watcher) -> None:
        """A client is told of every command from now on."""
        self.watchers.append(watcher)
        self.watched = True

    def unwatch(self) -> None:
        """Nobody may be told of commands any more, and who is loses the connection."""
        self.monitoring = False
        for watcher in list(self.watchers):
            watcher.disconnect()

    def _tell(self, size: int) -> None:
        for watcher in list(self.watchers):
            watcher.feed(size)

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
        if self.saves.stops_writes:
            self.unsaved += 1
            return False
        self.lasting += 1
        self._last_foreign -= 1  # never used twice: evicted blocks leave gaps
        self.entries[self._last_foreign] = NO_EXPIRY
        self.written += 1
        return True

    def delete_lasting(self) -> int:
        """Delete the keys without expiry; returns how many there were."""
        keys = [key for key, expires in self.entries.items() if expires == NO_EXPIRY]
        for key in keys:
            del self.entries[key]
        self.lasting = 0
        return len(keys)

    def clear(self) -> int:
        """Delete everything; returns how many keys there were."""
        count = len(self.entries)
        self.entries.clear()
        self.expiring.clear()
        self.lasting = 0
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
            self.lasting -= self.entries.pop(oldest) == NO_EXPIRY
            self.evicted += 1
        return True
