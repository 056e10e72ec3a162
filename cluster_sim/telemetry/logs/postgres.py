"""The log of a PostgreSQL server: stderr with log_line_prefix `%m [%p] %q%u@%d `."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...clock import MILLISECOND, SECOND
from ...engine.failures import Failure
from ..identity import database_name, database_role
from .scene import Scene, milliseconds, one_line
from .words import ADMINISTRATOR, CANCELED, SLOTS_RESERVED, TOO_MANY_CLIENTS, TRANSACTION_TIMEOUT

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.service import LogRecord

VERSION = (
    "PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) "
    "12.2.0, 64-bit"
)
SHARED_BUFFERS = 16384
"""Buffers of 8 kB: the default of 128 MB."""

POSTMASTER, CHECKPOINTER, STARTUP, LAUNCHER = 1, 27, 26, 32
"""Process ids in the server's container (chosen)."""

CHECKPOINT = 8 * SECOND

STATEMENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "select_stock": (
        "SELECT sku, sum(delta) AS on_hand FROM stock_ledger WHERE sku = ANY($1) GROUP BY sku",
        ("{{SKU-{a:04d},SKU-{b:04d}}}",),
    ),
    "insert_payment": (
        "INSERT INTO payments (id, order_id, amount_cents, currency) VALUES ($1, $2, $3, $4)",
        ("pay_{a:06x}{b:06x}", "ord_{b:06x}{a:06x}", "{c}", "EUR"),
    ),
}
"""Operation → its statement and the texts of its parameters."""

_STOCK_INDEX = "stock_ledger_sku_idx"
INDEXES: Mapping[str, tuple[str, str]] = {"select_stock": (_STOCK_INDEX, "stock_ledger (sku)")}
"""Operation → the index that its statement uses, and what is indexed."""

RELATIONS: Mapping[str, tuple[str, int, int]] = {
    "payments": ("payments", 16402, 16384),
    "stock": ("stock_ledger", 16411, 16385),
}
"""Route → the table, its object id and that of its database (chosen)."""

REPORTS: Mapping[str, str] = {
    "payments": "SELECT date_trunc('day', created_at) AS day, currency, sum(amount_cents) FROM payments GROUP BY 1, 2",
    "stock": "SELECT sku, warehouse, sum(delta) FROM stock_ledger GROUP BY 1, 2",
}
ALTERATIONS: Mapping[str, str] = {
    "payments": "ALTER TABLE payments ADD COLUMN settled_at timestamptz",
    "stock": "ALTER TABLE stock_ledger ADD COLUMN reason text",
}
"""Route → the statement of a report on the table, and that of a migration of it."""

REPORTER, MIGRATOR = "analytics", "migrations"
"""Roles of those who are none of the services."""


def statement(edge: Edge) -> str:
    """The SQL of a call."""
    return STATEMENTS[edge.operation][0] if edge.operation in STATEMENTS else f"{edge.method} {edge.route}"


def relation(route: str) -> str:
    """The table behind a route."""
    return RELATIONS[route][0] if route in RELATIONS else route


