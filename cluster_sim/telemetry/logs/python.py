"""The log of a FastAPI service: structlog's JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from structlog.processors import JSONRenderer, add_log_level
from structlog.typing import Processor

from ...engine.failures import Failure
from .app import AppFormat, Rejection
from .processors import compact_json
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

_URL = "'http://{server}:{port}{route}'"
_OPERATIONAL = "sqlalchemy.exc.OperationalError"
_BACKGROUND = " (Background on this error at: https://sqlalche.me/e/21/e3q8)"
_CONNECT = '(psycopg.OperationalError) connection failed: connection to server at "{address}", port {port} failed: '
_CONSUME = "(psycopg.OperationalError) consuming input failed: "
_REDIS = "redis.exceptions.ConnectionError"
_GONE = (Failure.RESET, Failure.ADMIN_SHUTDOWN)
_BREAKER = (
    Failure.BREAKER_OPEN,
    "pybreaker.CircuitBreakerError",
    "Timeout not elapsed yet, circuit breaker still open",
)
_POOL = (
    Failure.POOL_TIMEOUT,
    "sqlalchemy.exc.TimeoutError",
    "QueuePool limit of size {size} overflow 0 reached, connection timed out, timeout {wait_s:.2f}"
    " (Background on this error at: https://sqlalche.me/e/21/3o7r)",
)


def _database(failures: Failure | tuple[Failure, ...], text: str) -> tuple[Failure | tuple[Failure, ...], str, str]:
    """An error of the driver, as SQLAlchemy wraps it."""
    return failures, _OPERATIONAL, text + _BACKGROUND


LIBRARY = Library(
    http=phrases(
        (ANSWERS, "httpx.HTTPStatusError", "Server error '{status} {reason}' for url " + _URL),
        (
            (*DENIED, Failure.RATE_LIMITED, *STORE_REFUSALS),
            "httpx.HTTPStatusError",
            "Client error '{status} {reason}' for url " + _URL,
        ),
        (Failure.TIMEOUT, "httpx.ReadTimeout", "timed out"),
        (Failure.CONNECT_TIMEOUT, "httpx.ConnectTimeout", "timed out"),
        (UNREACHABLE, "httpx.ConnectError", "[Errno 111] Connection refused"),
        (_GONE, "httpx.RemoteProtocolError", "Server disconnected without sending a response."),
        _POOL,
        _BREAKER,
    ),
    postgres=phrases(
        _database(
            (Failure.UNAVAILABLE, Failure.EXTERNAL, Failure.RATE_LIMITED, *STORE_REFUSALS),
            _CONNECT + f"FATAL:  {SLOTS_RESERVED}",
        ),
        _database(
            (Failure.SERVER_ERROR, Failure.BAD_GATEWAY, Failure.GATEWAY_TIMEOUT),
            f"(psycopg.errors.QueryCanceled) {CANCELED}",
        ),
        _database(DENIED, _CONNECT + "FATAL:  password authentication failed"),
        _database(
            Failure.IDLE_IN_TRANSACTION, f"(psycopg.errors.IdleInTransactionSessionTimeout) {TRANSACTION_TIMEOUT}"
        ),
        _database(Failure.STORE_MAX_CLIENTS, _CONNECT + f"FATAL:  {TOO_MANY_CLIENTS}"),
        _database(Failure.ADMIN_SHUTDOWN, f"(psycopg.errors.AdminShutdown) {ADMINISTRATOR}"),
        _database(Failure.TIMEOUT, _CONSUME + "could not receive data from server: Connection timed out"),
        _database(
            UNREACHABLE,
            _CONNECT + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
        ),
        _database(Failure.CONNECT_TIMEOUT, _CONNECT + "timeout expired"),
        _database(Failure.RESET, _CONSUME + "server closed the connection unexpectedly"),
        _POOL,
        _BREAKER,
    ),
    redis=phrases(
        # redis-py takes the error code, OOM, off the reply and makes it the type.
        (Failure.CACHE_FULL, "redis.exceptions.OutOfMemoryError", MAXMEMORY),
        # It knows no type for this code, and leaves it on.
        (Failure.STORE_MISCONFIGURED, "redis.exceptions.ResponseError", f"MISCONF {MISCONF}"),
        (
            (*ANSWERS, Failure.RATE_LIMITED, Failure.IDLE_IN_TRANSACTION, Failure.STORE_MAX_CLIENTS),
            "redis.exceptions.MaxConnectionsError",
            MAXCLIENTS,
        ),
        (Failure.STORE_WRONG_PASSWORD, "redis.exceptions.AuthenticationError", WRONG_PASSWORD),
        (DENIED, "redis.exceptions.AuthenticationError", "Authentication required."),
        (Failure.TIMEOUT, "redis.exceptions.TimeoutError", "Timeout reading from {server}:{port}"),
        (Failure.CONNECT_TIMEOUT, "redis.exceptions.TimeoutError", "Timeout connecting to server"),
        (UNREACHABLE, _REDIS, "Error 111 connecting to {server}:{port}. Connection refused."),
        (_GONE, _REDIS, "Connection closed by server."),
        _POOL,
        _BREAKER,
    ),
)


_SLOW_CONNECT = Words(_OPERATIONAL, "(psycopg.errors.ConnectionTimeout) connection timeout expired" + _BACKGROUND)


class PythonFormat(AppFormat):
    """The log of a Python service."""

    processors: ClassVar[tuple[Processor, ...]] = (add_log_level, JSONRenderer(compact_json))
    library = LIBRARY
    bugs = (
        Words("KeyError", "'variant'"),
        Words("TypeError", "'NoneType' object is not subscriptable"),
        Words("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)"),
        Words("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xe9 in position 17: invalid continuation byte"),
    )
    overload = Words("starlette.exceptions.HTTPException", "503: {workers} workers busy, {queued} requests waiting")
    tokens = Rejection(
        Words("jwt.exceptions.InvalidSignatureError", "Signature verification failed"),
        Words("jwt.exceptions.ExpiredSignatureError", "Signature has expired"),
        Words("jwt.exceptions.DecodeError", "Not enough segments"),
        Words("jwt.exceptions.ImmatureSignatureError", "The token is not yet valid (iat)"),
        Words("jwt.exceptions.PyJWKClientError", "unable to find signing key that matches kid"),
        Words("fastapi.exceptions.HTTPException", "401: bad credentials"),
    )

    def logger(self, name: str) -> str:
        names = {"errors": "api", "domain": "service", "main": "app"}
        return name if "." in name else f"{self.short}.{names.get(name, name)}"

    def connect_failed(self, record: LogRecord, failure: Failure, server: str, opened: int, size: int) -> list[str]:
        running = self.scene.cluster.service(server)
        address = running.replicas[0].ip if running.replicas else server
        words = _SLOW_CONNECT if failure is Failure.TIMEOUT else LIBRARY.postgres[failure]
        text = words.text.format(server=server, port=running.spec.port, address=address)
        fields = {
            "server.address": server,
            "pool.open": opened,
            "pool.size": size,
            "error.type": words.kind,
            "exception": f"{words.kind}: {text}",
        }
        return [self.write(record, "warning", "db", "could not open a database connection", fields)]

    def started(self, record: LogRecord, startup: int) -> list[str]:
        url = f"http://0.0.0.0:{self.service.spec.port}"
        version = {"service.version": self.service.version, "startup_s": round(startup / 1e9, 2)}
        return [
            self.write(record, "info", "uvicorn.error", "Application startup complete.", version),
            self.write(record, "info", "uvicorn.error", f"Uvicorn running on {url} (Press CTRL+C to quit)"),
        ]

    def farewell(self, record: LogRecord) -> list[str]:
        events = ("Shutting down", "Waiting for application shutdown.", "Application shutdown complete.")
        return [self.write(record, "info", "uvicorn.error", event) for event in events]

    def crashed(self, record: LogRecord) -> list[str]:
        thread = f"{self.scene.streams.bits('log/pc', record.at) & 0xFFFFFFFFFF | 0x7F0000000000:#018x}"
        return [
            "Fatal Python error: Segmentation fault",
            f"Current thread {thread} (most recent call first):",
            '  File "/app/service.py", line 214 in handle',
        ]

    def start_failed(self, record: LogRecord) -> list[str]:
        kind = "socket.gaierror"
        error = {"error.type": kind, "exception": f"{kind}: [Errno -3] Temporary failure in name resolution"}
        return [self.write(record, "error", "uvicorn.error", "Application startup failed. Exiting.", error)]
