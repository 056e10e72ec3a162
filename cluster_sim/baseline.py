"""Bringing a cluster back to what its spec declares, as a deployment pipeline syncs a cluster with its manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from .clock import nanoseconds
from .cluster import Cluster
from .engine.admission import MAXCLIENTS, Admission
from .engine.config import SecretRevision
from .engine.conntrack import LIMIT
from .engine.cron import LimitJob
from .engine.keyspace import Keyspace
from .engine.locks import TableLock
from .engine.release import Release
from .engine.saves import VOLUME_BYTES
from .engine.scan import Scan
from .engine.service import Service
from .engine.volume import Volume
from .engine.watchers import Watcher
from .specs import BackendSpec, CacheSpec


class Step(NamedTuple):
    """One thing that is not as declared, and what an operator does about it."""

    what: str
    undo: Callable[[], object]


def drift(cluster: Cluster) -> list[str]:
    """What faults and operators have left changed, traffic aside: `postgres-db: max_connections`."""
    return [step.what for step in _steps(cluster)]


def restore_declared(cluster: Cluster) -> list[str]:
    """Begin to undo it, in the ways an operator could; returns what was begun.

    While a number of pods is off nothing else is touched: a limit that was raised for more pods must not fall before
    they are gone. So it takes several calls, some time apart, until there is no drift.
    """
    steps = list(_steps(cluster))
    for step in steps:
        step.undo()
    return [step.what for step in steps]


def _steps(cluster: Cluster) -> Iterator[Step]:
    services = list(cluster.services.values())
    scaled = [service for service in services if _has_other_pods(service)]
    for service in scaled:
        yield Step(f"{service.name}: pods", partial(cluster.scale, service.name, service.spec.replicas))
    if scaled:
        return
    for service in services:
        yield from _template(cluster, service)
        if service.admission is not None:
            yield from _admission(cluster, service.name, service.admission)
        if service.volume is not None and service.volume != Volume():
            yield Step(f"{service.name}: volume", partial(_fresh_volume, cluster, service))
        if not all(replica.sidecar.well for replica in service.replicas):
            yield Step(f"{service.name}: exporter", partial(_restart_exporters, service))
        if service.backends is not None and service.spec.backends is not None:
            yield from _database(cluster, service, service.spec.backends)
        if service.keyspace is not None and service.spec.cache is not None:
            yield from _store(cluster, service.name, service.keyspace, service.spec.cache)
        missing = service.indexes.missing if service.indexes is not None else []
        for operation in missing:
            assert service.indexes is not None
            yield Step(f"{service.name}: index for {operation}", partial(service.indexes.create, operation))
        for operation in service.slowed:
            if operation not in missing:
                yield Step(f"{service.name}: pace of {operation}", partial(service.restore_operation, operation))
        for lock in service.locks.values():
            if lock.migration is not None and not lock.migration.over:
                yield Step(f"{service.name}: migration of {lock.table}", lock.migration.suspend)
            if lock.report is not None and not lock.report.over:
                yield Step(f"{service.name}: report on {lock.table}", lock.report.cancel)
    for job in cluster.jobs:
        if isinstance(job, LimitJob):
            yield Step(f"{job.service.name}: job of {job.user}", job.delete)
    for external in cluster.externals.values():
        if not external.usual:
            yield Step(f"{external.name}: state", external.recover)
    for interface in cluster.interfaces.values():
        if not interface.sound:
            yield Step(f"{interface.node}: network interface", interface.replace)
    if cluster.zones:
        yield Step("zones", partial(cluster.relocate, *cluster.zones))
    for job in cluster.jobs:
        if isinstance(job, Scan):
            yield Step(f"{job.store.name}: scans", job.stop)
    for edge in cluster.edges:
        for obstacle in edge.gate.obstacles if edge.gate is not None else ():
            # The other obstacles go with what they follow from.
            follows = isinstance(obstacle, Admission | TableLock) or obstacle is cluster.conntrack
            if not follows:
                yield Step(f"{edge.client}: way to {edge.server}", partial(edge.clear, obstacle))
        declared = nanoseconds(edge.spec.call.timeout_s)
        if edge.timeout != declared:
            yield Step(f"{edge.client}: timeout of {edge.server}", partial(setattr, edge, "timeout", declared))
    if cluster.clocks.drifts:
        yield Step("nodes: clocks", partial(cluster.clocks.step, cluster.now))
    yield from _connections(cluster)
    if cluster.attack is not None:
        yield Step("users: attempts on accounts", cluster.attack.stop)
    if cluster.directory.unfollowed() or cluster.directory.missing():
        yield Step("key set: copies", cluster.directory.follow)
    if cluster.config.holder:
        yield from _keys(cluster)


def _has_other_pods(service: Service) -> bool:
    """Whether it has more or fewer pods than declared, and nobody who sees to that."""
    seen_to = service.autoscaler is not None and service.autoscaler.active
    return len(service.replicas) != service.spec.replicas and not seen_to


def _template(cluster: Cluster, service: Service) -> Iterator[Step]:
    """The pod template, which rolls out."""
    spec = service.spec
    declared = Release(
        version=service.version,
        workers=spec.workers,
        queue_limit=spec.queue_limit,
        pools=dict(spec.pools),
        single_flight=spec.single_flight,
        liveness=spec.liveness,
        readiness=spec.readiness,
        cpu_request=spec.autoscale.cpu_request if spec.autoscale is not None else None,
        memory_limit_bytes=spec.memory.limit_bytes if spec.memory else 0,
    )
    if service.release() == declared and service.balance == spec.balance:
        return

    def undo() -> None:
        service.adopt(declared)
        service.balance = spec.balance
        cluster.roll(service.name)

    yield Step(f"{service.name}: pod template", undo)


def _database(cluster: Cluster, service: Service, declared: BackendSpec) -> Iterator[Step]:
    def undo() -> None:
        assert service.backends is not None
        service.backends.max_connections = declared.max_connections
        cluster.restart(service.name)

    if service.backends is not None and service.backends.max_connections != declared.max_connections:
        yield Step(f"{service.name}: max_connections", undo)
    yield from _sessions(cluster, service)


def _sessions(cluster: Cluster, service: Service) -> Iterator[Step]:
    """What it costs and who is let in to open a session, and how long one may idle in a transaction."""
    backends = service.backends
    assert backends is not None

    def cheap_handshakes() -> None:
        assert backends is not None
        if backends.authentication is not None:
            backends.authentication.stop()
        backends.authentication = None
        cluster.restart(service.name)

    if backends.authentication is not None:
        yield Step(f"{service.name}: authentication", cheap_handshakes)
    if backends.idle_in_transaction_timeout is not None:
        unset = partial(setattr, backends, "idle_in_transaction_timeout", None)
        yield Step(f"{service.name}: idle_in_transaction_session_timeout", unset)


def _store(cluster: Cluster, name: str, keyspace: Keyspace, declared: CacheSpec) -> Iterator[Step]:
    def settings() -> None:
        keyspace.policy, keyspace.maxmemory_bytes = declared.policy, declared.maxmemory_bytes

    def limit() -> None:
        keyspace.memory_limit_bytes = declared.memory_limit_bytes
        cluster.restart(name)

    if (keyspace.policy, keyspace.maxmemory_bytes) != (declared.policy, declared.maxmemory_bytes):
        yield Step(f"{name}: memory settings", settings)
    if keyspace.lasting:
        yield Step(f"{name}: keys without expiry", keyspace.delete_lasting)
    if keyspace.memory_limit_bytes != declared.memory_limit_bytes:
        yield Step(f"{name}: memory limit", limit)
    yield from _clients(cluster, name, keyspace)
    yield from _saves(name, keyspace)


def _clients(cluster: Cluster, name: str, keyspace: Keyspace) -> Iterator[Step]:
    """Who watches is sent away first; only then may anybody do so again."""

    def settings() -> None:
        keyspace.monitoring, keyspace.output_limit_bytes = True, None

    if any(isinstance(job, Watcher) and job.store.name == name for job in cluster.jobs):
        yield Step(f"{name}: clients that watch", keyspace.unwatch)
    elif (keyspace.monitoring, keyspace.output_limit_bytes) != (True, None):
        yield Step(f"{name}: settings of clients", settings)


def _saves(name: str, keyspace: Keyspace) -> Iterator[Step]:
    saves = keyspace.saves
    if saves.growth is not None:
        yield Step(f"{name}: files on the volume", partial(setattr, saves, "growth", None))
    if saves.volume_bytes != VOLUME_BYTES:
        yield Step(f"{name}: size of the volume", partial(setattr, saves, "volume_bytes", VOLUME_BYTES))
    if not saves.stop_writes:
        yield Step(f"{name}: stop-writes-on-bgsave-error", partial(setattr, saves, "stop_writes", True))


def _admission(cluster: Cluster, name: str, admission: Admission) -> Iterator[Step]:
    """The door of a store: it asks for the password that everybody has, and takes as many as ever."""

    def let_know() -> None:
        admission.secret = admission.exporter_password = admission.password
        for user in admission.users:
            cluster.roll(user)

    if not admission.required:
        yield Step(f"{name}: password", partial(admission.require, True))
    held = {client.password for client in admission.clients.values()}
    if held | {admission.secret, admission.exporter_password} != {admission.password}:
        yield Step(f"{name}: password of clients", let_know)
    if admission.maxclients != MAXCLIENTS:
        yield Step(f"{name}: maxclients", partial(setattr, admission, "maxclients", MAXCLIENTS))


def _fresh_volume(cluster: Cluster, service: Service) -> None:
    service.volume = Volume()
    if not service.ready:
        cluster.restart(service.name)


def _restart_exporters(service: Service) -> None:
    for replica in service.replicas:
        replica.sidecar.restart()


def _connections(cluster: Cluster) -> Iterator[Step]:
    """Nobody beside the services fills the nodes' connection tables, and these have their usual size."""
    tables = cluster.conntrack
    for hog in tables.hogs:
        yield Step(f"{hog.node}: {hog.pod}", partial(tables.delete, hog))
    if any(limit != LIMIT for limit in tables.limits.values()):
        yield Step("nodes: nf_conntrack_max", partial(tables.set_limit, LIMIT))


def _keys(cluster: Cluster) -> Iterator[Step]:
    """Every replica verifies signatures, and holds the published key, which is not a revoked one."""
    config = cluster.config
    rings = [replica.keys for replica in config.service.replicas if replica.keys is not None]

    def verify() -> None:
        for ring in rings:
            ring.verify_signatures = True

    def replace_key() -> None:
        revision = config.current.revision + 1
        config.publish(SecretRevision(revision=revision, kid=cluster.key_id(revision), reason="sync"))

    if not all(ring.verify_signatures for ring in rings):
        yield Step(f"{config.holder}: verification of signatures", verify)
    if config.leeway:
        yield Step(f"{config.holder}: leeway", partial(config.set_leeway, 0))
    if config.unreachable or config.deaf:
        yield Step(f"{config.owner}: watches", config.reconnect)
    if config.current.kid in config.revoked:
        yield Step(f"{config.owner}: signing key", replace_key)
    elif config.mismatched_pairs() or config.behind():
        yield Step(f"{config.owner}: signing key", config.push)