class PostgresFormat:
    """The log of a PostgreSQL server."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def lines(self, record: LogRecord, before: LogRecord | None) -> list[str]:
        """The lines of a record."""
        data: tuple[Any, ...] = record.data
        match record.event:
            case "kubernetes":
                return [self.scene.kubernetes_event(record)]
            case "connection_opened":
                return self._connection(record.at, False, *data)
            case "connection_refused":
                return self._connection(record.at, True, *data)
            case "clients_too_many":
                return self._turned_away(record.at, *data)
            case "handshake_aborted":
                return self._aborted(record.at, *data)
            case "session_terminated":
                return self._session_terminated(record.at, *data)
            case "access":
                return self._slow_query(record.at, *data)
            case "failure":
                return self._failure(record.at, *data)
            case "index_dropped" | "index_built":
                return self._index(record.at, record.event, *data)
            case "lock_wait" | "lock_acquired":
                return self._lock(record.at, record.event == "lock_acquired", *data)
            case "alter_begun" | "alter_waits" | "alter_acquired" | "alter_canceled" | "report_canceled":
                return self._alteration(record.at, record.event, *data)
            case "checkpoint_starting":
                return [self._write(record.at, CHECKPOINTER, "LOG", "checkpoint starting: time")]
            case "checkpoint_complete":
                return [self._checkpoint_complete(record.at, CHECKPOINT, *data)]
            case "started":
                return self._started(record.at, *data)
            case "stopping":
                return self._stopping(record.at, *data)
        raise KeyError(record.event)

    def _write(self, at: int, pid: int, severity: str, text: str, session: str = "") -> str:
        """One line; `session` is `user@database ` in a backend and empty in the server's own processes."""
        when = f"{self.scene.moment(at):%Y-%m-%d %H:%M:%S}.{milliseconds(at + self.scene.ahead):03d} UTC"
        return one_line(f"{when} [{pid}] {session}{severity}:  {text}")

    # ------------------------------------------------------------ sessions

    def _connection(self, at: int, refused: bool, client: str, address: str, uid: int) -> list[str]:
        pid, received = self._received(at, address, uid)
        role, database = database_role(client), database_name(client)
        authorized = f"connection authorized: user={role} database={database} application_name={client}"
        lines = [received, self._write(at, pid, "LOG", authorized, f"{role}@{database} ")]
        if refused:
            lines.append(self._write(at, pid, "FATAL", SLOTS_RESERVED, f"{role}@{database} "))
        return lines

    def _turned_away(self, at: int, client: str, address: str, uid: int) -> list[str]:
        """There are so many server processes for clients that the next is refused before it is asked who it is."""
        pid, received = self._received(at, address, uid, crowded=True)
        session = f"{database_role(client)}@{database_name(client)} "
        return [received, self._write(at, pid, "FATAL", TOO_MANY_CLIENTS, session)]

    def _aborted(self, at: int, client: str, address: str, uid: int) -> list[str]:
        """The client was gone before it was authenticated."""
        pid, received = self._received(at, address, uid, crowded=True)
        session = f"{database_role(client)}@{database_name(client)} "
        reset = "could not receive data from client: Connection reset by peer"
        return [received, self._write(at, pid, "LOG", reset, session)]

    def _session_terminated(self, at: int, client: str, failure: Failure, uid: int) -> list[str]:
        pid = self._old_pid(self.scene.streams.bits("log/terminated", uid, at))
        text = TRANSACTION_TIMEOUT if failure is Failure.IDLE_IN_TRANSACTION else ADMINISTRATOR
        return [self._write(at, pid, "FATAL", text, f"{database_role(client)}@{database_name(client)} ")]

    def _received(self, at: int, address: str, uid: int, *, crowded: bool = False) -> tuple[int, str]:
        """The process forked for a client, and its first line; numbers go round fast where many are forked."""
        bits = self.scene.streams.bits("log/session", uid, at)
        pid = 300 + at // (4 * MILLISECOND) % 32_000 if crowded else self._new_pid(at, bits)
        received = f"connection received: host={address} port={32768 + (bits >> 8) % 28232}"
        return pid, self._write(at - 2 * MILLISECOND, pid, "LOG", received, "[unknown]@[unknown] ")

    def _new_pid(self, at: int, bits: int) -> int:
        """The process id of a backend that is forked now: they count up with time."""
        return 20_000 + at // SECOND * 4 + bits % 4

    def _old_pid(self, key: int) -> int:
        """The process id of one of the backends that are there from the start."""
        return 60 + self.scene.streams.bits("log/backend", key) % 97

    # ------------------------------------------------------------ queries

    def _slow_query(self, at: int, index: int, _: int, duration: int, number: int) -> list[str]:
        edge = self.scene.edge(index)
        session, pid = self._backend(edge, number)
        parameters = self._parameters(edge, number)
        text = f"duration: {duration / MILLISECOND:.3f} ms  execute <unnamed>: {statement(edge)}"
        lines = [self._write(at, pid, "LOG", text, session)]
        if parameters:
            lines.append(self._write(at, pid, "DETAIL", f"parameters: {parameters}", session))
        return lines

    def _failure(self, at: int, index: int, failure: Failure, _: int, number: int) -> list[str]:
        if failure is not Failure.SERVER_ERROR:
            return []
        edge = self.scene.edge(index)
        session, pid = self._backend(edge, number)
        return [
            self._write(at, pid, "ERROR", CANCELED, session),
            self._write(at, pid, "STATEMENT", statement(edge), session),
        ]

    def _backend(self, edge: Edge, number: int) -> tuple[str, int]:
        return f"{database_role(edge.client)}@{database_name(edge.client)} ", self._old_pid(number)

    def _parameters(self, edge: Edge, number: int) -> str:
        texts = STATEMENTS[edge.operation][1] if edge.operation in STATEMENTS else ()
        bits = self.scene.streams.bits("log/parameters", number)
        values = {"a": bits % 500, "b": (bits >> 16) % 500, "c": 500 + (bits >> 32) % 20_000}
        return ", ".join(f"${i} = '{text.format(**values)}'" for i, text in enumerate(texts, 1))

    # ------------------------------------------------------------ definitions and locks

    def _index(self, at: int, event: str, operation: str, client: str, concurrently: bool) -> list[str]:
        """A definition is logged when it begins (log_statement = ddl)."""
        name, on = INDEXES.get(operation, (f"{operation}_idx", operation))
        how = "CONCURRENTLY " if concurrently else ""
        text = f"DROP INDEX {how}{name}" if event == "index_dropped" else f"CREATE INDEX {how}{name} ON {on}"
        session = f"{MIGRATOR}@{database_name(client)} "
        return [self._write(at, self._new_pid(at, 1), "LOG", f"statement: {text}", session)]

    def _lock(self, at: int, acquired: bool, table: str, index: int, number: int, waited: int) -> list[str]:
        """A statement of a service has waited for a lock for long."""
        edge = self.scene.edge(index)
        session, pid = self._backend(edge, number)
        mode = "AccessShareLock" if edge.method == "SELECT" else "RowExclusiveLock"
        return self._wait(at, pid, session, mode, table, waited, acquired, statement(edge))

    def _wait(
        self, at: int, pid: int, session: str, mode: str, table: str, waited: int, acquired: bool, text: str
    ) -> list[str]:
        _, oid, database = RELATIONS.get(table, (table, 16420, 16386))
        what = f"{mode} on relation {oid} of database {database} after {waited / MILLISECOND:.3f} ms"
        if acquired:
            first = [self._write(at, pid, "LOG", f"process {pid} acquired {what}", session)]
        else:
            migrator, reporter = self._migrator(table), self._reporter(table)
            queue = f"{migrator}" if pid == migrator else f"{migrator}, {pid}"
            first = [
                self._write(at, pid, "LOG", f"process {pid} still waiting for {what}", session),
                self._write(at, pid, "DETAIL", f"Process holding the lock: {reporter}. Wait queue: {queue}.", session),
            ]
        return [*first, self._write(at, pid, "STATEMENT", text, session)]

    def _migrator(self, table: str) -> int:
        return 7000 + self.scene.streams.bits(f"log/migrator/{table}") % 1000

    def _reporter(self, table: str) -> int:
        return 6000 + self.scene.streams.bits(f"log/reporter/{table}") % 1000

    def _alteration(self, at: int, event: str, table: str, detail: Any = "") -> list[str]:
        """What becomes of a migration that wants a table to itself, and of a report on it."""
        database = database_name(self.scene.service.locks[table].client)
        if event == "report_canceled":
            pid, session, text = self._reporter(table), f"{REPORTER}@{database} ", REPORTS.get(table, "")
        else:
            pid, session, text = self._migrator(table), f"{MIGRATOR}@{database} ", ALTERATIONS.get(table, "")
        if event == "alter_begun":
            return [self._write(at, pid, "LOG", f"statement: {text}", session)]
        if event in ("alter_waits", "alter_acquired"):
            acquired = event == "alter_acquired"
            return self._wait(at, pid, session, "AccessExclusiveLock", table, detail, acquired, text)
        reason = detail or "user request"
        return [
            self._write(at, pid, "ERROR", f"canceling statement due to {reason}", session),
            self._write(at, pid, "STATEMENT", text, session),
        ]

    # ------------------------------------------------------------ the server's own processes

    def _checkpoint_complete(self, at: int, total: int, buffers: int) -> str:
        bits = self.scene.streams.bits("log/checkpoint", at)
        sync_ms = 20 + bits % 120
        files = 4 + (bits >> 8) % 40
        longest_ms = max(1, sync_ms // 3)
        write_s = max(total / SECOND - sync_ms / 1000, 0.001)
        distance = buffers * 8 + (bits >> 16) % 4000
        text = (
            f"checkpoint complete: wrote {buffers} buffers ({buffers / SHARED_BUFFERS:.1%}); "
            f"0 WAL file(s) added, 0 removed, {distance // 16384} recycled; "
            f"write={write_s:.3f} s, sync={sync_ms / 1000:.3f} s, total={write_s + sync_ms / 1000 + 0.004:.3f} s; "
            f"sync files={files}, longest={longest_ms / 1000:.3f} s, average={sync_ms / 1000 / files:.3f} s; "
            f"distance={distance} kB, estimate={distance} kB"
        )
        return self._write(at, CHECKPOINTER, "LOG", text)

    def _started(self, at: int, startup: int) -> list[str]:
        begun = at - startup
        port = self.scene.service.spec.port
        socket = f'listening on Unix socket "/var/run/postgresql/.s.PGSQL.{port}"'
        down = f"database system was shut down at {self.scene.moment(begun):%Y-%m-%d %H:%M:%S} UTC"
        return [
            self._write(begun, POSTMASTER, "LOG", f"starting {VERSION}"),
            self._write(begun, POSTMASTER, "LOG", f'listening on IPv4 address "0.0.0.0", port {port}'),
            self._write(begun + 11 * MILLISECOND, POSTMASTER, "LOG", socket),
            self._write(begun + 25 * MILLISECOND, STARTUP, "LOG", down),
            self._write(at, POSTMASTER, "LOG", "database system is ready to accept connections"),
        ]

    def _stopping(self, at: int, reason: str) -> list[str]:
        if reason == "OOMKilled":  # SIGKILL leaves no time for last words
            return []
        launcher = f'background worker "logical replication launcher" (PID {LAUNCHER}) exited with exit code 1'
        buffers = 20 + self.scene.streams.bits("log/shutdown", at) % 200
        return [
            self._write(at, POSTMASTER, "LOG", "received fast shutdown request"),
            self._write(at, POSTMASTER, "LOG", "aborting any active transactions"),
            *self._terminated(at),
            self._write(at, POSTMASTER, "LOG", launcher),
            self._write(at, CHECKPOINTER, "LOG", "shutting down"),
            self._write(at, CHECKPOINTER, "LOG", "checkpoint starting: shutdown immediate"),
            self._checkpoint_complete(at, 60 * MILLISECOND, buffers),
            self._write(at, POSTMASTER, "LOG", "database system is shut down"),
        ]

    def _terminated(self, at: int) -> list[str]:
        """A line for a session of each client (the server writes one for every session)."""
        return [
            self._write(
                at,
                self._old_pid(service.index << 8 | ordinal),
                "FATAL",
                ADMINISTRATOR,
                f"{database_role(service.name)}@{database_name(service.name)} ",
            )
            for service in self.scene.cluster.services.values()
            if self.scene.service.name in service.pools
            for ordinal in range(service.spec.replicas)
        ]
