"""Variants of the topology, which generated incidents are played in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ..specs import ClusterSpec, ServiceSpec

Variant = Callable[[ClusterSpec], ClusterSpec]


def _changed(spec: ClusterSpec, change: Callable[[ServiceSpec], ServiceSpec]) -> ClusterSpec:
    return replace(spec, services=tuple(map(change, spec.services)))


def _usual(spec: ClusterSpec) -> ClusterSpec:
    return spec


def _wide(spec: ClusterSpec) -> ClusterSpec:
    """Four pods where there are usually three, of services without connections to the database."""
    wide = ("checkout-service", "auth-service")
    return _changed(spec, lambda service: replace(service, replicas=4) if service.name in wide else service)


def _lean(spec: ClusterSpec) -> ClusterSpec:
    """Two pods of checkout."""
    return _changed(spec, lambda s: replace(s, replicas=2) if s.name == "checkout-service" else s)


def _larger_database(spec: ClusterSpec) -> ClusterSpec:
    """One core more than usual."""
    return _changed(spec, lambda s: replace(s, workers=s.workers + 1) if s.backends is not None else s)


def _short_lived_cache(spec: ClusterSpec) -> ClusterSpec:
    """Entries live 75 s."""
    return _changed(spec, lambda s: replace(s, cache=replace(s.cache, ttl_s=75.0)) if s.cache is not None else s)


def _short_tokens(spec: ClusterSpec) -> ClusterSpec:
    """Tokens live four minutes."""
    return _changed(spec, lambda s: replace(s, keys=replace(s.keys, token_lifetime_s=240.0)) if s.keys else s)


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "usual": _usual,
        "wide": _wide,
        "lean": _lean,
        "larger_database": _larger_database,
        "short_lived_cache": _short_lived_cache,
        "short_tokens": _short_tokens,
    }
)
"""What may differ from the usual topology (all chosen)."""
