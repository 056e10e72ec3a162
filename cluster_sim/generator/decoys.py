"""Decoys: ordinary things that happen around the onset of a fault, and have nothing to do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..clock import SECOND
from ..cluster import Cluster


def _deploy(cluster: Cluster, decoy: Decoy) -> None:
    """A release without defects."""
    cluster.deploy(decoy.service)


def _slow(cluster: Cluster, decoy: Decoy) -> None:
    """One pod is slow for a while: a noisy neighbour on its node."""
    ready = cluster.service(decoy.service).ready
    if ready:
        replica = ready[int(decoy.draw * len(ready))]
        cluster.slow_down(replica, 2.0 + 2.0 * decoy.draw, until=cluster.now + _length(decoy))


def _errors(cluster: Cluster, decoy: Decoy) -> None:
    """A burst of errors of the service's own making."""
    service = cluster.service(decoy.service)
    service.set_error_probability(0.01 + 0.03 * decoy.draw)
    cluster.after(_length(decoy), service.set_error_probability, service.base_error_probability)


def _eviction(cluster: Cluster, decoy: Decoy) -> None:
    """One pod is moved to another node."""
    ready = cluster.service(decoy.service).ready
    if len(ready) > 1:
        cluster.evict(ready[int(decoy.draw * len(ready))])


def _length(decoy: Decoy) -> int:
    """60 to 180 seconds (chosen), in nanoseconds."""
    return int((60 + 120 * decoy.draw) * SECOND)


KINDS: Mapping[str, Callable[[Cluster, Decoy], None]] = MappingProxyType(
    {"deploy": _deploy, "slow_pod": _slow, "error_burst": _errors, "eviction": _eviction}
)

SERVICES = ("payment-service", "inventory-service", "checkout-service", "auth-service", "config-service")
"""Services it may happen to: those with several pods."""


@dataclass(frozen=True, kw_only=True)
class Decoy:
    """One of them.

    Attributes:
        at_s: seconds after the start of the cluster.
        draw: 0 to 1: which pod, how much, how long.
    """

    kind: str
    service: str
    at_s: float
    draw: float

    def strike(self, cluster: Cluster) -> None:
        """It happens."""
        KINDS[self.kind](cluster, self)

    def __str__(self) -> str:
        return f"{self.kind} of {self.service} at {self.at_s:.0f} s"
