"""What the running cluster leaves behind: log records and users' outcomes. Nothing is rendered here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..clock import WINDOW
from ..specs import USERS
from .call import NUMBER_BITS
from .failures import STATUS, Failure
from .service import LogRecord
from .spans import SpanLog
from .state import State

if TYPE_CHECKING:
    from .call import Call, Flow
    from .edge import Edge
    from .pool import ConnectionPool
    from .service import Service
    from .simulation import Simulation

GOOD: Final = 200


_SERVER_SAYS = {
    None: "connection_opened",
    Failure.UNAVAILABLE: "connection_refused",
    Failure.STORE_MAX_CLIENTS: "clients_too_many",
}
"""How an attempt to open a session ended → the server's line, where it has one."""


class Recorder(State):
    """Keeps the records of one cluster.

    Attributes:
        outcomes: per 15-second window of arrival, per endpoint: [answered, good]; the users' view of the cluster.
        failures: per window: status → count of the answers that were not 200.
        zombies: calls that ended with nobody waiting.
        muted: whether what programs write is lost, while the control plane is only rehearsed.
        spans: what sampled requests left behind.
    """

    def __init__(self, sim: Simulation, services: list[Service], slo: list[int]) -> None:
        self.sim = sim
        self.services = {service.name: service for service in services}
        self.slo = slo
        self.outcomes: dict[int, list[list[int]]] = {}
        self.failures: dict[int, dict[int, int]] = {}
        self.spans = SpanLog()
        self.finished = 0
        self.muted = False
        self.zombies = 0

    def log(self, service: str, source: str, event: str, *data: object) -> None:
        """A program writes a line."""
        if self.muted:
            return
        self.services[service].log.append(LogRecord(self.sim.now, source, event, data))

    def finish(self, flow: Flow, status: int) -> None:
        """A user has an answer, or has given up."""
        if not flow.counted:
            return
        self.finished += 1
        if flow.sampled:
            self.spans.answered(flow, self.sim.now, status)
        window = flow.number >> NUMBER_BITS
        outcomes = self.outcomes.get(window)
        if outcomes is None:
            outcomes = self.outcomes[window] = [[0, 0] for _ in self.slo]
        counts = outcomes[flow.endpoint]
        counts[0] += 1
        if status != GOOD:
            self.count_failure(window, status)
        elif self.sim._now - flow.start <= self.slo[flow.endpoint]:
            counts[1] += 1

    def count(self, window: int, endpoint: int, answered: int, good: int) -> None:
        """So many users of a window have an answer, and so many a good one."""
        self.finished += answered
        counts = self.outcomes.setdefault(window, [[0, 0] for _ in self.slo])[endpoint]
        counts[0] += answered
        counts[1] += good

    def count_failure(self, window: int, status: int) -> None:
        """A user of a window has an answer that was not 200."""
        statuses = self.failures.setdefault(window, {})
        statuses[status] = statuses.get(status, 0) + 1

    def outcome(self, since: int, until: int) -> list[tuple[int, int]]:
        """Per endpoint, how many requests that arrived in whole windows of a span were answered, and how many well."""
        counts = [(0, 0)] * len(self.slo)
        for window, outcomes in self.outcomes.items():
            if since <= window * WINDOW and (window + 1) * WINDOW <= until:
                counts = [(a + x, g + y) for (a, g), (x, y) in zip(counts, outcomes, strict=True)]
        return counts

    def forget(self, before: int) -> None:
        """Drop the outcomes of windows that ended before an instant."""
        for window in [window for window in self.outcomes if (window + 1) * WINDOW <= before]:
            del self.outcomes[window]
            self.failures.pop(window, None)

    def served_failure(self, call: Call, failure: Failure) -> None:
        """A server answers with an error of its own making or passes one on."""
        replica = call.replica
        assert replica is not None
        replica.service.log.append(
            LogRecord(
                self.sim.now,
                replica.name,
                "failure",
                (call.edge.index, failure, self.sim.now - call.start, call.flow.number),
            )
        )

    def call_failed(self, parent: Call, edge: Edge, failure: Failure, attempt: int) -> None:
        """A client sees a call of its own fail."""
        edge.failures[failure] = edge.failures.get(failure, 0) + 1
        if edge.client == USERS:
            return
        replica = parent.replica
        assert replica is not None
        pool = replica.pools.get(edge.server)
        detail = (pool.open, pool.active, pool.idle, len(pool.waiting)) if pool is not None else ()
        replica.service.log.append(
            LogRecord(
                self.sim.now,
                replica.name,
                "call_failed",
                (edge.index, failure, attempt, parent.flow.number, STATUS[failure], *detail),
            )
        )

    def token_rejected(self, call: Call, reason: Failure, kid: str) -> None:
        """A verifier refuses a token."""
        replica = call.replica
        assert replica is not None
        self.log(
            replica.service.name,
            replica.name,
            "token_rejected",
            reason,
            kid,
            call.flow.user,
            call.flow.number,
        )

    def connection_attempt(self, pool: ConnectionPool, refusal: Failure | None) -> None:
        """A pool opens a connection, or is turned away."""
        client = pool.replica
        server = pool.server
        event = _SERVER_SAYS.get(refusal)
        if event is not None:
            self.log(server.name, server.replicas[0].name, event, client.service.name, client.ip, client.uid)
        if refusal is not None:
            self.log(client.service.name, client.name, "connect_failed", refusal, server.name, pool.open, pool.size)

    def handshake_aborted(self, pool: ConnectionPool) -> None:
        """A server finds that the client has gone whose session it has prepared."""
        client, server = pool.replica, pool.server
        source = server.replicas[0].name
        self.log(server.name, source, "handshake_aborted", client.service.name, client.ip, client.uid)

    def session_terminated(self, pool: ConnectionPool, failure: Failure) -> None:
        """A server ends a session that is in use."""
        source = pool.server.replicas[0].name
        self.log(pool.server.name, source, "session_terminated", pool.replica.service.name, failure, pool.replica.uid)

    def connection_missed(self, pool: ConnectionPool, number: int, *, back: bool = False) -> None:
        """A pool misses a connection, or has one `back` that it had missed; `number` tells it from others."""
        client = pool.replica
        self.log(client.service.name, client.name, "connection_missed", number, back)
