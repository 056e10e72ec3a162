"""What a fault is: a change of the cluster's parameters, and the set of states in which it is repaired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cluster import Cluster


class Mechanism(StrEnum):
    """How a root cause does its damage: the closed list that diagnoses choose from, the same for every task."""

    CONNECTION_LIMIT = "connection_limit"
    CONNECTION_LEAK = "connection_leak"
    POOL_MISCONFIGURATION = "pool_misconfiguration"
    MEMORY_EXHAUSTION = "memory_exhaustion"
    MEMORY_LEAK = "memory_leak"
    CACHE_STAMPEDE = "cache_stampede"
    CACHE_MISCONFIGURATION = "cache_misconfiguration"
    SLOW_QUERY = "slow_query"
    LOCK_CONTENTION = "lock_contention"
    CPU_THROTTLING = "cpu_throttling"
    GC_PRESSURE = "gc_pressure"
    RETRY_STORM = "retry_storm"
    PARTIAL_ROLLOUT = "partial_rollout"
    BAD_DEPLOY = "bad_deploy"
    BAD_CONFIG = "bad_config"
    EXPIRED_CREDENTIAL = "expired_credential"
    CLOCK_SKEW = "clock_skew"
    NETWORK_FAULT = "network_fault"
    DNS_FAILURE = "dns_failure"
    DISK_FULL = "disk_full"
    DEPENDENCY_FAILURE = "dependency_failure"
    NO_INCIDENT = "no_incident"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A root cause.

    Attributes:
        name: the id of the fault catalogue.
        service: where the root parameter is.
        team: who owns the repair.
        inject: begins the fault; from then on everything follows.
        distance: how far the root parameters are from their safe set; 0 within it. It reads the state of the
            cluster and never what was done to it.
        hold_s: seconds for which a repair must hold, longer than the relapse time of every mask that ships.
    """

    name: str
    service: str
    mechanism: Mechanism
    team: str
    inject: Callable[[Cluster], None]
    distance: Callable[[Cluster], float]
    hold_s: float
