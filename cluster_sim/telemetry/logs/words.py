"""How client libraries and frameworks put it when a call fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...engine.failures import Failure

Phrases = Mapping[Failure, "Words"]


@dataclass(frozen=True)
class Words:
    """What a library says of one kind of failure.

    Attributes:
        kind: the error's type.
        text: its message; like the type a template over the call's `server`, `address`, `port`, `method`, `route`,
            `status`, `reason` and `answer` (the status in words, with spaces and without), `timeout_ms`,
            `timeout_s`, and of the connection pool `size`, `wait_ms`, `wait_s`, `open`, `active`, `idle`, `waiting`.
    """

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Library:
    """The clients of one language, by what they talk to."""

    http: Phrases
    postgres: Phrases
    redis: Phrases


ANSWERS = (
    Failure.SERVER_ERROR,
    Failure.BAD_GATEWAY,
    Failure.UNAVAILABLE,
    Failure.GATEWAY_TIMEOUT,
    Failure.EXTERNAL,
)
STORE_REFUSALS = (
    Failure.CACHE_FULL,
    Failure.STORE_MISCONFIGURED,
    Failure.STORE_WRONG_PASSWORD,
    Failure.STORE_MAX_CLIENTS,
    Failure.IDLE_IN_TRANSACTION,
)
"""Answers that only datastores give."""
UNREACHABLE = (Failure.REFUSED, Failure.NO_ENDPOINT)
DENIED = (
    Failure.UNAUTHORIZED,
    Failure.INVALID_SIGNATURE,
    Failure.EXPIRED,
    Failure.UNKNOWN_KEY,
    Failure.NOT_YET_VALID,
    Failure.BAD_CREDENTIALS,
)

REASONS = {401: "Unauthorized", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"}
REASONS |= {503: "Service Unavailable", 504: "Gateway Timeout"}

SLOTS_RESERVED = "remaining connection slots are reserved for non-replication superuser connections"
ADMINISTRATOR = "terminating connection due to administrator command"
TRANSACTION_TIMEOUT = "terminating connection due to idle-in-transaction timeout"
TOO_MANY_CLIENTS = "sorry, too many clients already"
CANCELED = "canceling statement due to user request"
MAXCLIENTS = "max number of clients reached"
WRONG_PASSWORD = "invalid username-password pair or user is disabled."
MAXMEMORY = "command not allowed when used memory > 'maxmemory'."
MISCONF = (
    "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify"
    " the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting"
    " fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
)


def phrases(*entries: tuple[Failure | tuple[Failure, ...], str, str]) -> Phrases:
    """A table of (failure or failures, type, text)."""
    table: dict[Failure, Words] = {}
    for failures, kind, text in entries:
        words = Words(kind, text)
        for failure in failures if isinstance(failures, tuple) else (failures,):
            table[failure] = words
    return table
