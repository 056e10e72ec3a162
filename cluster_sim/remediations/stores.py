"""Changes of the cache and its clients."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.keyspace import Keyspace
from ..engine.scan import Scan
from ..engine.volume import SPARE_BYTES, Volume
from .remediation import Remediation

REDIS = "redis-cache"
OUTPUT_LIMIT_BYTES = 8 << 20
"""What may wait for a client (chosen: a sixteenth of maxmemory)."""
VOLUME_FACTOR = 4
"""How many times as large a volume becomes (chosen)."""


def _keyspace(cluster: Cluster) -> Keyspace:
    keyspace = cluster.service(REDIS).keyspace
    assert keyspace is not None
    return keyspace


def _kill_clients(cluster: Cluster) -> None:
    _keyspace(cluster).unwatch()


def _limit_output(cluster: Cluster) -> None:
    _keyspace(cluster).output_limit_bytes = OUTPUT_LIMIT_BYTES


def _clear_volume(cluster: Cluster) -> None:
    _volume(cluster).clean()
    _keyspace(cluster).saves.growth = None
    _start(cluster)


def _expand_volume(cluster: Cluster) -> None:
    _volume(cluster).spare_bytes += SPARE_BYTES
    _keyspace(cluster).saves.volume_bytes *= VOLUME_FACTOR
    _start(cluster)


def _start(cluster: Cluster) -> None:
    """Where it could not start for want of room; a server that runs is not touched."""
    if not cluster.service(REDIS).ready:
        cluster.restart(REDIS)


def _volume(cluster: Cluster) -> Volume:
    volume = cluster.service(REDIS).volume
    assert volume is not None
    return volume


def _stop_scans(cluster: Cluster) -> None:
    for job in list(cluster.jobs):
        if isinstance(job, Scan):
            job.stop()


def _write_unsaved(cluster: Cluster) -> None:
    _keyspace(cluster).saves.stop_writes = False


KILL_CLIENT = Remediation(
    name="kill_redis_client",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="CLIENT KILL of all MONITOR sessions; ACL: their user may not open one again.",
    apply=_kill_clients,
)
LIMIT_OUTPUT = Remediation(
    name="set_client_output_buffer_limit",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="CONFIG SET client-output-buffer-limit 'normal 8mb 0 0': a client for which more waits is cut off.",
    apply=_limit_output,
)
CLEAR_VOLUME = Remediation(
    name="clear_redis_volume",
    team="infra-team",
    target=REDIS,
    duration_s=30,
    runbook="Deletes what lies on redis' volume and is not its own: core dumps, archives. The last snapshot stays.",
    apply=_clear_volume,
)
EXPAND_VOLUME = Remediation(
    name="expand_redis_volume",
    team="infra-team",
    target=REDIS,
    duration_s=60,
    runbook="Makes redis' volume four times as large, online. It cannot be made smaller again, and costs as much more.",
    apply=_expand_volume,
)
WRITE_UNSAVED = Remediation(
    name="disable_stop_writes_on_bgsave_error",
    team="infra-team",
    target=REDIS,
    duration_s=5,
    runbook="CONFIG SET stop-writes-on-bgsave-error no: redis takes writes whether or not it can save them.",
    apply=_write_unsaved,
)
DISABLE_KEYS_JOB = Remediation(
    name="disable_keys_job",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="Suspends the cron jobs that run scripts in redis. Their reports are missing until they are rewritten.",
    apply=_stop_scans,
)
