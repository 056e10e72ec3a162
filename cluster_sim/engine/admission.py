"""Whom a store lets in: its password, its limit on connections, and what its clients hold of both.

Fast-forward: events only while anybody may be turned away, or connections are left behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failures import Failure

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .call import Call
    from .replica import Replica
    from .service import Service

POOLED = 6
"""Connections that a pod's client keeps open and uses again (chosen)."""
MAXCLIENTS = 4064
"""`maxclients` of 10000, as Redis reduces it to what 4096 open files leave (source: redis, server.c)."""


class Client:
    """One pod's client of a store.

    Attributes:
        password: the one that its process was started with.
        leaks: connections it opens for a call and leaves open; 0: it uses those of its pool.
        pooled: connections in its pool; it makes do with fewer than it wants, not with none.
        lapses: nanoseconds, when the pool's connections have all been replaced by new ones; None: they stay.
        left: connections that it has left open.
    """

    def __init__(self, password: int, leaks: int) -> None:
        self.password = password
        self.leaks = leaks
        self.pooled = 0
        self.lapses: int | None = None
        self.left = 0


class Admission:
    """The door of one store; an obstacle on the calls to it while there is something to check.

    Passwords are numbers, one for each rotation; there is nothing about them to be kept secret.

    Attributes:
        users: the services that call it.
        password: what the server asks for; it is in its configuration, too.
        secret: what the clients' secret holds; a process reads it when it starts.
        exporter_password: what the exporter was started with.
        required: whether it asks at all.
        maxclients: connections it accepts.
        clients: number of a pod → its client.
        received: connections accepted since the server started; `rejected` those above the limit.
        strangers: those accepted whose client had the wrong password.
    """

    def __init__(self, cluster: Cluster, service: Service) -> None:
        self.cluster = cluster
        self.service = service
        self.edges = [edge for edge in cluster.edges if edge.server == service.name]
        self.users = tuple(sorted({edge.client for edge in self.edges}))
        self.password = self.secret = self.exporter_password = 1
        self.required = True
        self.maxclients = MAXCLIENTS
        self.clients: dict[int, Client] = {}
        self.received = self.rejected = self.strangers = 0
        self._guarding = False
        self._settling = False

    # ------------------------------------------------------------ state

    @property
    def connections(self) -> int:
        """Connections that clients have open now; the exporter opens one for each scrape."""
        return sum(client.pooled + client.left for client in self.clients.values())

    @property
    def full(self) -> bool:
        """Whether it turns away whoever connects."""
        return self.connections >= self.maxclients

    def knows(self, password: int) -> bool:
        """Whether it lets in whoever has this password."""
        return not self.required or password == self.password

    def refusal(self) -> Failure | None:
        """What the exporter is told, which connects anew for every scrape."""
        if self.full:
            return Failure.STORE_MAX_CLIENTS
        return None if self.knows(self.exporter_password) else Failure.STORE_WRONG_PASSWORD

    # ------------------------------------------------------------ what happens to it

    def rotate(self, lapse: int = 0) -> None:
        """Ask for another password from now on, of whoever connects.

        Args:
            lapse: nanoseconds within which every pool replaces its connections, each at an instant of its own.
        """
        self.password += 1
        for uid, client in self.clients.items():
            share = self.cluster.streams.uniform("connection-age", uid, self.password)
            client.lapses = self.cluster.now + int(lapse * share)
        self.refresh()

    def require(self, required: bool) -> None:
        """Ask for the password, or for none."""
        self.required = required
        self.refresh()

    def process_started(self, replica: Replica) -> None:
        """A process has begun: a client's, or the server's own."""
        if replica.service is self.service:
            self._restarted()
        elif replica.service.name in self.users:
            client = self.clients[replica.uid] = Client(self.secret, replica.behaviour.store_connections_left)
            self._reconnect(client)
        else:
            return
        self.refresh()

    def process_stopped(self, replica: Replica) -> None:
        """A process has ended, and its connections with it."""
        if self.clients.pop(replica.uid, None) is not None:
            self.refresh()

    def _restarted(self) -> None:
        self.received = self.rejected = self.strangers = 0
        for client in self.clients.values():
            client.pooled = client.left = 0
        for client in self.clients.values():
            self._reconnect(client)

    def _reconnect(self, client: Client) -> None:
        """Open a client's pool, if nothing speaks against it; if something does, its calls find out."""
        client.lapses = None
        client.pooled = 0
        if not client.leaks and self.knows(client.password) and not self.full:
            client.pooled = min(POOLED, self.maxclients - self.connections)
            self.received += client.pooled

    def refresh(self) -> None:
        """Stand in the way of the calls exactly while some may be turned away."""
        self._settling = False
        needed = any(c.leaks or c.lapses is not None or not c.pooled for c in self.clients.values())
        if needed != self._guarding:
            self._guarding = needed
            for edge in self.edges:
                if needed:
                    edge.obstruct(self)
                else:
                    edge.clear(self)

    # ------------------------------------------------------------ calls

    def meet(self, call: Call, now: int) -> Failure | None:
        """Whether a call has a connection, or gets one."""
        replica = call.parent.replica if call.parent is not None else None
        client = self.clients.get(replica.uid) if replica is not None else None
        if client is None or not self.service.ready:
            return None
        if client.leaks:
            return self._connect(client, client.leaks)
        if client.lapses is not None and now >= client.lapses:
            client.pooled, client.lapses = 0, None
        if client.pooled:
            return None
        refusal = self._connect(client, POOLED)
        if refusal is None and not self._settling:
            self._settling = True
            self.cluster.after(0, self.refresh)
        return refusal

    def _connect(self, client: Client, wanted: int) -> Failure | None:
        """Open connections for a client, as many as there is room for; those outside a pool are left open."""
        count = min(wanted, self.maxclients - self.connections)
        if count <= 0:
            self.rejected += 1
            return Failure.STORE_MAX_CLIENTS
        self.received += count
        if not self.knows(client.password):
            self.strangers += 1
            return Failure.STORE_WRONG_PASSWORD
        if client.leaks:
            client.left += count
        else:
            client.pooled = count
        return None
