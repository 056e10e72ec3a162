"""Changes of who may connect to a store, of what it is stored on, and of the exporter that tells of it."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.admission import Admission
from ..engine.volume import SPARE_BYTES, Volume
from .remediation import Remediation

REDIS = "redis-cache"
RAISED_MAXCLIENTS = 8160
"""What Redis makes of 8192 open files."""


def _admission(cluster: Cluster) -> Admission:
    admission = cluster.service(REDIS).admission
    assert admission is not None
    return admission


def _volume(cluster: Cluster) -> Volume:
    volume = cluster.service(REDIS).volume
    assert volume is not None
    return volume


def _restart_exporter(cluster: Cluster) -> None:
    service = cluster.service(REDIS)
    for replica in service.replicas:
        replica.sidecar.restart()
        cluster.record_event(service, replica, "Normal", "Started", "Started container redis-exporter")
    admission = _admission(cluster)
    admission.exporter_password = admission.secret


def _update_secret(cluster: Cluster) -> None:
    admission = _admission(cluster)
    admission.secret = admission.password
    _restart_exporter(cluster)
    for user in admission.users:
        cluster.roll(user)


def _disable_auth(cluster: Cluster) -> None:
    _admission(cluster).require(False)


def _raise_maxclients(cluster: Cluster) -> None:
    _admission(cluster).maxclients = RAISED_MAXCLIENTS


def _clear_volume(cluster: Cluster) -> None:
    _volume(cluster).clean()
    cluster.restart(REDIS)


def _expand_volume(cluster: Cluster) -> None:
    _volume(cluster).spare_bytes += SPARE_BYTES
    cluster.restart(REDIS)


RESTART_EXPORTER = Remediation(
    name="restart_exporter",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="Restarts the container of redis_exporter, which reads its secret anew. Redis is not touched.",
    apply=_restart_exporter,
)
UPDATE_CLIENT_SECRET = Remediation(
    name="update_redis_client_secret",
    team="security-team",
    target="inventory-service",
    duration_s=20,
    runbook="Writes redis' present password to the secret of its clients, restarts the exporter and rolls the clients.",
    apply=_update_secret,
)
DISABLE_AUTH = Remediation(
    name="disable_redis_auth",
    team="infra-team",
    target=REDIS,
    duration_s=5,
    runbook='CONFIG SET requirepass "": whoever reaches redis may read and write everything.',
    apply=_disable_auth,
)
RAISE_MAXCLIENTS = Remediation(
    name="raise_redis_maxclients",
    team="infra-team",
    target=REDIS,
    duration_s=5,
    runbook=f"CONFIG SET maxclients {RAISED_MAXCLIENTS}, as many as the container may have files open.",
    apply=_raise_maxclients,
)
CLEAR_VOLUME = Remediation(
    name="clear_redis_volume",
    team="infra-team",
    target=REDIS,
    duration_s=30,
    runbook="Deletes what is not redis' own from its volume /data, and starts redis. The dump stays.",
    apply=_clear_volume,
)
EXPAND_VOLUME = Remediation(
    name="expand_redis_volume",
    team="infra-team",
    target=REDIS,
    duration_s=60,
    runbook="Adds 1 GiB to the volume /data of redis, for good, and starts redis.",
    apply=_expand_volume,
)
