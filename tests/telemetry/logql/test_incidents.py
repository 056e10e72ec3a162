"""What the logs of the three incidents say when they are asked in LogQL, and that they say nothing of it before."""

import pytest

from cluster_sim import FAULTS, Cluster, Incident, begin, logql, seven_services
from cluster_sim.telemetry.logs import ClusterLogs

from .small_store import log_query, metric

SECOND = 1_000_000_000
SEED = 5

TROUBLE = 'sum by (service)(count_over_time({job=~"shop/.+"} | detected_level=~"warn|error|fatal" [1m]))'
BLAMED = (
    'topk(1, sum by (service, server_address, error_type)(count_over_time({job=~"shop/.+"} | json | __error__="" '
    '| server_address=~".+" [1m])))'
)


@pytest.fixture(scope="module")
def connections() -> Incident:
    return begin(seven_services(), FAULTS["pg_max_connections_undersized"], SEED, history_s=300)


@pytest.fixture(scope="module")
def memory() -> Incident:
    return begin(seven_services(), FAULTS["redis_maxmemory_orphan_keys"], SEED, history_s=300)


@pytest.fixture(scope="module")
def rotation() -> Incident:
    return begin(seven_services(), FAULTS["jwt_partial_rotation"], SEED, history_s=300)


def unix_ns(cluster: Cluster, at: int) -> int:
    return cluster.epoch_s * SECOND + at


def values(incident: Incident, query: str, at: int) -> dict[tuple[str, ...], float]:
    """A metric query at a simulated instant: the values of the labels, by name → the value."""
    cluster = incident.cluster
    found = logql.at_instant(ClusterLogs(cluster), metric(query), unix_ns(cluster, at))
    return {tuple(labels[name] for name in sorted(labels)): points[0][1] for labels, points in found.series}


def lines(incident: Incident, query: str, **options) -> list[str]:
    """What a log query finds since the onset, newest first."""
    cluster = incident.cluster
    first, last = unix_ns(cluster, incident.onset), unix_ns(cluster, cluster.now)
    found = logql.logs(ClusterLogs(cluster), log_query(query), first=first, last=last, **options)
    return [line for _, line in sorted((entry for _, entries in found.streams for entry in entries), reverse=True)]


# ------------------------------------------------------------ too few connections

REFUSALS = 'sum by (pod)(count_over_time({service="postgres-db"} |= "remaining connection slots" [5m]))'


def test_the_database_refuses_connections_since_the_onset_and_not_before(connections: Incident) -> None:
    assert values(connections, REFUSALS, connections.onset) == {}
    (count,) = values(connections, REFUSALS, connections.cluster.now).values()
    assert count > 10


def test_most_that_fails_are_calls_to_the_database(connections: Incident) -> None:
    ((labels, count),) = values(connections, BLAMED, connections.cluster.now).items()
    assert labels[1:] == ("postgres-db", "payment-service")
    assert "SQLTransientConnectionException" in labels[0]
    assert count > 20


def test_it_is_slots_for_ordinary_roles_that_are_short_and_not_the_servers_health(connections: Incident) -> None:
    said = lines(connections, '{service="postgres-db"} |~ "FATAL|PANIC|ERROR|shut down|ready to accept"', limit=1000)
    assert said
    assert all("FATAL:  remaining connection slots are reserved" in line for line in said)


# ------------------------------------------------------------ a full cache

OOM = 'sum by (service)(count_over_time({job=~"shop/.+"} |= "command not allowed when used memory" [5m]))'


def test_inventory_is_told_that_the_cache_is_out_of_memory_since_the_onset_and_not_before(memory: Incident) -> None:
    assert values(memory, OOM, memory.onset) == {}
    refused = values(memory, OOM, memory.cluster.now)
    assert set(refused) == {("inventory-service",)}
    assert refused["inventory-service",] > 50


def test_it_is_the_cache_that_refuses(memory: Incident) -> None:
    query = (
        'sum by (server_address, db_operation_name)(count_over_time({service="inventory-service"} '
        '| json error_type="[\\"error.type\\"]", server_address="[\\"server.address\\"]", '
        'db_operation_name="[\\"db.operation.name\\"]" | error_type=~".*OutOfMemoryError" [5m]))'
    )
    assert {server for _, server in values(memory, query, memory.cluster.now)} == {"redis-cache"}


def test_the_cache_itself_logs_no_refusal(memory: Incident) -> None:
    assert lines(memory, '{service="redis-cache"} |~ "(?i)oom|not allowed|error"', limit=1000) == []


# ------------------------------------------------------------ a rotation that reached some replicas

REJECTED = (
    'sum by (pod, jwt_kid)(count_over_time({service="auth-service"} |= "token rejected" | json | jwt_kid=~".+" [1m]))'
)


def test_each_auth_replica_rejects_the_tokens_of_the_other_key(rotation: Incident) -> None:
    assert values(rotation, REJECTED, rotation.onset) == {}
    rejected = values(rotation, REJECTED, rotation.cluster.now)
    by_pod = {pod: {kid for kid, of in rejected if of == pod} for _, pod in rejected}
    assert set(by_pod) == {f"auth-service-{number}" for number in range(3)}
    assert all(len(kids) == 1 for kids in by_pod.values())
    assert len({kid for kids in by_pod.values() for kid in kids}) == 2


def test_the_config_service_says_which_replica_did_not_take_the_secret_over(rotation: Incident) -> None:
    (rolled_out,) = lines(rotation, '{service="config-service"} |= "rolled out" | logfmt | line_format "{{.msg}}"')
    assert rolled_out.endswith("2/3 acked")
    loaded = lines(
        rotation, '{service="auth-service"} |= "signing secret loaded" | json | line_format "{{.pod}} {{.kid}}"'
    )
    (missing,) = {f"auth-service-{number}" for number in range(3)} - {line.split()[0] for line in loaded}
    assert any(missing in line for line in lines(rotation, '{service="config-service"} |= "timed out"'))


# ------------------------------------------------------------ all three


@pytest.mark.parametrize("name", ["connections", "memory", "rotation"])
def test_trouble_shows_in_the_levels_of_the_lines(name: str, request: pytest.FixtureRequest) -> None:
    incident = request.getfixturevalue(name)
    before = sum(values(incident, TROUBLE, incident.onset).values())
    assert sum(values(incident, TROUBLE, incident.cluster.now).values()) > 20 + 5 * before
