"""Reading a log: what comes first, how much of it, and what it gives away."""

import re

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, Cluster, Mechanism, begin, seven_services
from cluster_sim.clock import SECOND, rfc3339
from cluster_sim.telemetry.logs import Written, recent, render
from cluster_sim.telemetry.logs.scene import instant


def test_recent_lines_are_the_end_of_the_whole_log(healthy: Cluster) -> None:
    for name, service in healthy.services.items():
        whole = render(healthy, name, Written(healthy, 0, healthy.now).records(service))
        assert recent(healthy, name, limit=25) == whole[-25:]
        assert recent(healthy, name, limit=100_000) == whole


def test_no_line_is_older_than_asked(healthy: Cluster) -> None:
    since = healthy.now - 60 * SECOND
    found = recent(healthy, "payment-service", since_ns=since, limit=100_000)
    assert found
    stamps = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", "\n".join(found))
    assert len(stamps) == len(found)
    assert min(stamps) >= instant(since)[:-1]
    assert len(found) < len(recent(healthy, "payment-service", limit=100_000))


def test_grep_finds_any_of_its_alternatives_in_either_case(short_of_connections: Cluster) -> None:
    whole = recent(short_of_connections, "postgres-db", limit=100_000)
    found = recent(short_of_connections, "postgres-db", limit=100_000, grep="fatal:|CHECKPOINT")
    assert found == [line for line in whole if "FATAL:" in line or "checkpoint" in line]
    assert found


def test_grep_takes_its_text_literally(healthy: Cluster) -> None:
    assert recent(healthy, "payment-service", grep="(a+)+$") == []
    assert recent(healthy, "payment-service", grep=".*") == []


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_a_limit_bounds_the_lines_also_where_a_record_has_several(restarted: Cluster, limit: int) -> None:
    assert len(recent(restarted, "redis-cache", limit=limit)) == limit


def test_the_same_seed_writes_the_same_lines_and_another_seed_others() -> None:
    def log(seed: int) -> list[str]:
        cluster = Cluster(seven_services(), seed)
        cluster.run_for(60)
        return recent(cluster, "payment-service", limit=100_000)

    assert log(11) == log(11)
    assert not set(log(11)) & set(log(12))


def test_a_healthy_log_has_some_variety(healthy: Cluster) -> None:
    events = set(re.findall(r'"event":"([^"]*)"', "\n".join(recent(healthy, "payment-service", limit=1000))))
    assert {"payment captured", "charge captured", "POST /v1/payments 200"} <= events


def test_orchestrator_events_stand_in_the_log_of_their_service(healthy: Cluster) -> None:
    pod = healthy.service("auth-service").replicas[0].name
    node = healthy.service("auth-service").replicas[0].node
    first = recent(healthy, "auth-service", limit=100_000, grep=f"pod/{pod}")[0]
    assert first == f"{rfc3339(0)}   Normal   Scheduled   pod/{pod}   Successfully assigned shop/{pod} to {node}"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_whatever_is_done_every_record_has_its_lines_and_none_names_a_fault_or_a_fix(fault) -> None:
    """One incident in which every remediation is tried, one after the other."""
    cluster = begin(fault.spec(seven_services()), fault, seed=2, history_s=60).cluster
    telling = {*FAULTS, *REMEDIATIONS, *Mechanism}
    words = re.compile("|".join(re.escape(str(word)) for word in sorted(telling)))
    said = 0
    for remediation in REMEDIATIONS.values():
        since = cluster.now
        cluster.note_action(remediation.name)
        remediation.apply(cluster)
        cluster.run_for(30)
        written = Written(cluster, since, cluster.now)
        for name, service in cluster.services.items():
            lines = render(cluster, name, written.records(service))
            assert not [line for line in lines if words.search(line)]
            assert all(line.isprintable() for line in lines)
            said += len(lines)
    assert said > 1000
