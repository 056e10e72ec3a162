"""Limits on logins by where they come from.

Fast-forward: events only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SECOND
from .attack import address_of
from .failures import Failure

if TYPE_CHECKING:
    from .call import Call

MINUTE = 60 * SECOND


class Blocked:
    """Requests from some addresses are refused.

    Attributes:
        addresses: which.
    """

    def __init__(self, addresses: frozenset[str]) -> None:
        self.addresses = addresses

    def meet(self, call: Call, now: int) -> Failure | None:
        """Refuse it or let it pass."""
        return Failure.RATE_LIMITED if address_of(call.flow) in self.addresses else None


class PerAddress:
    """Only so many requests a minute pass from any one address.

    Attributes:
        limit: how many.
        passed: address → how many have in the present minute.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.minute = -1
        self.passed: dict[str, int] = {}

    def meet(self, call: Call, now: int) -> Failure | None:
        """Refuse it or let it pass."""
        if now // MINUTE != self.minute:
            self.minute = now // MINUTE
            self.passed.clear()
        address = address_of(call.flow)
        passed = self.passed[address] = self.passed.get(address, 0) + 1
        return Failure.RATE_LIMITED if passed > self.limit else None
