"""A system outside that ails, and ways around it."""

from __future__ import annotations

import pytest

from cluster_sim import seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.profile import Profile
from cluster_sim.telemetry.logs import recent

PSP = "psp"


def ailing(*, factor: float = 30.0, errors: float = 0.0) -> Cluster:
    """A cluster whose payment provider ails from the start."""
    cluster = Cluster(seven_services(), 5, noise=0.0)
    cluster.externals[PSP].degrade(Profile(start=0), factor=factor, errors=errors)
    refresh(cluster)
    return cluster


def refresh(cluster: Cluster) -> None:
    """Let payment-service know."""
    cluster.service("payment-service").refresh_disturbed()


def asked(cluster: Cluster) -> tuple[int, float]:
    """Answers of the provider, and their mean seconds, as its clients measured them."""
    counts = [c for replica in cluster.service("payment-service").replicas for c in replica.outbound.values()]
    count = sum(number for number, _ in counts)
    return count, sum(total for _, total in counts) / max(count, 1) / 1e9


def test_its_clients_measure_how_long_it_takes_and_do_not_work_meanwhile() -> None:
    usual, cluster = Cluster(seven_services(), 5, noise=0.0), ailing()
    for each in (usual, cluster):
        each.run_for(120)
    count, mean_s = asked(cluster)
    assert count > 500
    assert mean_s == pytest.approx(30 * 0.035, rel=0.1)
    assert asked(usual) == (0, 0.0)
    busy = [sum(replica.busy for replica in each.service("payment-service").replicas) for each in (usual, cluster)]
    assert busy[1] == pytest.approx(busy[0], rel=0.25)


def test_its_errors_are_those_of_its_client_and_told_in_the_log() -> None:
    cluster = ailing(factor=1.0, errors=0.3)
    cluster.run_for(60)
    lines = recent(cluster, "payment-service", limit=5, grep="psp: 503 Service Unavailable (request-id req_")
    assert lines
    assert cluster.edge("checkout-service", "payment-service").failures[Failure.EXTERNAL] > 10
    assert recent(cluster, "checkout-service", limit=5, grep="502 Bad Gateway")


@pytest.mark.parametrize(("way", "share"), [("diverted", 1.4), ("deferring", 0.25)])
def test_there_are_ways_around_it(way: str, share: float) -> None:
    cluster = ailing(errors=1.0)
    external = cluster.externals[PSP]
    setattr(external, way, True)
    assert external.answers_after(1000, 0.5, 0, None) == 1000 * share
    assert not external.fails(0.0, 0)
    assert not cluster.plain
    external.recover()
    refresh(cluster)
    assert external.usual
    assert cluster.plain
