"""Generated clusters of any size are sound, and healthy at the traffic they are made for."""

from __future__ import annotations

import pytest

from cluster_sim import ClusterSpec, InvalidSpec, generated
from cluster_sim.cluster import Cluster
from cluster_sim.specs import USERS, ServiceSpec, calls_in
from cluster_sim.telemetry.alerts import Severity
from cluster_sim.topologies import FEWEST, MOST
from tests.support.clusters import digest

SIZES = (7, 20, 100, 500)


def reached(spec: ClusterSpec) -> set[tuple[str, str]]:
    """The operations that some request of some user may come to."""
    found: set[tuple[str, str]] = set()
    calls = [call for endpoint in spec.endpoints for call in calls_in(endpoint.steps)]
    while calls:
        call = calls.pop()
        key = (call.service, call.operation)
        if key not in found:
            found.add(key)
            calls += calls_in(spec.service(call.service).operation(call.operation).steps)
    return found


def calls_of(spec: ClusterSpec, service: ServiceSpec) -> set[str]:
    """The services that a service calls."""
    return {call.service for operation in service.operations for call in calls_in(operation.steps)}


# ---------------------------------------------------------------- what they are


@pytest.mark.parametrize("services", [FEWEST, 8, 19, 47, 250, MOST])
def test_it_has_as_many_services_as_were_asked_for(services: int) -> None:
    assert len(generated(services, 3).services) == services


@pytest.mark.parametrize("services", SIZES)
def test_the_same_numbers_give_the_same_cluster(services: int) -> None:
    assert generated(services, 3, 50.0) == generated(services, 3, 50.0)
    assert generated(services, 3, 50.0) != generated(services, 4, 50.0)


@pytest.mark.parametrize("services", SIZES)
def test_traffic_decides_on_capacities_and_not_on_who_calls_whom(services: int) -> None:
    quiet, busy = generated(services, 3, 5.0), generated(services, 3, 500.0)
    assert list(quiet.calls()) == list(busy.calls())
    assert [service.operations for service in quiet.services] == [service.operations for service in busy.services]
    assert sum(s.workers * s.replicas for s in quiet.services) < sum(s.workers * s.replicas for s in busy.services)


@pytest.mark.parametrize("services", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_every_operation_is_reached_by_some_request(services: int, seed: int) -> None:
    spec = generated(services, seed)
    every = {(service.name, operation.name) for service in spec.services for operation in service.operations}
    assert reached(spec) == every


@pytest.mark.parametrize("services", [100, 500])
def test_shares_of_entries_and_leaves_are_those_of_a_real_deployment(services: int) -> None:
    spec = generated(services, 1)
    entries = {call.service for client, call in spec.calls() if client == USERS}
    leaves = [service for service in spec.services if not calls_of(spec, service)]
    assert len(entries) / services == pytest.approx(0.13, abs=0.06)
    assert len(leaves) / services == pytest.approx(0.39, abs=0.1)


def test_a_few_services_are_called_by_very_many() -> None:
    spec = generated(500, 1)
    callers: dict[str, set[str]] = {}
    for client, call in spec.calls():
        callers.setdefault(call.service, set()).add(client)
    counts = sorted((len(clients) for clients in callers.values()), reverse=True)
    assert counts[0] >= 40
    assert counts[len(counts) // 2] <= 2


@pytest.mark.parametrize("seed", range(3))
def test_a_request_makes_about_as_many_calls_in_any_large_cluster(seed: int) -> None:
    longest = [max(len(codes) for codes in Cluster(generated(n, seed), seed).workload.codes) for n in (20, 100)]
    assert max(longest) < 3 * min(longest)


def test_the_clients_of_a_database_leave_a_fifth_of_its_connections_free() -> None:
    spec = generated(100, 1, 500.0)
    for database in spec.services:
        if database.backends is not None:
            wanted = sum(s.replicas * s.pools[database.name].size for s in spec.services if database.name in s.pools)
            assert 0 < wanted < 0.8 * database.backends.max_connections


@pytest.mark.parametrize("services", [0, FEWEST - 1, MOST + 1])
def test_too_few_or_too_many_services_are_refused(services: int) -> None:
    with pytest.raises(InvalidSpec, match=f"{FEWEST} to {MOST} services, not {services}"):
        generated(services, 1)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_traffic_that_is_none_is_refused(rate_hz: float) -> None:
    with pytest.raises(InvalidSpec, match="arrival_rate_hz"):
        generated(20, 1, rate_hz)


# ---------------------------------------------------------------- how they do


@pytest.mark.parametrize(
    ("services", "rate_hz", "seconds"),
    [(7, 5.0, 300), (7, 500.0, 40), (20, 50.0, 120), (100, 5.0, 200), (100, 500.0, 30), (500, 50.0, 60)],
)
def test_a_generated_cluster_is_healthy_at_its_traffic(services: int, rate_hz: float, seconds: float) -> None:
    cluster = Cluster(generated(services, 2, rate_hz), 2)
    cluster.run_for(seconds)
    recorder = cluster.recorder
    failed = sum(count for statuses in recorder.failures.values() for count in statuses.values())
    assert recorder.finished > 0.6 * rate_hz * seconds
    assert failed < 0.01 * recorder.finished
    waiting = sum(len(replica.queue) for service in cluster.services.values() for replica in service.replicas)
    assert waiting < 20
    assert cluster.workload.arrived - recorder.finished < 2 * rate_hz
    assert [alert.name for alert in cluster.alerts.firing(Severity.PAGE)] == []


def test_a_generated_cluster_is_the_same_whatever_the_steps_it_is_run_in() -> None:
    straight, stepped = Cluster(generated(20, 5), 5), Cluster(generated(20, 5), 5)
    straight.run_for(40)
    for _ in range(80):
        stepped.run_for(0.5)
    assert digest(straight) == digest(stepped)


def test_trouble_at_a_database_is_felt_at_its_gateway_and_paged() -> None:
    cluster = Cluster(generated(20, 5, 50.0), 5)
    cluster.run_for(60)
    database = cluster.service("orders-db")
    database.slow = 400.0
    database.replicas[0].set_slow(database.slow)
    cluster.run_for(240)
    paged = {alert.service for alert in cluster.alerts.firing(Severity.PAGE)}
    assert "orders-gateway" in paged
    assert "catalog-gateway" not in paged
