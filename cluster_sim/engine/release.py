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
        max_heap: bytes that the runtime's heap may grow to (-Xmx); None: ample for whatever load there is.
        cpu_limit: cores that the container's threads may use together; None: as many as they ever need.
    """

    max_heap: int | None = None
    cpu_limit: float | None = None


HEALTHY = Behaviour()


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a deployment. A replica takes it over when its process starts.

    Attributes:
        version: image tag.
        workers, queue_limit, pools, single_flight, liveness, readiness: as in `ServiceSpec`.
        cpu_request: cores that the pod template requests for a pod; None: it requests none.
    """

    version: str
    workers: int
    queue_limit: int
    behaviour: Behaviour = HEALTHY
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
    cpu_request: float | None = None
