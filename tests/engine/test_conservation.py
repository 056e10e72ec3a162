"""Nothing is lost and nothing is left: after any storm, a drained cluster is whole again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_sim.cluster import Cluster
from cluster_sim.engine.background import pause
from cluster_sim.engine.call import Call
from cluster_sim.engine.config import SecretRevision
from cluster_sim.services import seven_services
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
from tests.support.clusters import FOREVER_S, ask, database, drain, operation, service, store

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


def assert_whole(cluster: Cluster) -> None:
    """Every request has been answered once; every worker, connection, slot, fill and timer is free."""
    assert cluster.recorder.finished == cluster.workload.arrived
    assert sum(answered for window in cluster.recorder.outcomes.values() for answered, _ in window) == (
        cluster.recorder.finished
    )
    assert [event for *_, event in cluster.sim._queue if isinstance(event, Call)] == []
    assert [edge.index for edge in cluster.edges if edge.deadlines.entries] == []
    assert cluster.operations == []
    used = {name: s.backends.monitoring for name, s in cluster.services.items() if s.backends is not None}
    for running in cluster.services.values():
        for replica in running.replicas:
            assert replica.alive, replica.name
            assert replica.ready, replica.name
            assert (replica.free, len(replica.queue)) == (replica.workers, 0), replica.name
            assert not replica.disturbed, replica.name
            if replica.flights is not None:
                flights = replica.flights
                assert (flights.filling, flights.leading, flights.following) == ({}, {}, {}), replica.name
            for pool in replica.pools.values():
                assert len(pool.waiting) == 0, replica.name
                assert pool.idle == pool.open, replica.name
                backends = pool.server.backends
                assert backends is not None
                assert pool.open == pool.size or backends.used == backends.admitted, replica.name
                used[pool.server.name] += pool.open
    assert used == {name: s.backends.used for name, s in cluster.services.items() if s.backends is not None}


# ---------------------------------------------------------------- storms


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

blows = st.builds(
    Blow,
    kind=st.sampled_from(KINDS),
    service=st.sampled_from(SERVICES),
    amount=st.floats(0, 1),
    wait_s=st.floats(0, 6),
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


def after_storm(seed: int, storm: list[Blow]) -> Cluster:
    """The drained cluster after a storm."""
    cluster = Cluster(shop(), seed, noise=0)
    cluster.run_for(3)
    for blow in storm:
        strike(cluster, blow)
    drain(cluster, 15)
    for _ in range(40):
        if not cluster.operations:
            break
        cluster.run_for(15)
    cluster.run_for(60)
    return cluster


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), storm=st.lists(blows, min_size=1, max_size=10))
def test_after_any_storm_every_request_is_answered_and_every_resource_is_free(seed: int, storm: list[Blow]) -> None:
    assert_whole(after_storm(seed, storm))


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), storm=st.lists(blows, min_size=2, max_size=6))
def test_any_storm_is_the_same_storm_again_when_the_cluster_was_saved_in_it(seed: int, storm: list[Blow]) -> None:
    from tests.support.clusters import digest

    straight = Cluster(shop(), seed, noise=0)
    saved = Cluster(shop(), seed, noise=0)
    for blow in storm:
        strike(straight, blow)
        strike(saved, blow)
        saved = saved.branch()
    straight.run_for(20)
    saved.run_for(20)
    assert digest(saved) == digest(straight)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_kind_of_trouble_again_and_again_leaves_a_whole_cluster(kind: str) -> None:
    storm = [Blow(kind, name, amount, 1.3) for amount in (0.1, 0.5, 0.95) for name in SERVICES]
    assert_whole(after_storm(5, storm))


def test_a_restart_of_the_database_under_load_leaves_a_whole_cluster() -> None:
    storm = [Blow("slow", "database", 0.8, 2.0), Blow("restart", "database", 0, 1.0), Blow("restart", "database", 0, 8.0)]
    cluster = after_storm(1, storm)
    assert_whole(cluster)
    assert cluster.recorder.zombies > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_the_seven_services_are_whole_after_noise_and_trouble(seed: int) -> None:
    cluster = Cluster(seven_services(), seed, noise=3.0)
    pending = [
        lambda: cluster.restart("postgres-db"),
        lambda: cluster.scale("payment-service", 7),
        lambda: cluster.roll("checkout-service"),
        lambda: cluster.restart("redis-cache"),
        lambda: only_replica(cluster, "postgres-db").set_slow(8.0),
        lambda: cluster.cancel_calls("postgres-db", longer_than_s=1.0),
        lambda: only_replica(cluster, "postgres-db").set_slow(1.0),
        lambda: cluster.restart("inventory-service"),
        lambda: cluster.scale("payment-service", 3),
        lambda: cluster.restart("auth-service"),
    ]
    for trouble in pending:
        cluster.run_for(40)
        trouble()
    cluster.run_for(120)
    drain(cluster, 240)
    assert_whole(cluster)
    assert cluster.recorder.finished > 8000


def only_replica(cluster: Cluster, name: str):
    """The first replica of a service."""
    return cluster.service(name).replicas[0]
