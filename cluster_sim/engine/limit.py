"""Limits on the calls of an edge that are let through.

Fast-forward: events only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import Failure

if TYPE_CHECKING:
    from ..rng import Streams
    from .call import Call


class Shedding:
    """A share of the requests of an edge is refused with 429, whoever sends them.

    Attributes:
        share: 0 to 1, how many are refused.
        sheds: users are turned away.
    """

    sheds = True

    def __init__(self, share: float, streams: Streams) -> None:
        self.share = share
        self.streams = streams

    def meet(self, call: Call, now: int) -> Failure | None:
        """Refuse it or let it pass, by a draw of the request."""
        return Failure.RATE_LIMITED if self.streams.uniform("shed", call.flow.number) < self.share else None
