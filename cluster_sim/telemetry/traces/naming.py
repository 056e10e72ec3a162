"""What spans are called and which attributes say so: OpenTelemetry's semantic conventions for HTTP and databases.

Source: opentelemetry.io, semantic conventions, http/http-spans and database/database-spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...specs import USERS, CacheRead, CacheWrite, CallTo, Language, PickItems, Step
from ..identity import database_name
from ..logs.postgres import statement
from .span import Value

if TYPE_CHECKING:
    from ...engine.edge import Edge
    from ...engine.service import Service

USER_SERVICE = "user"
"""The service of what users do, as the service graph calls it."""

DATASTORES = {Language.POSTGRES: "postgresql", Language.REDIS: "redis"}
"""Language → `db.system.name`."""

WORKER_WAIT = "wait for worker"

_CONNECTION_WAITS = {Language.JAVA: "HikariDataSource.getConnection", Language.PYTHON: "connect"}
"""As the instrumentations of JDBC data sources and of SQLAlchemy name the span."""


def caller_name(edge: Edge) -> str:
    """The service that makes a call."""
    return USER_SERVICE if edge.client == USERS else edge.client


def span_name(edge: Edge, server: Service) -> str:
    """The name of the spans of a call, on both of its sides."""
    return edge.method if server.spec.language is Language.REDIS else f"{edge.method} {edge.route}"


def connection_span_name(client: Service | None) -> str:
    """The name of the span of a wait for a connection."""
    return "connect" if client is None else _CONNECTION_WAITS.get(client.spec.language, "connect")


def pool_name(edge: Edge, client: Service | None) -> str:
    """The name of a caller's connection pool, as its metrics have it."""
    return "HikariPool-1" if client is not None and client.spec.language is Language.JAVA else edge.server


def target(edge: Edge, server: Service) -> dict[str, Value]:
    """Where a call goes."""
    return {"server.address": edge.server, "server.port": server.spec.port}


def request(edge: Edge, server: Service, *, served: bool) -> dict[str, Value]:
    """What a call asks for, as its server or its client has it."""
    language = server.spec.language
    if language not in DATASTORES:
        attributes: dict[str, Value] = {"http.request.method": edge.method}
        if served:
            return attributes | {"http.route": edge.route, "url.path": edge.route, "url.scheme": "http"}
        return attributes | {
            "url.template": edge.route,
            "url.full": f"http://{edge.server}:{server.spec.port}{edge.route}",
        }
    attributes = {"db.system.name": DATASTORES[language], "db.operation.name": edge.method}
    if language is Language.POSTGRES:
        attributes |= {
            "db.namespace": database_name(edge.client),
            "db.collection.name": edge.route,
            "db.query.text": statement(edge),
        }
    return attributes


def items(edge: Edge, caller: Edge | None, left: int) -> dict[str, Value]:
    """What a good answer says of the items that a call was about.

    Args:
        caller: the call in which this one was made, if a service made it.
        left: the items that a lookup has not found, or that another call was about.
    """
    steps = edge.spec.operation.steps
    if any(isinstance(step, CacheRead) for step in steps):
        asked = _picked(caller.spec.operation.steps, edge) if caller is not None else None
        return {"cache.misses": left} if asked is None else {"cache.hits": asked - left, "cache.misses": left}
    if any(isinstance(step, CacheWrite) for step in steps):
        return {"db.operation.batch.size": left}
    return {"db.response.returned_rows": left} if left and edge.method == "SELECT" else {}


def _picked(steps: tuple[Step, ...], edge: Edge) -> int | None:
    """How many items an operation has picked when it makes a call; None if it picks none by itself."""
    count = None
    for step in steps:
        if isinstance(step, PickItems):
            count = step.count
        elif isinstance(step, CallTo) and (step.service, step.operation) == (edge.server, edge.operation):
            return count
    return None
