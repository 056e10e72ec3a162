"""Clusters in the states that telemetry has to tell of; they are only read."""

from functools import cache

import pytest

from cluster_sim import FAULTS, Cluster, begin, seven_services

INCIDENTS = {
    "short_of_connections": "pg_max_connections_undersized",
    "out_of_memory": "redis_maxmemory_orphan_keys",
    "half_rotated": "jwt_partial_rotation",
}
STATES = ("newborn", "healthy", "restarted", *INCIDENTS)


@cache
def snapshot(state: str) -> bytes:
    """A cluster in a state, before anybody has read it."""
    if state in INCIDENTS:
        cluster = begin(seven_services(), FAULTS[INCIDENTS[state]], seed=5, history_s=180).cluster
        cluster.run_for(60 if state == "out_of_memory" else 0)
        return cluster.snapshot()
    cluster = Cluster(seven_services(), seed=7)
    if state != "newborn":
        cluster.run_for(330)
    if state == "restarted":
        for service in cluster.services:
            cluster.restart(service)
        cluster.run_for(60)
    return cluster.snapshot()


@pytest.fixture(params=STATES)
def unread(request: pytest.FixtureRequest) -> Cluster:
    """A cluster in each of the states that nobody has read yet."""
    return Cluster.restore(snapshot(request.param))


@pytest.fixture(params=[state for state in STATES if state != "newborn"], scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster in each of the states."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Cluster)
    return found


@pytest.fixture(scope="session")
def healthy() -> Cluster:
    """Some minutes of an ordinary day."""
    return Cluster.restore(snapshot("healthy"))


@pytest.fixture(scope="session")
def short_of_connections() -> Cluster:
    """The database turns clients away."""
    return Cluster.restore(snapshot("short_of_connections"))


@pytest.fixture(scope="session")
def out_of_memory() -> Cluster:
    """The cache refuses writes."""
    return Cluster.restore(snapshot("out_of_memory"))


@pytest.fixture(scope="session")
def half_rotated() -> Cluster:
    """One replica signs with another key than the rest."""
    return Cluster.restore(snapshot("half_rotated"))


@pytest.fixture(scope="session")
def restarted() -> Cluster:
    """Everything was restarted and is up again."""
    return Cluster.restore(snapshot("restarted"))
