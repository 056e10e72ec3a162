"""The log of a Go service: slog's text handler, which is logfmt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from structlog.processors import EventRenamer, LogfmtRenderer, add_log_level
from structlog.typing import Processor

from ...engine.failures import Failure
from .app import AppFormat, Rejection
from .processors import make_printable, name_time, shout_level
from .words import (
    ADMINISTRATOR,
    ANSWERS,
    CANCELED,
    DENIED,
    MAXCLIENTS,
    MAXMEMORY,
    MISCONF,
    SLOTS_RESERVED,
    STORE_REFUSALS,
    TOO_MANY_CLIENTS,
    TRANSACTION_TIMEOUT,
    UNREACHABLE,
    WRONG_PASSWORD,
    Library,
    Words,
    phrases,
)

if TYPE_CHECKING:
    from ...engine.service import LogRecord

_REQUEST = '{method} "http://{server}:{port}{route}": '
_PG = "*pgconn.PgError"
_REPLY = "proto.RedisError"
_GONE = (Failure.RESET, Failure.ADMIN_SHUTDOWN)
_POOL = (Failure.POOL_TIMEOUT, "context.deadlineExceededError", "context deadline exceeded")
_BREAKER = (Failure.BREAKER_OPEN, "gobreaker.ErrOpenState", "circuit breaker is open")
_RESET = (_GONE, "*net.OpError", "read tcp {address}:{port}: connection reset by peer")
_REFUSED = (UNREACHABLE, "*net.OpError", "dial tcp {address}:{port}: connect: connection refused")
_NO_ANSWER = (Failure.CONNECT_TIMEOUT, "*net.OpError", "dial tcp {address}:{port}: i/o timeout")

LIBRARY = Library(
    http=phrases(
        (
            (*ANSWERS, *DENIED, Failure.RATE_LIMITED, *STORE_REFUSALS),
            "*http.StatusError",
            _REQUEST + "unexpected status {status} {reason}",
        ),
        (
            Failure.TIMEOUT,
            "*url.Error",
            _REQUEST + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        ),
        _REFUSED,
        _NO_ANSWER,
        _RESET,
        _POOL,
        _BREAKER,
    ),
    postgres=phrases(
        (
            (Failure.UNAVAILABLE, Failure.EXTERNAL, Failure.RATE_LIMITED, *STORE_REFUSALS),
            _PG,
            f"FATAL: {SLOTS_RESERVED} (SQLSTATE 53300)",
        ),
        (
            (Failure.SERVER_ERROR, Failure.BAD_GATEWAY, Failure.GATEWAY_TIMEOUT),
            _PG,
            f"ERROR: {CANCELED} (SQLSTATE 57014)",
        ),
        (DENIED, _PG, "FATAL: password authentication failed (SQLSTATE 28P01)"),
        (Failure.TIMEOUT, "context.deadlineExceededError", "timeout: context deadline exceeded"),
        _REFUSED,
        _NO_ANSWER,
        _RESET,
        (Failure.IDLE_IN_TRANSACTION, _PG, f"FATAL: {TRANSACTION_TIMEOUT} (SQLSTATE 25P03)"),
        (Failure.STORE_MAX_CLIENTS, _PG, f"FATAL: {TOO_MANY_CLIENTS} (SQLSTATE 53300)"),
        (Failure.ADMIN_SHUTDOWN, _PG, f"FATAL: {ADMINISTRATOR} (SQLSTATE 57P01)"),
        _POOL,
        _BREAKER,
    ),
    redis=phrases(
        (Failure.CACHE_FULL, _REPLY, f"OOM {MAXMEMORY}"),
        (Failure.STORE_MISCONFIGURED, _REPLY, f"MISCONF {MISCONF}"),
        (
            (*ANSWERS, Failure.RATE_LIMITED, Failure.IDLE_IN_TRANSACTION, Failure.STORE_MAX_CLIENTS),
            _REPLY,
            f"ERR {MAXCLIENTS}",
        ),
        (Failure.STORE_WRONG_PASSWORD, _REPLY, f"WRONGPASS {WRONG_PASSWORD}"),
        (DENIED, _REPLY, "NOAUTH Authentication required."),
        (Failure.TIMEOUT, "*net.OpError", "read tcp {address}:{port}: i/o timeout"),
        _REFUSED,
        _NO_ANSWER,
        _RESET,
        _POOL,
        _BREAKER,
    ),
)


class GoFormat(AppFormat):
    """The log of a Go service."""

    processors: ClassVar[tuple[Processor, ...]] = (
        add_log_level,
        shout_level,
        EventRenamer("msg"),
        name_time,
        make_printable,
        LogfmtRenderer(key_order=["time", "level", "logger", "msg"]),
    )
    library = LIBRARY
    bugs = (
        Words("runtime.boundsError", "runtime error: index out of range [3] with length 3"),
        Words("runtime.errorString", "runtime error: invalid memory address or nil pointer dereference"),
        Words("*json.SyntaxError", "unexpected end of JSON input"),
    )
    overload = Words("http.ErrServerBusy", "{workers} requests in flight, {queued} waiting")
    tokens = Rejection(
        Words("jwt.ErrTokenSignatureInvalid", "token signature is invalid: signature is invalid"),
        Words("jwt.ErrTokenExpired", "token has invalid claims: token is expired"),
        Words("jwt.ErrTokenMalformed", "token is malformed: token contains an invalid number of segments"),
        Words("jwt.ErrTokenUsedBeforeIssued", "token has invalid claims: token used before issued"),
        Words("jwt.ErrTokenUnverifiable", "token is unverifiable: unable to find signing key that matches kid"),
        Words("http.ErrUnauthorized", "bad credentials"),
    )

    def connect_failed(self, record: LogRecord, failure: Failure, server: str, opened: int, size: int) -> list[str]:
        running = self.scene.cluster.service(server)
        address = running.replicas[0].ip if running.replicas else server
        words = LIBRARY.postgres[failure]
        text = words.text.format(server=server, port=running.spec.port, address=address)
        fields = {"server": server, "open": opened, "size": size, "err": f"failed to connect: {text}"}
        return [self.write(record, "warning", "db", "could not open a database connection", fields)]

    def started(self, record: LogRecord, startup: int) -> list[str]:
        fields = {
            "addr": f":{self.service.spec.port}",
            "version": self.service.version,
            "took": f"{startup / 1e9:.2f}s",
        }
        return [self.write(record, "info", "main", "listening", fields)]

    def farewell(self, record: LogRecord) -> list[str]:
        return [
            self.write(record, "info", "main", "signal received, shutting down", {"signal": "terminated"}),
            self.write(record, "info", "main", "http: Server closed"),
        ]

    def crashed(self, record: LogRecord) -> list[str]:
        return [
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x7d1c45]",
            "goroutine 4182 [running]:",
        ]

    def start_failed(self, record: LogRecord) -> list[str]:
        error = {"err": "dial tcp: lookup postgres-db: Temporary failure in name resolution"}
        return [self.write(record, "error", "main", "start failed", error)]
