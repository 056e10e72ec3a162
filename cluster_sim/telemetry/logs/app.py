"""What the log formats of all application languages have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from structlog.typing import Processor

from ...clock import MILLISECOND, SECOND
from ...engine.failures import DENIALS, STATUS, Failure
from ...specs import Language
from ..identity import checksum, span_id, trace_id
from .scene import Scene
from .words import REASONS, Library, Words

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.service import LogRecord

Fields = dict[str, Any]

DOMAIN_EVENTS: Mapping[str, tuple[str, str, str]] = {
    "pay": ("payment captured", "payment.id", "pay"),
    "charge": ("charge captured", "payment.id", "pay"),
    "checkout": ("order placed", "order.id", "ord"),
    "reserve": ("stock reserved", "reservation.id", "res"),
    "login": ("login succeeded", "session.id", "ses"),
}
"""Operation → what the business code says when it has succeeded, and the id it says it of (chosen)."""

DOMAIN_SHARE = 3
"""One finished request in so many is told of by the business code instead of the access log (chosen)."""


class Rejection(NamedTuple):
    """How a token library words its refusals."""

    invalid_signature: Words
    expired: Words
    missing: Words
    not_yet_valid: Words
    unknown_key: Words
    bad_credentials: Words

    def of(self, failure: Failure) -> Words:
        """The words for a refusal."""
        words = {
            Failure.INVALID_SIGNATURE: self.invalid_signature,
            Failure.EXPIRED: self.expired,
            Failure.NOT_YET_VALID: self.not_yet_valid,
            Failure.UNKNOWN_KEY: self.unknown_key,
            Failure.BAD_CREDENTIALS: self.bad_credentials,
        }
        return words.get(failure, self.missing)


class AppFormat(ABC):
    """The log of an application: one structured line per event, made by structlog's processors.

    Attributes:
        processors: the pipeline that turns the fields of an event into its line.
        library: what the language's clients say when a call fails.
        bugs: what its programs say when they fail by themselves.
        overload: what they say of a request that finds the queue full.
        outside: what the client of a system outside says of its error.
        tokens: how its token library words refusals.
    """

    processors: ClassVar[tuple[Processor, ...]]
    library: ClassVar[Library]
    bugs: ClassVar[tuple[Words, ...]]
    overload: ClassVar[Words]
    outside: ClassVar[Words] = Words("ExternalError", "{peer}: 503 Service Unavailable (request-id {request})")
    tokens: ClassVar[Rejection]

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.service = scene.service
        self.short = scene.service.name.removesuffix("-service").replace("-", "_")

    def lines(self, record: LogRecord, before: LogRecord | None) -> list[str]:
        """The lines of a record."""
        data: tuple[Any, ...] = record.data
        match record.event:
            case "access":
                return self.access(record, *data)
            case "failure":
                return self.failure(record, before, *data)
            case "call_failed":
                return self.call_failed(record, *data)
            case "connect_failed":
                return self.connect_failed(record, *data)
            case "connection_missed":
                return self.connection_missed(record, *data)
            case "token_rejected":
                return self.token_rejected(record, *data)
            case "gc_pause":
                return self.gc_pause(record, *data)
            case "gc_collection":
                return self.gc_collection(record, *data)
            case "started":
                return self.started(record, *data)
            case "stopping":
                return self.stopping(record, *data)
            case "crashed":
                return self.crashed(record)
            case "start_failed":
                return self.start_failed(record)
            case "audit":
                return [self.scene.audit_event(record)]
            case "kubernetes":
                return [self.scene.kubernetes_event(record)]
            case "login_failed":
                return self.login_failed(record, *data)
            case "watch_closed":
                return self.watch_closed(record, *data)
            case "secret_loaded":
                return self.secret_loaded(record, *data)
            case "push_timeout":
                return self.push_timeout(record, *data)
            case "rolled_out":
                return self.rolled_out(record, *data)
            case "watch_restored":
                return self.watch_restored(record, *data)
        raise KeyError(record.event)

    # ------------------------------------------------------------ the line

    def write(
        self, record: LogRecord, level: str, logger: str, event: str, fields: Fields | None = None, number: int = 0
    ) -> str:
        """One line.

        Args:
            logger: who says it, within the program.
            number: of the request it is about; 0 if it is about none.
        """
        entry: Any = self.head(record, logger, event, number)
        if fields:
            entry.update(fields)
        entry["k8s.pod.name"] = record.source
        for processor in self.processors:
            entry = processor(None, level, entry)
        return str(entry)

    def head(self, record: LogRecord, logger: str, event: str, number: int) -> Fields:
        """The fields every line begins with; the processors fill in the level."""
        return {"timestamp": self.scene.instant(record.at), "level": "", "logger": self.logger(logger), "event": event}

    def logger(self, name: str) -> str:
        """The full name of a logger."""
        return f"{self.short}.{name}"

    def trace(self, number: int, edge: Edge, start: int) -> Fields:
        """The ids of the span in which a request is served here since an instant."""
        streams = self.scene.streams
        return {"trace_id": trace_id(streams, number), "span_id": span_id(streams, number, edge.index, start)}

    # ------------------------------------------------------------ serving

    def access(self, record: LogRecord, index: int, status: int, duration: int, number: int) -> list[str]:
        """A request was answered."""
        edge = self.scene.edge(index)
        fields = self._request(edge, status, duration)
        level = "info" if status < 400 else "warning"
        logger, event = "access", f"{edge.method} {edge.route} {status}"
        if status < 400 and edge.operation in DOMAIN_EVENTS:
            bits = self.scene.streams.bits("log/domain", number, index)
            if bits % DOMAIN_SHARE == 0:
                event, name, prefix = DOMAIN_EVENTS[edge.operation]
                logger = "domain"
                fields = {name: f"{prefix}_{bits >> 16:012x}", **fields}
        ids = self.trace(number, edge, record.at - duration)
        return [self.write(record, level, logger, event, {**fields, **ids}, number)]

    def failure(
        self, record: LogRecord, before: LogRecord | None, index: int, failure: Failure, duration: int, number: int
    ) -> list[str]:
        """A request was answered with an error."""
        edge = self.scene.edge(index)
        status = STATUS[failure]
        words = self._cause(record, before, failure, duration, number)
        fields = self._request(edge, status, duration)
        fields |= {"error.type": words.kind, "exception": f"{words.kind}: {words.text}"}
        event = "unhandled exception" if status == 500 else f"answered {status} {REASONS[status]}"
        ids = self.trace(number, edge, record.at - duration)
        return [self.write(record, "error", "errors", event, {**fields, **ids}, number)]

    def _request(self, edge: Edge, status: int, duration: int) -> Fields:
        return {
            "http.request.method": edge.method,
            "http.route": edge.route,
            "http.response.status_code": status,
            "duration_ms": round(duration / MILLISECOND, 1),
        }

    def _cause(
        self, record: LogRecord, before: LogRecord | None, failure: Failure, duration: int, number: int
    ) -> Words:
        """Why a request failed: a call of its own that had just failed, or a fault of the service's own."""
        if before is not None and before.event == "call_failed" and before.at == record.at:
            data: tuple[Any, ...] = before.data
            index, cause, _, about, *pool = data
            if before.source == record.source and about == number:
                return self.words(self.scene.edge(index), cause, pool)
        return self.own_fault(failure, duration, number)

    def own_fault(self, failure: Failure, duration: int, number: int) -> Words:
        """Why a request failed that no call of its own failed for: a full queue, or a bug."""
        if failure is Failure.UNAVAILABLE and duration == 0:
            values = {"workers": self.service.workers, "queued": self.service.queue_limit}
            return Words(self.overload.kind, self.overload.text.format(**values))
        if failure is Failure.EXTERNAL and self.service.externals:
            bits = self.scene.streams.bits("log/external", number)
            peer = self.service.externals[0].name
            return Words(self.outside.kind, self.outside.text.format(peer=peer, request=f"req_{bits >> 16:012x}"))
        return self.scene.pick(self.bugs, "log/bug", number)

    # ------------------------------------------------------------ calling

    def call_failed(
        self, record: LogRecord, index: int, failure: Failure, attempt: int, number: int, *pool: int
    ) -> list[str]:
        """A call of this service's own failed."""
        edge = self.scene.edge(index)
        words = self.words(edge, failure, pool)
        fields: Fields = {"server.address": edge.server, **self._operation(edge)}
        if attempt:
            fields["http.request.resend_count"] = attempt
        fields |= {"error.type": words.kind, "exception": f"{words.kind}: {words.text}"}
        fields |= {"trace_id": trace_id(self.scene.streams, number)}
        level = "info" if failure in DENIALS else "warning"
        return [self.write(record, level, "clients", self._complaint(edge, failure), fields, number)]

    def _complaint(self, edge: Edge, failure: Failure) -> str:
        if failure in DENIALS:
            return f"{edge.server} refused the token"
        language = self.scene.cluster.service(edge.server).spec.language
        if language is Language.REDIS:
            writes = edge.method in {"SET", "MSET"}
            return "cache write failed" if writes else "cache read failed, falling back to the database"
        if language is Language.POSTGRES:
            return "database call failed"
        if edge.optional:
            return f"call to {edge.server} failed, going on with the values at hand"
        return f"call to {edge.server} failed"

    def _operation(self, edge: Edge) -> Fields:
        language = self.scene.cluster.service(edge.server).spec.language
        if language is Language.POSTGRES:
            return {"db.system.name": "postgresql", "db.operation.name": edge.method, "db.collection.name": edge.route}
        if language is Language.REDIS:
            return {"db.system.name": "redis", "db.operation.name": edge.method}
        return {"http.request.method": edge.method, "url.template": edge.route}

    def words(self, edge: Edge, failure: Failure, detail: tuple[object, ...] | list[object]) -> Words:
        """The client library's words for a failure; `detail` is the status and the figures of the pool."""
        server = self.scene.cluster.service(edge.server)
        language = server.spec.language
        if language is Language.POSTGRES:
            table = self.library.postgres
        elif language is Language.REDIS:
            table = self.library.redis
        else:
            table = self.library.http
        words = table[failure]
        status = STATUS[failure]
        pool = self.service.pools.get(edge.server)
        wait_s = pool.acquire_timeout_s if pool is not None else 0.0
        figures = [*detail[1:], 0, 0, 0, 0]
        values = {
            "server": edge.server,
            "address": server.replicas[0].ip if server.replicas else edge.server,
            "port": server.spec.port,
            "method": edge.method,
            "route": edge.route,
            "status": status,
            "reason": REASONS[status],
            "answer": REASONS[status].replace(" ", ""),
            "timeout_ms": edge.timeout // MILLISECOND,
            "timeout_s": edge.timeout / SECOND,
            "size": pool.size if pool is not None else 0,
            "wait_ms": round(wait_s * 1000),
            "wait_s": wait_s,
            "open": figures[0],
            "active": figures[1],
            "idle": figures[2],
            "waiting": figures[3],
        }
        return Words(words.kind.format(**values), words.text.format(**values))

    @abstractmethod
    def connect_failed(self, record: LogRecord, failure: Failure, server: str, opened: int, size: int) -> list[str]:
        """The connection pool could not open a connection."""

    def connection_missed(self, record: LogRecord, number: int, back: bool) -> list[str]:
        """The connection pool misses a connection, or has it back; most say nothing of it."""
        return []

    # ------------------------------------------------------------ tokens and configuration

    def token_rejected(self, record: LogRecord, failure: Failure, kid: str, user: int, number: int) -> list[str]:
        """A token was refused."""
        words = self.tokens.of(failure)
        text = f"{words.text}={kid}" if failure is Failure.UNKNOWN_KEY else words.text
        fields: Fields = {"error.type": words.kind, "exception": text}
        if kid:
            fields["jwt.kid"] = kid
        fields |= {"user.id": f"u{user}", "trace_id": trace_id(self.scene.streams, number)}
        return [self.write(record, "warning", "tokens", "token rejected", fields, number)]

    def login_failed(self, record: LogRecord, account: int, address: str, reason: str, number: int) -> list[str]:
        """A login was refused."""
        fields: Fields = {"reason": reason, "trace_id": trace_id(self.scene.streams, number)}
        return [self.write(record, "warning", "logins", f"login failed user=u{account} ip={address}", fields, number)]

    def watch_closed(self, record: LogRecord, revision: int) -> list[str]:
        """The watch of the configuration has ended."""
        fields = {"secret": "jwt-signing", "rev": revision}
        return [self.write(record, "warning", "config", "watch channel closed, retrying", fields)]

    def secret_loaded(self, record: LogRecord, revision: int, kid: str) -> list[str]:
        """A pod has taken over a revision of the signing secret."""
        fields = {"secret": "jwt-signing", "rev": revision, "kid": kid, "checksum": checksum(revision, kid)}
        return [self.write(record, "info", "config", "signing secret loaded", fields)]

    def push_timeout(self, record: LogRecord, revision: int, kid: str, pod: str, timeout_s: float) -> list[str]:
        """A pod did not acknowledge a revision in time."""
        fields = {"secret": "jwt-signing", "rev": revision, "kid": kid, "pod": pod, "timeout": f"{timeout_s:g}s"}
        event = f"watch of {pod} timed out: no ack of secret jwt-signing rev {revision}"
        return [self.write(record, "warning", "rollout", event, {**fields, "err": "context deadline exceeded"})]

    def rolled_out(self, record: LogRecord, revision: int, kid: str, reason: str, acked: int, total: int) -> list[str]:
        """A revision was pushed to all pods."""
        event = f"secret jwt-signing rev {revision} rolled out: {acked}/{total} acked"
        fields: Fields = {"kid": kid, "checksum": checksum(revision, kid)}
        if reason:
            fields["reason"] = reason
        return [self.write(record, "info" if acked == total else "warning", "rollout", event, fields)]

    def watch_restored(self, record: LogRecord, revision: int, kid: str, pod: str) -> list[str]:
        """A pod watches again."""
        fields = {"secret": "jwt-signing", "rev": revision, "kid": kid, "pod": pod}
        return [self.write(record, "info", "rollout", f"watch of {pod} restored", fields)]

    # ------------------------------------------------------------ the process

    def gc_collection(
        self, record: LogRecord, full: bool, before: int, after: int, limit: int, pause: int
    ) -> list[str]:
        """Garbage was collected: so many bytes were in use before, and so many are after."""
        raise KeyError(record.event)

    def gc_pause(self, record: LogRecord, pause: int) -> list[str]:
        """The world was stopped for garbage collection."""
        raise KeyError(record.event)

    @abstractmethod
    def started(self, record: LogRecord, startup: int) -> list[str]:
        """The process is ready."""

    def stopping(self, record: LogRecord, reason: str) -> list[str]:
        """The process ends."""
        if reason == "OOMKilled":  # SIGKILL leaves no time for last words
            return []
        return self.farewell(record)

    @abstractmethod
    def crashed(self, record: LogRecord) -> list[str]:
        """The last words of a process that dies of itself."""

    @abstractmethod
    def start_failed(self, record: LogRecord) -> list[str]:
        """The last words of a process that cannot reach what it needs at its start."""

    @abstractmethod
    def farewell(self, record: LogRecord) -> list[str]:
        """The lines of an orderly shutdown."""
