"""How trouble spreads: from a service that is ill to those that call it, as far as the wall dashboard bears it out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

from .case import CaseFile

Edge = tuple[str, str]
"""The service that was ill, and the caller that it made ill."""

CALLERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "postgres-db": ("payment-service", "inventory-service"),
        "redis-cache": ("inventory-service",),
        "config-service": ("auth-service",),
        "auth-service": ("payment-service", "checkout-service"),
        "inventory-service": ("checkout-service",),
        "payment-service": ("checkout-service",),
        "checkout-service": (),
    }
)
"""Who calls whom, as an engineer on call knows it."""

USUAL_P99_S: Mapping[str, float] = MappingProxyType(
    {
        "postgres-db": 0.25,
        "redis-cache": 0.005,
        "config-service": 0.01,
        "auth-service": 0.2,
        "inventory-service": 0.25,
        "payment-service": 0.25,
        "checkout-service": 2.5,
    }
)
"""Seconds that all but one in a hundred requests take at most on an ordinary day, read off the wall dashboard."""

SLOWER = 2.0
"""How many times as long they take where a service is ill (chosen)."""
FAILING = 0.05
"""Share of requests that fail or are refused there (chosen: where the pages about errors begin)."""


def through(*services: str) -> tuple[Edge, ...]:
    """The way of trouble along a path of services, each of which is called by the next."""
    return tuple(pairwise(services))


def paths(*ways: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Several ways together."""
    return tuple(dict.fromkeys(edge for way in ways for edge in way))


def is_ill(case: CaseFile, service: str) -> bool:
    """Whether the wall dashboard has shown a service in trouble at any time."""
    worst = case.worst(service)
    failing = max(worst.get("error_ratio", 0.0), worst.get("unauthorized_ratio", 0.0))
    return failing > FAILING or worst.get("latency_p99_s", 0.0) > SLOWER * USUAL_P99_S.get(service, float("inf"))


def borne_out(case: CaseFile, root: str, spread: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Of the ways that trouble usually takes from its root, those at either end of which trouble was seen.

    What the root hands on, and what it does not wait for, is taken for granted.
    """
    return tuple(edge for edge in spread if root in edge or any(is_ill(case, service) for service in edge))
