"""What a deployment runs: an image with its behaviour, and the pod template around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..specs import PoolSpec, ProbeSpec


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the code of a release does beside its operations. The defaults are those of a release without defects.

    Fast-forward: a cluster in which any replica behaves otherwise is events only.

    Attributes:
        leak_bytes: memory that is never given back, per answer.
        crash_share: share of the requests served whose work ends the process.
        store_connections_left: connections to each of its stores that it opens for a call and never closes; 0: it
            uses those of its pool.
    """

    leak_bytes: int = 0
    crash_share: float = 0.0
    store_connections_left: int = 0


HEALTHY = Behaviour()


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a deployment. A replica takes it over when its process starts.

    Attributes:
        version: image tag.
        workers, queue_limit, pools, single_flight, liveness, readiness: as in `ServiceSpec`.
        memory_limit_bytes: of a container; 0: none.
    """

    version: str
    workers: int
    queue_limit: int
    behaviour: Behaviour = HEALTHY
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
    memory_limit_bytes: int = 0
