"""The kernel's table of tracked connections on each node, and what happens to new ones while it is full.

A connection that nobody uses any more keeps its entry for a while, so who opens many short ones fills the table. In a
full one a new connection only finds room when an old entry lapses: of the first packets (SYN) as many are dropped as
there are more than that. A dropped one is sent again after 1, 3 and 7 s, as Linux does; what is established goes on.

It is the node of whoever opens a connection that counts, or the ingress's for users; the receiving node's table is
left out.

Fast-forward: events only while a table overflows.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import SECOND, WINDOW
from ..specs import USERS, Language
from .gate import Held
from .profile import Profile

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .call import Call

NODES = ("node-1", "node-2", "node-3")
LIMIT = 65_536
"""Entries of a table (nf_conntrack_max of a node with 1 GiB or less per its formula; chosen)."""
ENTRY_S = 120
"""Seconds that an entry outlives its connection: nf_conntrack_tcp_timeout_time_wait."""
ORDINARY = (5_000, 7_000)
"""Entries of a node's ordinary life (chosen)."""

RETRANSMITTED = (1 * SECOND, 3 * SECOND, 7 * SECOND, 15 * SECOND, 31 * SECOND)
"""After how long a SYN is sent again: initial timeout 1 s, doubled each time (Linux, tcp_syn_retries)."""
NEW_SHARE = 0.8
INGRESS_NEW_SHARE = 0.15
"""Share of calls between services, and from the ingress, that open a connection instead of using one that is kept
(chosen: services close theirs after some requests, an ingress keeps hundreds)."""

_DATASTORES = (Language.POSTGRES, Language.REDIS)
_GONE = Held(gone=True)


@dataclass(frozen=True, kw_only=True)
class Hog:
    """A pod beside the services that opens a connection for everything it does.

    Attributes:
        pod: its name. It belongs to nobody who would start it again.
        service: the service whose team runs it, in whose log its lines are.
        rate_hz: connections a second.
    """

    pod: str
    service: str
    node: str
    rate_hz: float
    profile: Profile


class Conntrack:
    """The tables of all nodes; while one may overflow, in the way of calls that have to open a connection.

    Attributes:
        limits: node → entries that its table holds.
        hogs: pods that open very many connections.
    """

    connects = True

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.limits = dict.fromkeys(NODES, LIMIT)
        self.hogs: list[Hog] = []

    def run(self, hog: Hog) -> None:
        """Somebody starts such a pod."""
        self.hogs.append(hog)
        self._event(hog, "Scheduled", f"Successfully assigned shop/{hog.pod} to {hog.node}")
        self._refresh()

    def delete(self, hog: Hog) -> None:
        """The pod is deleted."""
        self.hogs.remove(hog)
        self._event(hog, "Killing", "Stopping container")
        self._refresh()

    def set_limit(self, limit: int) -> None:
        """Let the tables of all nodes grow so far."""
        self.limits = dict.fromkeys(self.limits, limit)
        self._refresh()

    def _event(self, hog: Hog, reason: str, message: str) -> None:
        self.cluster.recorder.log(hog.service, hog.pod, "kubernetes", "Normal", reason, message)

    def _refresh(self) -> None:
        """Connections meet the table where it may overflow."""
        overflows = any(self.peak(node) > limit for node, limit in self.limits.items())
        for edge in self.cluster.edges:
            if self.cluster.service(edge.server).spec.language in _DATASTORES:
                continue  # their connections are pooled, and stay
            there = edge.gate is not None and self in edge.gate.obstacles
            if overflows and not there:
                edge.obstruct(self)
            elif there and not overflows:
                edge.clear(self)

    # ------------------------------------------------------------ its state

    def peak(self, node: str) -> float:
        """Entries that the pods of a node want at most."""
        return ORDINARY[1] + ENTRY_S * sum(hog.rate_hz for hog in self.hogs if hog.node == node)

    def wanted(self, node: str, now: int) -> float:
        """Entries that the pods of a node want now."""
        low, high = ORDINARY
        ordinary = low + (high - low) * self.cluster.streams.uniform("conntrack", NODES.index(node), now // WINDOW)
        return ordinary + ENTRY_S * sum(h.rate_hz * h.profile.level(now) for h in self.hogs if h.node == node)

    def entries(self, node: str, now: int) -> int:
        """Entries in the table of a node."""
        return min(int(self.wanted(node, now)), self.limits[node])

    def dropped(self, node: str, now: int) -> float:
        """Share of new connections whose first packet finds the table full."""
        return max(1.0 - self.limits[node] / self.wanted(node, now), 0.0) if self.hogs else 0.0

    # ------------------------------------------------------------ in the way of calls

    def meet(self, call: Call, now: int) -> Held | None:
        """Whether the next packet gets through; if not, the one after it may."""
        if call.parent is None:
            return _GONE
        streams = self.cluster.streams
        node, share = self._opener(call)
        dropped = self.dropped(node, now)
        if not dropped:
            return None
        keys = (call.flow.number, call.edge.index, call.attempt)
        sent = bisect_right(RETRANSMITTED, now - call.start)
        if not sent and streams.uniform("connection", *keys) >= share:
            return None
        if sent == len(RETRANSMITTED) or streams.uniform("syn", *keys, sent) >= dropped:
            return None
        return Held(call.start + RETRANSMITTED[sent] - now, again=True)

    def _opener(self, call: Call) -> tuple[str, float]:
        """The node from which a call is made, and how likely it needs a connection of its own."""
        assert call.parent is not None
        replica = call.parent.replica
        if call.edge.client == USERS or replica is None:
            # An ingress on every node; a user stays with one.
            place = self.cluster.streams.bits("ingress", call.flow.user) % len(NODES)
            return NODES[place], INGRESS_NEW_SHARE
        return replica.node, NEW_SHARE
