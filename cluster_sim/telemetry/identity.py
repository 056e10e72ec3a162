"""Names that programs give to things: traces and spans, database roles, checksums of a configuration."""

from __future__ import annotations

from hashlib import sha256

from ..rng import Streams

NAMESPACE = "shop"
"""The Kubernetes namespace of every pod."""

_DATABASES = {"payment-service": ("payments_app", "payments"), "inventory-service": ("inventory_app", "inventory")}


def trace_id(streams: Streams, number: int) -> str:
    """The trace id of a request: 32 hexadecimal digits."""
    return f"{streams.bits('trace', number, 0):016x}{streams.bits('trace', number, 1):016x}"


def span_id(streams: Streams, number: int, edge: int, start: int, part: str = "server") -> str:
    """The id of the span of a call: 16 hexadecimal digits.

    Args:
        number: of the request.
        start: when the call reached its server; it tells attempts apart.
        part: `server`, or the part of the call on the side of its caller.
    """
    return f"{streams.bits('span/' + part, number, edge, start):016x}"


def database_role(client: str) -> str:
    """The role that a service logs in to the database with."""
    return _role_and_database(client)[0]


def database_name(client: str) -> str:
    """The database that a service uses."""
    return _role_and_database(client)[1]


def _role_and_database(client: str) -> tuple[str, str]:
    base = client.removesuffix("-service").replace("-", "_")
    return _DATABASES.get(client, (f"{base}_app", base))


def checksum(revision: int, kid: str) -> str:
    """What tells two revisions of the signing configuration apart: a prefix of a digest of their public parts."""
    return sha256(f"jwt-signing/{revision}/{kid}".encode()).hexdigest()[:12]
