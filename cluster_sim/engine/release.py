"""What a deployment runs: an image with its behaviour, and the pod template around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..specs import PoolSpec, ProbeSpec
from .cache_keys import CacheKeys


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What the code of a release does beside its operations. The defaults are those of a release without defects.

    Fast-forward: a cluster in which any replica behaves otherwise is events only.

    Attributes:
        cache_keys: how it names its cache entries; None: by their items, with the usual time to live.
    """

    cache_keys: CacheKeys | None = None


HEALTHY = Behaviour()


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a deployment. A replica takes it over when its process starts.

    Attributes:
        version: image tag.
        workers, queue_limit, pools, single_flight, liveness, readiness: as in `ServiceSpec`.
    """

    version: str
    workers: int
    queue_limit: int
    behaviour: Behaviour = HEALTHY
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    single_flight: bool = False
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
