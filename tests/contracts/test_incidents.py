"""Every fault with every remediation: it pages, it hurts, what repairs it is paid and nothing else is."""

from __future__ import annotations

from functools import cache

import pytest

from cluster_sim import (
    FAULTS,
    REMEDIATIONS,
    TASK_FAULTS,
    TEAMS,
    Cluster,
    Severity,
    begin,
    good_share,
    is_safe,
    judge,
    seven_services,
)

REPAIRS = {
    "pg_max_connections_undersized": {
        "increase_db_connections",
        "reduce_payment_pool_size",
        "scale_in_payment_service",
    },
    "redis_maxmemory_orphan_keys": {
        "flush_redis_cache",
        "flush_all_redis_keys",
        "set_redis_eviction_policy",
        "resize_redis_memory",
    },
    "jwt_partial_rotation": {"complete_secret_rotation", "restart_config_agents"},
}
"""What repairs each fault: the right fix and its equivalents."""

SYMPTOMS = {
    "pg_max_connections_undersized": {"HighErrorRate/payment-service", "HighLatencyP99/checkout-service"},
    "redis_maxmemory_orphan_keys": {"HighLatencyP99/inventory-service", "HighLatencyP99/checkout-service"},
    "jwt_partial_rotation": {"HighUnauthorizedRate/auth-service", "HighUnauthorizedRate/checkout-service"},
}
"""Pages of which at least one wakes the engineer."""


@cache
def paged(fault: str, seed: int) -> bytes:
    """A cluster as of the page, as a snapshot."""
    return begin(seven_services(), FAULTS[fault], seed).cluster.snapshot()


def test_every_fault_of_a_task_has_its_expectations():
    """A task's fault has to say here what repairs it and what pages."""
    assert set(REPAIRS) == set(SYMPTOMS) == set(TASK_FAULTS)
    assert all(repairs <= set(REMEDIATIONS) for repairs in REPAIRS.values())


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("fault", TASK_FAULTS)
def test_a_fault_pages_for_what_users_feel_and_does_not_heal_by_itself(fault, seed):
    """The expected page fires, the root is unsafe, and minutes later users are still badly served."""
    cluster = Cluster.restore(paged(fault, seed))
    firing = cluster.alerts.firing(Severity.PAGE)
    assert {alert.name for alert in firing} & SYMPTOMS[fault]
    assert all(alert.service not in {"postgres-db", "redis-cache", "config-service"} for alert in firing)
    assert not is_safe(cluster, FAULTS[fault])
    verdict = judge(cluster, FAULTS[fault])
    assert not verdict.safe
    assert not verdict.held


@pytest.mark.parametrize("remediation", REMEDIATIONS)
@pytest.mark.parametrize("fault", TASK_FAULTS)
def test_a_repair_is_paid_and_everything_else_is_not(fault, remediation):
    """The verdict reads the world: the repairs recover it, each other remediation leaves the fix line unpaid."""
    cluster = Cluster.restore(paged(fault, 3))
    cluster.run_for(120)
    before = FAULTS[fault].distance(cluster)
    REMEDIATIONS[remediation].carry_out(cluster)
    recovered = judge(cluster, FAULTS[fault]).recovered
    assert recovered is (remediation in REPAIRS[fault])
    moved = FAULTS[fault].distance(cluster) < before
    assert moved is (remediation in REPAIRS[fault])


def test_increase_db_connections_has_a_visible_blip():
    """Postgres restarts: for some seconds nothing that needs it is served, then all pools are full again."""
    cluster = Cluster.restore(paged("pg_max_connections_undersized", 1))
    backends = cluster.service("postgres-db").backends
    assert backends is not None
    REMEDIATIONS["increase_db_connections"].apply(cluster)
    restarted = cluster.now
    cluster.run_for(2)
    assert not cluster.service("postgres-db").ready
    cluster.run_for(88)
    answered, good = cluster.recorder.outcome(restarted - 15 * 10**9, restarted + 30 * 10**9)[2]
    assert good < 0.9 * answered
    assert backends.used < 0.8 * backends.max_connections
    assert all(p.open == p.size for r in cluster.service("payment-service").replicas for p in r.pools.values())


def test_flushing_everything_empties_the_cache_and_it_is_warm_again_within_a_minute_or_so():
    """A cold cache at the default load gives the database several times its usual work, then re-warms."""
    cluster = Cluster(seven_services(), 4)
    cluster.run_for(300)
    REMEDIATIONS["flush_all_redis_keys"].apply(cluster)
    flushed = cluster.now
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    assert not keyspace.entries
    postgres = cluster.service("postgres-db").replicas[0]
    before = postgres.busy
    cluster.run_for(15)
    assert postgres.busy - before > 0.25 * 15 * 10**9 * postgres.workers
    cluster.run_for(60)
    hits, misses = keyspace.hits, keyspace.misses
    cluster.run_for(30)
    assert (keyspace.hits - hits) / (keyspace.hits - hits + keyspace.misses - misses) > 0.85
    assert good_share(cluster.recorder.outcome(flushed + 45 * 10**9, cluster.now)) > 0.97


def test_raising_maxmemory_past_the_containers_limit_gets_redis_killed():
    """The kernel ends it, again and again."""
    cluster = Cluster.restore(paged("redis_maxmemory_orphan_keys", 1))
    REMEDIATIONS["raise_redis_maxmemory"].carry_out(cluster)
    cluster.run_for(240)
    redis = cluster.service("redis-cache").replicas[0]
    assert redis.restarts >= 1
    assert redis.last_exit == "OOMKilled"


def test_a_share_of_tokens_is_refused_as_probability_says():
    """With one of three replicas behind, 4 of 9 pairs of signer and verifier disagree."""
    cluster = Cluster.restore(paged("jwt_partial_rotation", 2))
    began = cluster.now
    cluster.run_for(300)
    counts = cluster.recorder.outcome(began, cluster.now)
    answered = sum(counts[i][0] for i in (1, 2, 3))
    good = sum(counts[i][1] for i in (1, 2, 3))
    # Some 3,000 requests; those with a fresh token after a refusal are independent pairs.
    assert 1 - good / answered == pytest.approx(4 / 9, abs=0.04)


def test_the_catalogue_is_large_enough_to_choose_wrongly_from():
    """At least twenty remediations and eight teams, each with an owner, a time and a runbook."""
    assert len(REMEDIATIONS) >= 20
    assert len(TEAMS) >= 8
    for remediation in REMEDIATIONS.values():
        assert remediation.duration_s > 0
        assert remediation.runbook.endswith(".")
        assert remediation.team in TEAMS


def test_flushing_everything_at_peak_hurts_users_and_flushing_what_nobody_reads_does_not():
    """At twice the traffic the database cannot carry a cold cache."""

    def served(remediation):
        cluster = Cluster(seven_services(), 4)
        cluster.workload.rate_factor = 2.0
        cluster.run_for(300)
        began = cluster.now
        REMEDIATIONS[remediation].apply(cluster)
        cluster.run_for(60)
        return good_share(cluster.recorder.outcome(began, began + 45 * 10**9))

    assert served("flush_all_redis_keys") < 0.96
    assert served("flush_redis_cache") > 0.99
