"""Horizontal autoscaling: pods follow the load, come at once and go slowly, and need to request CPU time."""

from __future__ import annotations

import pytest

from cluster_sim import Cluster, seven_services
from cluster_sim.baseline import drift, restore_declared
from cluster_sim.clock import SECOND
from cluster_sim.engine.autoscaler import STABILISATION
from cluster_sim.faults.settings import All, Laborious, Provisioned
from cluster_sim.specs import AutoscaleSpec

CHECKOUT = "checkout-service"
SETTING = All(
    (
        Laborious(CHECKOUT, 0.5, 0.2),
        Provisioned(CHECKOUT, (("autoscale", AutoscaleSpec(minimum=3, maximum=6, cpu_request=0.8)),)),
    )
)


@pytest.fixture
def cluster() -> Cluster:
    scaled = Cluster(SETTING(seven_services()), 5, 0.0)
    scaled.run_for(120)
    return scaled


def pods(cluster: Cluster) -> int:
    return len(cluster.service(CHECKOUT).replicas)


def test_ordinary_load_needs_the_minimum(cluster):
    assert pods(cluster) == 3
    assert not drift(cluster)


def test_pods_come_with_the_load_up_to_the_maximum_and_go_minutes_after_it(cluster):
    cluster.surge(3.0, 120.0)
    cluster.run_for(120)
    assert pods(cluster) == 6
    assert not drift(cluster)
    cluster.run_for(STABILISATION / SECOND - 60)
    assert pods(cluster) == 6
    cluster.run_for(180)
    assert pods(cluster) == 3


def test_without_requests_it_is_blind_and_says_so(cluster):
    service = cluster.service(CHECKOUT)
    service.cpu_request = None
    cluster.roll(CHECKOUT)
    cluster.run_for(120)
    cluster.surge(3.0, 60.0)
    cluster.run_for(120)
    assert service.autoscaler is not None
    assert not service.autoscaler.active
    assert pods(cluster) == 3
    told = [record.data for record in service.log if record.event == "kubernetes"]
    assert any("missing request for cpu" in str(data) for data in told)
    restore_declared(cluster)
    cluster.run_for(180)
    assert service.autoscaler.active
    assert not drift(cluster)


def test_a_copy_scales_alike(cluster):
    cluster.surge(2.0, 300.0)
    copy = cluster.branch()
    for each in (cluster, copy):
        each.run_for(200)
    assert pods(cluster) == pods(copy) > 3
    assert cluster.recorder.outcomes == copy.recorder.outcomes
