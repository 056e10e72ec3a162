"""How a release names the cache entries of items, and whether it gives them a time to live.

Fast-forward: events only, as for every behaviour that is not the usual one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..clock import nanoseconds

_ITEMS = 1 << 20
"""More than there are items."""
_FIRST = -(1 << 40)
"""Names made here are below; the items themselves are their usual names, and blocks of others' data are above."""
_SPREAD = 0x9E3779B1
"""Spreads the instants at which items change over the time in which all do once (2**32 over the golden ratio)."""


@dataclass(frozen=True, kw_only=True)
class CacheKeys:
    """The keys under which a client keeps items in a store. The defaults are the usual: one key for each item.

    Attributes:
        revision_s: seconds after which an item has a new revision, if its key contains that; 0 if it does not.
        per_request: the key contains the id of the request.
        expire: entries are written with a time to live.
        operations: the operations of the client that do so; none named: all.
    """

    revision_s: float = 0.0
    per_request: bool = False
    expire: bool = True
    operations: tuple[str, ...] = ()

    def names(self, items: Iterable[int], request: int, now: int) -> list[int]:
        """The keys of some items, for a request at an instant."""
        if self.per_request:
            return [_name(item, request, 1) for item in items]
        if self.revision_s:
            period = nanoseconds(self.revision_s)
            return [_name(item, (now + (item * _SPREAD % 2**32) * period // 2**32) // period, 0) for item in items]
        return list(items)


def _name(item: int, version: int, kind: int) -> int:
    return _FIRST - ((version * _ITEMS + item) * 2 + kind)
