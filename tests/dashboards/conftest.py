"""Episodes in real Prometheus servers: a healthy one, and each incident from its history to after its cure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, Cluster
from cluster_sim.clock import unix_s
from cluster_sim.exports.episode import Plan, play
from cluster_sim.exports.remote_write import RemoteWriter
from dashboards.render.queries import Prometheus
from tests.support.real_prometheus import serving

CURES = {
    "pg_max_connections_undersized": "increase_db_connections",
    "redis_maxmemory_orphan_keys": "flush_all_redis_keys",
    "jwt_partial_rotation": "complete_secret_rotation",
}
HEALTHY = "healthy"
SEED = 3
UNCURED_S = 180.0
"""From the page to the order of the cure: long enough for a look at the dashboards in between."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An episode that a Prometheus holds.

    Attributes:
        cluster: the same episode, as of its end.
        start_s, end_s: Unix time, the ends of the episode.
        seen_s: Unix time of somebody's look at the dashboards: two minutes after the page, before the cure.
    """

    api: Prometheus
    cluster: Cluster
    start_s: float
    seen_s: float
    end_s: float


@pytest.fixture(scope="session")
def recorded() -> Iterator[Mapping[str, Recorded]]:
    """The episodes by the name of their fault."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(record(name)) for name in (HEALTHY, *CURES)}


@contextlib.contextmanager
def record(name: str) -> Iterator[Recorded]:
    """Play an episode, and hand its samples to a Prometheus of its own, ends of series included."""
    plan = Plan(
        fault=FAULTS.get(name),
        duration_s=720.0,
        arrival_rate_hz=20.0,
        noise=1.0,
        remediation=REMEDIATIONS[CURES[name]] if name in CURES else None,
        remediation_after_s=UNCURED_S,
        find_fixes=False,
    )
    episode = play(plan, SEED)
    end_s = unix_s(episode.cluster.now)
    with serving(flags=["--web.enable-remote-write-receiver"]) as base:
        with RemoteWriter(f"{base}/api/v1/write") as writer:
            writer.write(episode.cluster.metrics.select([], 0, 2**62))
        yield Recorded(
            api=Prometheus(base),
            cluster=episode.cluster,
            start_s=unix_s(0),
            seen_s=end_s if episode.paged is None else unix_s(episode.paged) + 120,
            end_s=end_s,
        )
