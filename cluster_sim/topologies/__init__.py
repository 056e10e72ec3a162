"""Large clusters made up from a seed: domains of services behind gateways, with databases, caches and shared parts."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InvalidSpec
from ..specs import CallTo, ClusterSpec, EndpointSpec, EnsureToken
from .capacity import Capacities
from .domains import Graph, Layer, Node
from .platform import LOGIN, OPERATIONS
from .rules import RULES

__all__ = ["FEWEST", "MOST", "RULES", "generated"]

FEWEST, MOST = 7, 600
"""Services that a generated cluster may have."""

USERS_PER_HZ = 20
"""People logged in for each request a second: each acts every 20 s (chosen)."""

LOGINS, VIEWS, CHANGES = 0.05, 0.75, 0.2
"""Shares of what users do (chosen)."""


def generated(services: int, seed: int, arrival_rate_hz: float = 20.0) -> ClusterSpec:
    """A cluster of so many services, healthy at this traffic; the same one for the same numbers.

    Its domains have gateways, two layers of services, leaves that only compute, a database and a cache. A request
    goes through its domain and some services of others, so that it makes about as many calls in a large cluster as
    in a small one. Workers, pools and cores are in proportion to the calls that are to be expected; who calls whom
    does not depend on the traffic.

    Raises:
        InvalidSpec: there are too few or too many services, or no traffic.
    """
    if not FEWEST <= services <= MOST:
        raise InvalidSpec(f"a generated cluster has {FEWEST} to {MOST} services, not {services}")
    if not 0 < arrival_rate_hz < float("inf"):
        raise InvalidSpec("arrival_rate_hz must be positive")
    graph = Graph(services, seed)
    endpoints = tuple(_endpoints(graph))
    operations = {node.name: node.operations() for node in graph.nodes} | dict(OPERATIONS)
    capacities = Capacities(operations, endpoints, arrival_rate_hz)
    return ClusterSpec(
        services=(*map(capacities.service, graph.nodes), *capacities.platform()),
        endpoints=endpoints,
        arrival_rate_hz=arrival_rate_hz,
        users=max(round(USERS_PER_HZ * arrival_rate_hz), 1),
        rules=RULES,
    )


def _endpoints(graph: Graph) -> Iterator[EndpointSpec]:
    """What users do: they log in, and they view and change things at every gateway."""
    yield EndpointSpec(name="login", share=LOGINS, slo_latency_s=0.75, steps=(LOGIN,))
    for domain, weight in enumerate(graph.weights):
        gateways = graph.within(domain, Layer.EDGE)
        for gateway in gateways:
            share = weight / len(gateways)
            yield _endpoint(gateway, "view", VIEWS * share, 1.0)
            yield _endpoint(gateway, "change", CHANGES * share, 1.5)


def _endpoint(gateway: Node, operation: str, share: float, slo_latency_s: float) -> EndpointSpec:
    call = CallTo(service=gateway.name, operation=operation, timeout_s=8.0)
    steps = (call,) if operation == "view" else (EnsureToken(login=LOGIN), call)
    name = f"{operation}-{gateway.name.removesuffix('-gateway')}"
    return EndpointSpec(name=name, share=share, slo_latency_s=slo_latency_s, steps=steps)
