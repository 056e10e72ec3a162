"""Bringing a cluster back to what its spec declares, as a deployment pipeline syncs a cluster with its manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from .clock import nanoseconds
from .cluster import Cluster
from .engine.config import SecretRevision
from .engine.keyspace import Keyspace
from .engine.locks import TableLock
from .engine.release import Release
from .engine.service import Service
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
    scaled = [service for service in services if len(service.replicas) != service.spec.replicas]
    for service in scaled:
        yield Step(f"{service.name}: pods", partial(cluster.scale, service.name, service.spec.replicas))
    if scaled:
        return
    for service in services:
        yield from _template(cluster, service)
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
    for external in cluster.externals.values():
        if external.profile is not None:
            yield Step(f"{external.name}: state", external.recover)
    for edge in cluster.edges:
        for obstacle in edge.gate.obstacles if edge.gate is not None else ():
            if isinstance(obstacle, TableLock):  # goes with its migration
                continue
            yield Step(f"{edge.client}: way to {edge.server}", partial(edge.clear, obstacle))
        declared = nanoseconds(edge.spec.call.timeout_s)
        if edge.timeout != declared:
            yield Step(f"{edge.client}: timeout of {edge.server}", partial(setattr, edge, "timeout", declared))
    if cluster.config.holder:
        yield from _keys(cluster)


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


def _store(cluster: Cluster, name: str, keyspace: Keyspace, declared: CacheSpec) -> Iterator[Step]:
    def settings() -> None:
        keyspace.policy, keyspace.maxmemory_bytes = declared.policy, declared.maxmemory_bytes

    def limit() -> None:
        keyspace.memory_limit_bytes = declared.memory_limit_bytes
        cluster.restart(name)

    if (keyspace.policy, keyspace.maxmemory_bytes) != (declared.policy, declared.maxmemory_bytes):
        yield Step(f"{name}: memory settings", settings)
    if keyspace.foreign:
        yield Step(f"{name}: keys without expiry", keyspace.delete_foreign)
    if keyspace.memory_limit_bytes != declared.memory_limit_bytes:
        yield Step(f"{name}: memory limit", limit)


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
    if config.unreachable:
        yield Step(f"{config.owner}: watches", config.reconnect)
    if config.current.kid in config.revoked:
        yield Step(f"{config.owner}: signing key", replace_key)
    elif config.mismatched_pairs() or config.behind():
        yield Step(f"{config.owner}: signing key", config.push)
