"""A small cluster with every element in it, and the things that may befall it."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_sim.cluster import Cluster
from cluster_sim.engine.background import pause
from cluster_sim.engine.config import SecretRevision
from cluster_sim.specs import (
    Balance,
    BreakerSpec,
    CacheRead,
    CacheWrite,
    ClusterSpec,
    EndpointSpec,
    EnsureToken,
    IfItems,
    KeyRingSpec,
    MintToken,
    PickItems,
    PoolSpec,
    RetrySpec,
    Sometimes,
    VerifyToken,
    Work,
)
from tests.support.clusters import FOREVER_S, ask, database, operation, service, store

SERVICES = ("web", "stock", "authority", "store", "database")


def shop() -> ClusterSpec:
    """A small cluster with every element in it, tight enough that storms exhaust workers, pools and slots."""
    retry = RetrySpec(attempts=2, backoff_s=0.05, budget=None)
    verify = ask("authority", "verify", timeout_s=0.3, retry=retry)
    browse = operation(
        "browse",
        PickItems(count=3, population=40, exponent=0.9),
        Work(mean_s=0.01),
        ask("store", "get", timeout_s=0.2, optional=True, answers_items=True),
        IfItems(
            steps=(
                ask("database", "select", timeout_s=1.0, pool="database", retry=retry),
                ask("store", "set", timeout_s=0.2, optional=True),
            )
        ),
        errors=0.01,
    )
    order = operation(
        "order",
        Work(mean_s=0.02),
        verify,
        ask("stock", "browse", timeout_s=1.5, retry=retry, breaker=BreakerSpec(open_s=2.0)),
        Sometimes(probability=0.5, steps=(ask("database", "insert", timeout_s=1.0, pool="database"),)),
        errors=0.01,
    )
    return ClusterSpec(
        services=(
            service(
                "web",
                order,
                replicas=2,
                workers=6,
                queue_limit=8,
                pools={"database": PoolSpec(size=2, acquire_timeout_s=0.5)},
                balance=Balance.LEAST_CONNECTIONS,
                gc=True,
                start_s=3.0,
            ),
            service(
                "stock",
                browse,
                replicas=2,
                workers=6,
                queue_limit=8,
                pools={"database": PoolSpec(size=2, acquire_timeout_s=0.8)},
                balance=Balance.RANDOM_TWO,
                single_flight=True,
                start_s=3.0,
            ),
            service(
                "authority",
                operation("login", Work(mean_s=0.02), MintToken()),
                operation("verify", Work(mean_s=0.003), VerifyToken(), errors=0.01),
                replicas=2,
                workers=3,
                queue_limit=10,
                balance=Balance.RANDOM,
                keys=KeyRingSpec(token_lifetime_s=20.0),
                start_s=2.0,
            ),
            store(30, operation("get", Work(mean_s=0.001), CacheRead()), operation("set", CacheWrite()), ttl_s=4.0),
            database(
                operation("select", Work(mean_s=0.03, per_item=True), errors=0.02),
                operation("insert", Work(mean_s=0.03)),
                workers=4,
                max_connections=16,
                start_s=2.0,
            ),
        ),
        endpoints=(
            EndpointSpec(
                name="order",
                share=0.6,
                slo_latency_s=FOREVER_S,
                steps=(EnsureToken(login=ask("authority", "login", timeout_s=2.0)), ask("web", "order", timeout_s=2.0)),
            ),
            EndpointSpec(
                name="browse",
                share=0.4,
                slo_latency_s=FOREVER_S,
                steps=(ask("stock", "browse", timeout_s=1.0, retry=RetrySpec(attempts=1)),),
            ),
        ),
        arrival_rate_hz=25.0,
        users=60,
    )


@dataclass(frozen=True)
class Blow:
    """One thing done to the cluster, and the seconds that pass until the next."""

    kind: str
    service: str
    amount: float
    wait_s: float


KINDS = (
    "restart",
    "evict",
    "roll",
    "scale",
    "pause",
    "slow",
    "timeout",
    "errors",
    "flush",
    "rotate",
    "cancel",
    "drop_idle",
    "pool",
    "rate",
    "orphans",
)


def strike(cluster: Cluster, blow: Blow) -> None:
    """Do one thing to the cluster and let some time pass."""
    running = cluster.service(blow.service)
    replica = running.replicas[int(blow.amount * len(running.replicas)) % len(running.replicas)]
    single = blow.service in ("store", "database")
    match blow.kind:
        case "restart":
            cluster.restart(blow.service)
        case "evict":
            cluster.evict(replica)
        case "roll":
            cluster.roll(blow.service)
        case "scale":
            cluster.scale(blow.service, 1 if single else 1 + int(blow.amount * 4), pace_s=1.0)
        case "pause":
            pause(cluster, replica, int(blow.amount * 2e9))
        case "slow":
            cluster.slow_down(replica, 1 + 20 * blow.amount, until=cluster.now + int(5e9))
        case "timeout":
            for edge in cluster.edges:
                if edge.server == blow.service:
                    edge.timeout = int(0.02e9 + blow.amount * 1e9)
        case "errors":
            running.set_error_probability(blow.amount)
        case "flush":
            keyspace = cluster.service("store").keyspace
            assert keyspace is not None
            keyspace.clear()
        case "rotate":
            cluster.config.unreachable = {0} if blow.amount < 0.5 else set()
            cluster.config.publish(SecretRevision(revision=cluster.config.current.revision + 1, kid=str(blow.amount)))
        case "cancel":
            cluster.cancel_calls(blow.service, longer_than_s=blow.amount / 10)
        case "drop_idle":
            cluster.drop_idle_connections("database")
        case "pool":
            if running.pools:
                running.pools["database"] = PoolSpec(size=1 + int(blow.amount * 6), acquire_timeout_s=0.5)
                cluster.roll(blow.service)
        case "rate":
            cluster.workload.rate_factor = blow.amount * 3
        case "orphans":
            keyspace = cluster.service("store").keyspace
            assert keyspace is not None
            for _ in range(int(blow.amount * 40)):
                keyspace.write_foreign(cluster.now)
    cluster.run_for(blow.wait_s)
