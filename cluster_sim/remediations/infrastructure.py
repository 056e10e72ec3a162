"""Changes that the infrastructure, platform and network teams make."""

from __future__ import annotations

from ..cluster import Cluster
from ..engine.keyspace import Keyspace
from .remediation import Remediation

REDIS = "redis-cache"
MIB = 1 << 20


def _keyspace(cluster: Cluster) -> Keyspace:
    keyspace = cluster.service(REDIS).keyspace
    assert keyspace is not None
    return keyspace


def _flush_lasting(cluster: Cluster) -> None:
    _keyspace(cluster).delete_lasting()


def _flush_all(cluster: Cluster) -> None:
    _keyspace(cluster).clear()


def _raise_maxmemory(cluster: Cluster) -> None:
    _keyspace(cluster).maxmemory_bytes = 256 * MIB


def _resize(cluster: Cluster) -> None:
    keyspace = _keyspace(cluster)
    keyspace.maxmemory_bytes = 256 * MIB
    keyspace.memory_limit_bytes = 288 * MIB
    cluster.restart(REDIS)


def _evict(cluster: Cluster) -> None:
    _keyspace(cluster).policy = "allkeys-lru"


def _reset_turns(cluster: Cluster) -> None:
    """Round robin begins with the first pod again."""
    for service in cluster.services.values():
        service.turn = 0


def _drain_node(cluster: Cluster) -> None:
    for hog in [hog for hog in cluster.conntrack.hogs if hog.node == "node-2"]:
        cluster.conntrack.delete(hog)
    for service in cluster.services.values():
        for replica in list(service.replicas):
            if replica.node == "node-2" and replica.alive:
                cluster.evict(replica)


FLUSH_REDIS_CACHE = Remediation(
    name="flush_redis_cache",
    team="infra-team",
    target=REDIS,
    duration_s=15,
    runbook="Unlinks, in the background, every key that has no expiry.",
    apply=_flush_lasting,
)
FLUSH_ALL = Remediation(
    name="flush_all_redis_keys",
    team="infra-team",
    target=REDIS,
    duration_s=5,
    runbook="FLUSHALL: the cache is empty, and every lookup goes to the database until it is warm again.",
    apply=_flush_all,
)
RESTART_REDIS = Remediation(
    name="restart_redis",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="Saves, stops and starts redis, which loads its data set from disk. No cache meanwhile.",
    apply=lambda cluster: cluster.restart(REDIS),
)
RAISE_MAXMEMORY = Remediation(
    name="raise_redis_maxmemory",
    team="infra-team",
    target=REDIS,
    duration_s=5,
    runbook="CONFIG SET maxmemory 256mb. The container's memory limit stays as it is.",
    apply=_raise_maxmemory,
)
RESIZE_REDIS = Remediation(
    name="resize_redis_memory",
    team="infra-team",
    target=REDIS,
    duration_s=45,
    runbook="Doubles maxmemory and the container's memory limit, with a restart. Costs a larger node.",
    apply=_resize,
)
SET_EVICTION = Remediation(
    name="set_redis_eviction_policy",
    team="infra-team",
    target=REDIS,
    duration_s=10,
    runbook="CONFIG SET maxmemory-policy allkeys-lru: at the limit the least recently used keys go.",
    apply=_evict,
)

RESTART_CONFIG_AGENTS = Remediation(
    name="restart_config_agents",
    team="platform-team",
    target="config-service",
    duration_s=20,
    runbook="Restarts the configuration agent beside every pod, so that each opens its watch anew and catches up.",
    apply=lambda cluster: cluster.config.reconnect(),
)
RESTART_CONFIG = Remediation(
    name="restart_config_service",
    team="platform-team",
    target="config-service",
    duration_s=5,
    runbook="Rolling restart of config-service.",
    apply=lambda cluster: cluster.roll("config-service"),
)
RESET_BALANCER = Remediation(
    name="reset_load_balancer",
    team="network-team",
    target="config-service",
    duration_s=10,
    runbook="Clears the balancing state of every service; the endpoints stay as they are.",
    apply=_reset_turns,
)
DRAIN_NODE = Remediation(
    name="drain_node_2",
    team="network-team",
    target="payment-service",
    duration_s=15,
    runbook=(
        "Cordons node-2 and evicts its pods, which start again elsewhere; pods that no workload owns are deleted."
    ),
    apply=_drain_node,
)
