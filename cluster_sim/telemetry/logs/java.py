"""The log of a Spring Boot service: Logback's JSON lines, and the JVM's own lines between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from structlog.processors import JSONRenderer, add_log_level
from structlog.typing import Processor

from ...clock import MILLISECOND, SECOND, WINDOW
from ...engine.failures import Failure
from ..identity import database_name
from .app import AppFormat, Fields, Rejection
from .processors import compact_json, shout_level
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

_BOOT = "org.springframework.boot.SpringApplication"
_TOMCAT = "org.springframework.boot.web.embedded.tomcat"
_DATA_SOURCE = "com.zaxxer.hikari.HikariDataSource"
_LEAK_TASK = "com.zaxxer.hikari.pool.ProxyLeakTask"
_SPRING = "org.springframework.web.client."
_ANSWER = '{status} {reason} on {method} request for "http://{server}:{port}{route}"'
_IO = _SPRING + "ResourceAccessException"
_IO_TEXT = 'I/O error on {method} request for "http://{server}:{port}{route}": '
_HIKARI = "java.sql.SQLTransientConnectionException"
_PSQL = "org.postgresql.util.PSQLException"
_BACKEND = "An I/O error occurred while sending to the backend.; nested exception is "
_LETTUCE = "io.lettuce.core.RedisConnectionException"
_COMMAND = "io.lettuce.core.RedisCommandExecutionException"
_GONE = (Failure.RESET, Failure.ADMIN_SHUTDOWN)
_BREAKER = (
    Failure.BREAKER_OPEN,
    "io.github.resilience4j.circuitbreaker.CallNotPermittedException",
    "CircuitBreaker '{server}' is OPEN and does not permit further calls",
)
_POOL = (
    Failure.POOL_TIMEOUT,
    _HIKARI,
    "HikariPool-1 - Connection is not available, request timed out after {wait_ms}ms"
    " (total={open}, active={active}, idle={idle}, waiting={waiting})",
)

LIBRARY = Library(
    http=phrases(
        (ANSWERS, _SPRING + "HttpServerErrorException${answer}", _ANSWER),
        (
            (*DENIED, Failure.RATE_LIMITED, *STORE_REFUSALS),
            _SPRING + "HttpClientErrorException${answer}",
            _ANSWER,
        ),
        (
            Failure.TIMEOUT,
            _IO,
            _IO_TEXT
            + "Read timed out ({timeout_ms} ms); nested exception is java.net.SocketTimeoutException: Read timed out",
        ),
        (
            Failure.CONNECT_TIMEOUT,
            _IO,
            _IO_TEXT + "Connect timed out; nested exception is java.net.SocketTimeoutException: Connect timed out",
        ),
        (
            UNREACHABLE,
            _IO,
            _IO_TEXT + "Connection refused; nested exception is java.net.ConnectException: Connection refused",
        ),
        (_GONE, _IO, _IO_TEXT + "Connection reset; nested exception is java.net.SocketException: Connection reset"),
        _POOL,
        _BREAKER,
    ),
    postgres=phrases(
        (
            (Failure.UNAVAILABLE, Failure.EXTERNAL, Failure.RATE_LIMITED, *STORE_REFUSALS),
            _PSQL,
            f"FATAL: {SLOTS_RESERVED}",
        ),
        ((Failure.SERVER_ERROR, Failure.BAD_GATEWAY, Failure.GATEWAY_TIMEOUT), _PSQL, f"ERROR: {CANCELED}"),
        (DENIED, _PSQL, "FATAL: password authentication failed"),
        (Failure.ADMIN_SHUTDOWN, _PSQL, f"FATAL: {ADMINISTRATOR}"),
        (Failure.IDLE_IN_TRANSACTION, _PSQL, f"FATAL: {TRANSACTION_TIMEOUT}"),
        (Failure.STORE_MAX_CLIENTS, _PSQL, f"FATAL: {TOO_MANY_CLIENTS}"),
        (Failure.TIMEOUT, _PSQL, _BACKEND + "java.net.SocketTimeoutException: Read timed out"),
        (
            UNREACHABLE,
            _PSQL,
            "Connection to {server}:{port} refused. Check that the hostname and port are correct and that the"
            " postmaster is accepting TCP/IP connections.",
        ),
        (Failure.RESET, _PSQL, _BACKEND + "java.io.EOFException"),
        (Failure.CONNECT_TIMEOUT, _PSQL, "The connection attempt failed."),
        _POOL,
        _BREAKER,
    ),
    redis=phrases(
        (Failure.CACHE_FULL, _COMMAND, f"OOM {MAXMEMORY}"),
        (Failure.STORE_MISCONFIGURED, _COMMAND, f"MISCONF {MISCONF}"),
        (
            (*ANSWERS, Failure.RATE_LIMITED, Failure.IDLE_IN_TRANSACTION, Failure.STORE_MAX_CLIENTS),
            _COMMAND,
            f"ERR {MAXCLIENTS}",
        ),
        (Failure.STORE_WRONG_PASSWORD, _COMMAND, f"WRONGPASS {WRONG_PASSWORD}"),
        (DENIED, _COMMAND, "NOAUTH Authentication required."),
        (
            Failure.TIMEOUT,
            "io.lettuce.core.RedisCommandTimeoutException",
            "Command timed out after {timeout_ms} millisecond(s)",
        ),
        (
            (*UNREACHABLE, Failure.CONNECT_TIMEOUT),
            _LETTUCE,
            "Unable to connect to {server}/<unresolved>:{port}",
        ),
        (_GONE, _LETTUCE, "Connection reset by peer"),
        _POOL,
        _BREAKER,
    ),
)


class JavaFormat(AppFormat):
    """The log of a JVM service."""

    processors: ClassVar[tuple[Processor, ...]] = (add_log_level, shout_level, JSONRenderer(compact_json))
    library = LIBRARY
    bugs = (
        Words("java.lang.NullPointerException", 'Cannot invoke "String.length()" because "value" is null'),
        Words("java.util.ConcurrentModificationException", "null"),
        Words("java.lang.IllegalArgumentException", "Comparison method violates its general contract!"),
        Words("com.fasterxml.jackson.databind.exc.MismatchedInputException", "No content to map due to end-of-input"),
    )
    overload = Words(
        "java.util.concurrent.RejectedExecutionException",
        "task rejected from java.util.concurrent.ThreadPoolExecutor[Running, pool size = {workers},"
        " active threads = {workers}, queued tasks = {queued}]",
    )
    outside = Words(
        "org.springframework.web.client.HttpServerErrorException$ServiceUnavailable",
        "{peer}: 503 Service Unavailable (request-id {request})",
    )
    tokens = Rejection(
        Words(
            "io.jsonwebtoken.security.SignatureException",
            "JWT signature does not match locally computed signature."
            " JWT validity cannot be asserted and should not be trusted.",
        ),
        Words("io.jsonwebtoken.ExpiredJwtException", "JWT expired"),
        Words("java.lang.IllegalArgumentException", "JWT String argument cannot be null or empty."),
        Words("io.jsonwebtoken.PrematureJwtException", "JWT must not be accepted before its issued-at time"),
        Words("io.jsonwebtoken.security.InvalidKeyException", "unable to find signing key that matches kid"),
        Words("org.springframework.security.authentication.BadCredentialsException", "Bad credentials"),
    )

    _LOGGERS: ClassVar = {
        "access": "web.AccessLog",
        "errors": "web.GlobalExceptionHandler",
        "domain": "domain.{name}Service",
        "clients": "clients.{name}Clients",
        "tokens": "security.TokenFilter",
        "config": "config.SecretWatcher",
        "rollout": "config.Rollout",
        "main": "{name}Application",
    }

    def logger(self, name: str) -> str:
        if name not in self._LOGGERS:
            return name
        return f"com.shop.{self.short}." + self._LOGGERS[name].format(name=self._title)

    @property
    def _title(self) -> str:
        return self.short.title().replace("_", "")

    def head(self, record: LogRecord, logger: str, event: str, number: int) -> Fields:
        head = super().head(record, logger, event, number)
        thread = "main"
        if number:
            worker = 1 + self.scene.streams.bits("log/thread", number) % self.service.spec.workers
            thread = f"http-nio-{self.service.spec.port}-exec-{worker}"
        return {"timestamp": head["timestamp"], "level": "", "logger": head["logger"], "thread": thread, "event": event}

    def connect_failed(self, record: LogRecord, failure: Failure, server: str, opened: int, size: int) -> list[str]:
        port = self.scene.cluster.service(server).spec.port
        text = LIBRARY.postgres[failure].text.format(server=server, port=port)
        if failure is Failure.TIMEOUT:
            text = "The connection attempt failed.; nested exception is java.net.SocketTimeoutException: Read timed out"
        error: Fields = {
            "thread": "HikariPool-1:connection-adder",
            "error.type": _PSQL,
            "exception": f"{_PSQL}: {text}",
        }
        if opened:
            event, level, logger = "HikariPool-1 - Cannot acquire connection from data source", "debug", "HikariPool"
        else:
            event, level, logger = (
                "HikariPool-1 - Pool is empty, failed to create/setup connection",
                "warning",
                "PoolBase",
            )
        fields = {**error, "pool.total": opened, "pool.max": size}
        return [self.write(record, level, f"com.zaxxer.hikari.pool.{logger}", event, fields)]

    def connection_missed(self, record: LogRecord, number: int, back: bool) -> list[str]:
        bits = self.scene.streams.bits("log/leak", number, self._pod(record))
        worker = 1 + bits % self.service.spec.workers
        connection = f"org.postgresql.jdbc.PgConnection@{bits >> 8 & 0x7FFFFFFF:x}"
        thread = f"http-nio-{self.service.spec.port}-exec-{worker}"
        if back:
            event = f"Previously reported leaked connection {connection} on thread {thread} was returned to the pool"
            return [self.write(record, "info", _LEAK_TASK, f"{event} (unleaked)", {"thread": thread})]
        event = f"Connection leak detection triggered for {connection} on thread {thread}, stack trace follows"
        error: Fields = {
            "thread": "HikariPool-1:housekeeper",
            "error.type": "java.lang.Exception",
            "exception": "java.lang.Exception: Apparent connection leak detected",
        }
        return [self.write(record, "warning", _LEAK_TASK, event, error)]

    def gc_pause(self, record: LogRecord, pause: int) -> list[str]:
        bits = self.scene.streams.bits("log/gc", record.at, self._pod(record))
        after = 58 + bits % 40
        full = pause >= SECOND // 2
        before = (410 if full else 180) + (bits >> 8) % 60
        return [self._gc(record, full, before, after, 512, pause)]

    def gc_collection(
        self, record: LogRecord, full: bool, before: int, after: int, limit: int, pause: int
    ) -> list[str]:
        return [self._gc(record, full, before >> 20, after >> 20, limit >> 20, pause)]

    def _gc(self, record: LogRecord, full: bool, before: int, after: int, limit: int, pause: int) -> str:
        kind = "Pause Full (G1 Compaction Pause)" if full else "Pause Young (Normal) (G1 Evacuation Pause)"
        text = f"GC({record.at // WINDOW}) {kind} {before}M->{after}M({limit}M) {pause / MILLISECOND:.3f}ms"
        return f"[{self.scene.instant(record.at)[:-1]}+0000][info][gc] {text}"

    def _pod(self, record: LogRecord) -> int:
        return int.from_bytes(record.source.encode()[-5:], "big")

    def started(self, record: LogRecord, startup: int) -> list[str]:
        seconds = startup / SECOND
        version: Fields = {"service.version": self.service.version}
        tomcat = f"Tomcat started on port {self.service.spec.port} (http) with context path '/'"
        application = (
            f"Started {self._title}Application in {seconds:.3f} seconds (process running for {seconds + 0.4:.3f})"
        )
        database: Fields = {"db.namespace": database_name(self.service.name)}
        return [
            *(
                self.write(record, "info", _DATA_SOURCE, "HikariPool-1 - Starting...", database)
                for _ in self.service.pools
            ),
            self.write(record, "info", f"{_TOMCAT}.TomcatWebServer", tomcat),
            self.write(record, "info", "main", application, version),
        ]

    def farewell(self, record: LogRecord) -> list[str]:
        hook: Fields = {"thread": "SpringApplicationShutdownHook"}
        event = "Commencing graceful shutdown. Waiting for active requests to complete"
        pools = ["HikariPool-1 - Shutdown initiated...", "HikariPool-1 - Shutdown completed."] * len(self.service.pools)
        return [
            self.write(record, "info", f"{_TOMCAT}.GracefulShutdown", event, hook),
            *(self.write(record, "info", _DATA_SOURCE, event, hook) for event in pools),
        ]

    def crashed(self, record: LogRecord) -> list[str]:
        pc = f"{self.scene.streams.bits('log/pc', record.at) & 0xFFFFFFFFFF | 0x7F0000000000:#018x}"
        return [
            "# A fatal error has been detected by the Java Runtime Environment:",
            f"#  SIGSEGV (0xb) at pc={pc}, pid=1, tid=47",
            "# Problematic frame:",
            f"# C  [libnetty_tcnative_linux_x86_64.so+0x{int(pc, 16) & 0xFFFFF:x}]",
            "# Core dump will be written. Default location: /app/core.1",
        ]

    def start_failed(self, record: LogRecord) -> list[str]:
        host = next(iter(self.service.spec.pools), "config-service")
        kind = "java.net.UnknownHostException"
        error: Fields = {"error.type": kind, "exception": f"{kind}: {host}: Temporary failure in name resolution"}
        return [self.write(record, "error", _BOOT, "Application run failed", error)]
