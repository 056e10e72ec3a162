"""CPU limits: no period gives more than its share, and what stands still uses none."""

from __future__ import annotations

from itertools import pairwise

from cluster_sim import Cluster, seven_services
from cluster_sim.clock import MILLISECOND, SECOND
from cluster_sim.engine.quota import PERIOD, Quota
from cluster_sim.engine.release import HEALTHY, Behaviour


def test_work_within_the_share_takes_its_own_time():
    quota = Quota(0.5)
    assert quota.take(30 * MILLISECOND, 10 * MILLISECOND) == 30 * MILLISECOND
    assert quota.periods(10 * MILLISECOND) == (1, 0)


def test_work_beyond_the_share_goes_on_in_the_periods_that_follow():
    quota = Quota(0.5)
    assert quota.take(120 * MILLISECOND, 0) == 2 * PERIOD + 20 * MILLISECOND
    assert quota.periods(2 * PERIOD) == (3, 2)
    assert quota.take(10 * MILLISECOND, PERIOD) == PERIOD + 10 * MILLISECOND


def test_much_work_gets_the_limit_and_no_more():
    quota = Quota(0.3)
    done = [quota.take(7 * MILLISECOND, 0) for _ in range(1000)]
    assert all(before <= after for before, after in pairwise(done))
    assert abs(done[-1] - 7 * SECOND / 0.3) <= PERIOD


def test_a_limit_holds_for_a_pod_and_is_gone_with_its_process():
    cluster = Cluster(seven_services(), 3, 0.0)
    service = cluster.service("inventory-service")
    cluster.deploy(service.name, Behaviour(cpu_limit=0.01))
    cluster.run_for(120)
    before = [replica.busy for replica in service.replicas]
    cluster.run_for(60)
    for replica, busy in zip(service.replicas, before, strict=True):
        assert replica.quota is not None
        # A hundredth of a core for a minute, and what its 24 threads have begun.
        assert 0 < replica.busy - busy < 0.75 * SECOND
    cluster.roll_back(service.name)
    cluster.run_for(120)
    assert service.behaviour == HEALTHY
    assert all(replica.quota is None and not replica.disturbed for replica in service.replicas)
