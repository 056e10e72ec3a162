"""Why a call failed, what its server answered, and what the caller makes of it."""

from __future__ import annotations

from enum import IntEnum


class Failure(IntEnum):
    """The ways a call fails. The ones below 20 are answers of the callee, the others happen to the caller."""

    SERVER_ERROR = 1
    BAD_GATEWAY = 2
    UNAVAILABLE = 3
    GATEWAY_TIMEOUT = 4
    UNAUTHORIZED = 5
    INVALID_SIGNATURE = 6
    EXPIRED = 7
    CACHE_FULL = 8
    ADMIN_SHUTDOWN = 9
    EXTERNAL = 10
    RATE_LIMITED = 11
    UNKNOWN_KEY = 12
    NOT_YET_VALID = 13
    BAD_CREDENTIALS = 14
    STORE_MISCONFIGURED = 15
    STORE_WRONG_PASSWORD = 16
    STORE_MAX_CLIENTS = 17
    IDLE_IN_TRANSACTION = 18
    TIMEOUT = 20
    POOL_TIMEOUT = 21
    REFUSED = 22
    RESET = 23
    NO_ENDPOINT = 24
    BREAKER_OPEN = 25
    CONNECT_TIMEOUT = 27


STATUS = {
    Failure.SERVER_ERROR: 500,
    Failure.BAD_GATEWAY: 502,
    Failure.UNAVAILABLE: 503,
    Failure.GATEWAY_TIMEOUT: 504,
    Failure.UNAUTHORIZED: 401,
    Failure.INVALID_SIGNATURE: 401,
    Failure.EXPIRED: 401,
    Failure.CACHE_FULL: 500,
    Failure.ADMIN_SHUTDOWN: 500,
    Failure.EXTERNAL: 502,
    Failure.RATE_LIMITED: 429,
    Failure.UNKNOWN_KEY: 401,
    Failure.NOT_YET_VALID: 401,
    Failure.BAD_CREDENTIALS: 401,
    Failure.STORE_MISCONFIGURED: 500,
    Failure.STORE_WRONG_PASSWORD: 500,
    Failure.STORE_MAX_CLIENTS: 500,
    Failure.IDLE_IN_TRANSACTION: 500,
    Failure.TIMEOUT: 504,
    Failure.POOL_TIMEOUT: 500,
    Failure.REFUSED: 503,
    Failure.RESET: 502,
    Failure.NO_ENDPOINT: 503,
    Failure.BREAKER_OPEN: 503,
    Failure.CONNECT_TIMEOUT: 504,
}
"""The HTTP status a client sees (or would, had it waited)."""

ANSWER_AFTER = {
    Failure.SERVER_ERROR: Failure.BAD_GATEWAY,
    Failure.BAD_GATEWAY: Failure.BAD_GATEWAY,
    Failure.UNAVAILABLE: Failure.UNAVAILABLE,
    Failure.GATEWAY_TIMEOUT: Failure.GATEWAY_TIMEOUT,
    Failure.UNAUTHORIZED: Failure.UNAUTHORIZED,
    Failure.INVALID_SIGNATURE: Failure.UNAUTHORIZED,
    Failure.EXPIRED: Failure.UNAUTHORIZED,
    Failure.CACHE_FULL: Failure.SERVER_ERROR,
    Failure.ADMIN_SHUTDOWN: Failure.SERVER_ERROR,
    Failure.EXTERNAL: Failure.BAD_GATEWAY,
    Failure.RATE_LIMITED: Failure.UNAVAILABLE,
    Failure.UNKNOWN_KEY: Failure.UNAUTHORIZED,
    Failure.NOT_YET_VALID: Failure.UNAUTHORIZED,
    Failure.BAD_CREDENTIALS: Failure.UNAUTHORIZED,
    Failure.STORE_MISCONFIGURED: Failure.SERVER_ERROR,
    Failure.STORE_WRONG_PASSWORD: Failure.SERVER_ERROR,
    Failure.STORE_MAX_CLIENTS: Failure.SERVER_ERROR,
    Failure.IDLE_IN_TRANSACTION: Failure.SERVER_ERROR,
    Failure.TIMEOUT: Failure.GATEWAY_TIMEOUT,
    Failure.POOL_TIMEOUT: Failure.SERVER_ERROR,
    Failure.REFUSED: Failure.BAD_GATEWAY,
    Failure.RESET: Failure.BAD_GATEWAY,
    Failure.NO_ENDPOINT: Failure.UNAVAILABLE,
    Failure.BREAKER_OPEN: Failure.UNAVAILABLE,
    Failure.CONNECT_TIMEOUT: Failure.GATEWAY_TIMEOUT,
}
"""What a service answers when a call it needs has failed so."""

DENIALS = frozenset(
    {
        Failure.UNAUTHORIZED,
        Failure.INVALID_SIGNATURE,
        Failure.EXPIRED,
        Failure.UNKNOWN_KEY,
        Failure.NOT_YET_VALID,
        Failure.BAD_CREDENTIALS,
    }
)
"""Answers, not malfunctions: never retried, and no fault of the callee's health."""
