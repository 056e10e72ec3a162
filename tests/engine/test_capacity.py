"""What a cluster has at its disposal, and what it costs."""

from __future__ import annotations

import re

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, Cluster, Saved, provisioned, seven_services
from cluster_sim.capacity import USD_PER_GIB_HOUR, USD_PER_VCPU_HOUR, USD_PER_VOLUME_GIB_MONTH
from cluster_sim.engine.crashes import OUT_OF_MEMORY

GIB = 1 << 30
COSTLY = re.compile(r"Adds \w+ pods|[Cc]osts|Raises by half the memory limit")
"""Words of a runbook that says that more has to be paid for."""


@pytest.fixture(scope="module")
def healthy() -> Saved:
    """A healthy cluster whose containers all have memory limits; one was killed at its own, once."""
    limited = FAULTS["svc_memory_leak_oomkill"]
    cluster = Cluster(limited.spec(seven_services()), 3)
    cluster.run_for(60)
    cluster.scrapes.stop()
    cluster.service("checkout-service").replicas[0].last_exit = OUT_OF_MEMORY
    return Saved(cluster)


def usd_after(healthy: Saved, *plan: str) -> float:
    """By how many dollars an hour some remediations raise what the cluster costs."""
    cluster = healthy.restore()
    before = provisioned(cluster).usd_per_hour
    for name in plan:
        REMEDIATIONS[name].carry_out(cluster)
    return provisioned(cluster).usd_per_hour - before


def test_scaling_out_costs_what_the_new_pods_cost(healthy):
    """Three pods of payment, each with two cores and the memory limit of a JVM."""
    cluster = healthy.restore()
    before = provisioned(cluster)
    REMEDIATIONS["scale_out_payment_service"].carry_out(cluster)
    after = provisioned(cluster)
    assert after.replicas == {**before.replicas, "payment-service": before.replicas["payment-service"] + 3}
    pod = 2 * USD_PER_VCPU_HOUR + 640 / 1024 * USD_PER_GIB_HOUR
    assert after.usd_per_hour - before.usd_per_hour == pytest.approx(3 * pod)


def test_a_volume_four_times_as_large_costs_three_times_as_much_more(healthy):
    """Half a gibibyte becomes two."""
    assert usd_after(healthy, "expand_redis_volume") == pytest.approx(1.5 * USD_PER_VOLUME_GIB_MONTH / 730)


def test_what_was_scaled_out_and_in_again_costs_nothing_more(healthy):
    assert usd_after(healthy, "scale_out_payment_service") > 0
    assert usd_after(healthy, "scale_out_payment_service", "scale_in_payment_service") == pytest.approx(0)


def test_those_remediations_cost_money_whose_runbook_says_so(healthy):
    """Every one is carried out; restarts, rollbacks and settings within the same container are free."""
    costly = {name for name in REMEDIATIONS if usd_after(healthy, name) > 1e-9}
    assert costly == {name for name, fix in REMEDIATIONS.items() if COSTLY.search(fix.runbook)}
    assert {"scale_out_payment_service", "raise_memory_limit", "resize_redis_memory", "expand_redis_volume"} <= costly
    assert not {"restart_payment_service", "rollback_payment_service", "raise_redis_maxmemory"} & costly


def test_a_limit_below_what_a_container_is_sized_for_is_less_capacity():
    """Checkout throttled to a share of a core takes up that share, and all of it again when it is rolled back."""
    fault = FAULTS["cpu_cfs_throttling"]
    cluster = Cluster(fault.spec(seven_services()), 1)
    cluster.run_for(60)
    declared = provisioned(cluster)
    fault.inject(cluster)
    cluster.run_for(120)
    throttled = provisioned(cluster)
    limits = [replica.quota.cores for replica in cluster.service("checkout-service").replicas if replica.quota]
    assert len(limits) == 3
    assert declared.vcpu - throttled.vcpu == pytest.approx(3 * 2 - sum(limits))
    REMEDIATIONS["rollback_checkout_service"].carry_out(cluster)
    assert provisioned(cluster) == declared


def test_pods_of_an_autoscaled_service_are_counted_by_their_requests():
    """With the traffic come pods, each at what it requests, though nobody has carried out anything."""
    cluster = Cluster(FAULTS["hpa_ineffective"].spec(seven_services()), 1)
    cluster.run_for(30)
    few = provisioned(cluster)
    cluster.surge(2.5, 300)
    cluster.run_for(180)
    many = provisioned(cluster)
    more = many.replicas["checkout-service"] - few.replicas["checkout-service"]
    assert more > 0
    assert many.vcpu - few.vcpu == pytest.approx(more * 1.2)


def test_looking_changes_nothing(healthy):
    """A copy has the same, and asking twice gives the same."""
    cluster = healthy.restore()
    assert provisioned(cluster) == provisioned(cluster) == provisioned(cluster.branch())
