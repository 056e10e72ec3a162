"""How calls are spread over the ready replicas."""

from __future__ import annotations

from math import sqrt

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.specs import Balance, Work
from tests.support.clusters import answered, drain, one_service


def spread(
    balance: Balance, *, slow: float = 1.0, replicas: int = 4, mean_s: float = 0.01, workers: int = 100
) -> list[int]:
    """How many calls each replica served, the first of which may be slow."""
    spec = one_service(
        Work(mean_s=mean_s, sigma=0.5), rate_hz=200.0, replicas=replicas, workers=workers, balance=balance
    )
    cluster = Cluster(spec, 1, noise=0)
    cluster.service("server").replicas[0].set_slow(slow)
    cluster.run_for(60)
    drain(cluster)
    return [answered(replica) for replica in cluster.service("server").replicas]


def test_round_robin_takes_turns() -> None:
    counts = spread(Balance.ROUND_ROBIN)
    assert max(counts) - min(counts) <= 1


def test_random_gives_each_replica_its_share_but_not_in_turns() -> None:
    counts = spread(Balance.RANDOM)
    expected = sum(counts) / 4
    assert max(counts) - min(counts) > 1
    assert all(abs(count - expected) < 4 * sqrt(expected * 0.75) for count in counts)


@pytest.mark.parametrize("balance", [Balance.ROUND_ROBIN, Balance.RANDOM])
def test_policies_that_do_not_look_send_a_slow_replica_as_much_as_the_others(balance: Balance) -> None:
    counts = spread(balance, slow=20.0)
    assert counts[0] / sum(counts) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("balance", [Balance.LEAST_CONNECTIONS, Balance.RANDOM_TWO])
def test_policies_that_look_spare_a_slow_replica(balance: Balance) -> None:
    counts = spread(balance, slow=20.0, mean_s=0.1)
    # It is twenty times as slow and has as many calls in hand as the others: about 1 / 61 of what is served.
    assert 0.01 < counts[0] / sum(counts) < 0.03


@pytest.mark.parametrize("balance", [Balance.LEAST_CONNECTIONS, Balance.RANDOM_TWO])
def test_equally_idle_replicas_are_asked_equally_often(balance: Balance) -> None:
    counts = spread(balance, mean_s=0.0001)
    assert min(counts) / sum(counts) > 0.23


def test_two_choices_never_pick_the_busier_one_of_the_pair() -> None:
    """The longest queue of two random choices is far shorter than that of one (Mitzenmacher 2001)."""
    longest = {}
    for balance in (Balance.RANDOM, Balance.RANDOM_TWO):
        spec = one_service(Work(mean_s=0.04, sigma=0.5), rate_hz=225.0, replicas=10, workers=1, balance=balance)
        cluster = Cluster(spec, 1, noise=0)
        longest[balance] = 0
        for _ in range(1200):
            cluster.run_for(0.1)
            longest[balance] = max([longest[balance], *(r.in_flight for r in cluster.service("server").replicas)])
    assert longest[Balance.RANDOM_TWO] * 3 < longest[Balance.RANDOM]


@pytest.mark.parametrize("balance", list(Balance))
def test_calls_go_to_ready_replicas_only(balance: Balance) -> None:
    spec = one_service(Work(mean_s=0.01), rate_hz=100.0, replicas=3, workers=10, balance=balance)
    cluster = Cluster(spec, 1, noise=0)
    running = cluster.service("server")
    running.replicas[1].ready = False
    running.refresh_ready()
    cluster.run_for(30)
    counts = [answered(replica) for replica in running.replicas]
    assert counts[1] == 0
    assert cluster.recorder.finished > 2500
    assert counts[0] + counts[2] == cluster.recorder.finished


@pytest.mark.parametrize("balance", list(Balance))
def test_a_single_replica_takes_everything(balance: Balance) -> None:
    (count,) = spread(balance, replicas=1)
    assert count > 11_000
