"""The network between pods: an interface of a node that loses packets, and a way that is long.

Fast-forward: events only, as with every obstacle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import MILLISECOND
from ..specs import Operation, Work
from .gate import Held

if TYPE_CHECKING:
    from ..rng import Streams
    from .call import Call
    from .profile import Profile

RETRANSMISSION_TIMEOUT = 200 * MILLISECOND
"""After which a lost segment is sent again, doubled each time (Linux: TCP_RTO_MIN; few segments are under way, so
that there are no duplicate acknowledgements to make it quicker)."""
SEGMENTS = 8
"""Segments of a call and its answer with what acknowledges them, each of which may be lost (chosen)."""
MOST_LOSSES = 6
"""Times in a row that a segment is lost at most; by then every client has given up."""


class Interface:
    """The network interface of a node, as its kernel counts.

    Attributes:
        node: whose it is.
        loss: share of segments that it drops while it is worn out.
        profile: when it does; None: it is sound.
        retransmitted: segments sent again by the connections of the node.
        receive_errors: frames that arrived broken.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.loss = 0.0
        self.profile: Profile | None = None
        self.retransmitted = 0
        self.receive_errors = 0

    @property
    def sound(self) -> bool:
        """Whether it drops nothing."""
        return self.profile is None

    def wear_out(self, profile: Profile, loss: float) -> None:
        """It begins to drop segments."""
        self.profile, self.loss = profile, loss

    def replace(self) -> None:
        """A new one is put in; the kernel goes on counting."""
        self.profile, self.loss = None, 0.0

    def losses(self, draw: float, now: int) -> int:
        """How often in a row the unluckiest segment of a call is lost; `draw` is uniform in [0, 1)."""
        if self.profile is None:
            return 0
        loss = self.loss * self.profile.level(now)
        times = 0
        while times < MOST_LOSSES and draw < 1.0 - (1.0 - loss ** (times + 1)) ** SEGMENTS:
            times += 1
        return times


class Wire:
    """The way of the calls of an edge through the interface of the node that their client runs on.

    Attributes:
        interfaces: node → its interface.
    """

    def __init__(self, interfaces: dict[str, Interface], streams: Streams) -> None:
        self.interfaces = interfaces
        self.streams = streams

    def meet(self, call: Call, now: int) -> Held | None:
        """Hold a call for as long as what is lost of it has to be waited for."""
        caller = call.parent
        if caller is None or caller.replica is None:
            return None
        interface = self.interfaces[caller.replica.node]
        draw = self.streams.uniform("loss", call.flow.number, call.edge.index, call.attempt)
        times = interface.losses(draw, now)
        if not times:
            return None
        interface.retransmitted += times
        interface.receive_errors += times
        return Held(RETRANSMISSION_TIMEOUT * (2**times - 1), on_the_way=True)


class Detour:
    """A server is in another zone than its clients: every round trip of a call takes so much longer.

    Attributes:
        zone: where the server is; empty: in the usual one, and its clients are not.
        round_trip: nanoseconds that a round trip takes more than within the zone.
    """

    def __init__(self, zone: str, round_trip: int, streams: Streams) -> None:
        self.zone = zone
        self.round_trip = round_trip
        self.streams = streams

    def meet(self, call: Call, now: int) -> Held | None:
        """Hold a call for its round trips, which differ by a tenth."""
        trips = round_trips(call.edge.spec.operation, len(call.items))
        if not trips:
            return None
        spread = 0.9 + 0.2 * self.streams.uniform("detour", call.flow.number, call.edge.index, call.attempt)
        return Held(int(trips * self.round_trip * spread), on_the_way=True)


def round_trips(operation: Operation, items: int) -> int:
    """How often client and server wait for each other in an operation about so many items."""
    per_item = any(isinstance(step, Work) and step.per_item for step in operation.steps)
    return operation.round_trips * (items if per_item else 1)
