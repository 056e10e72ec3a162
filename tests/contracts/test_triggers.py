"""What set a fault off and what keeps it going: as it declares, so it happens."""

from __future__ import annotations

import pytest

from cluster_sim import FAULTS, Cluster, Fault, Mechanism, Sustained, Trigger, seven_services
from cluster_sim.faults.load import Peak

WITHIN_S, STEP_S = 240, 15
"""Seconds from the onset within which what sets a fault off happens, and how often is looked."""

ARRANGED = {
    "pg_idle_in_transaction": Trigger.DEPLOY,
    "retry_storm": Trigger.DEPLOY,
    "hpa_ineffective": Trigger.DEPLOY,
    "gc_death_spiral": Trigger.DEPLOY,
    "cache_stampede": Trigger.TRAFFIC,
    "deploy_blip": Trigger.TRAFFIC,
    "organic_peak": Trigger.DEPLOY,
}
"""What happens as well, before or beside it, and alone would have hurt nobody."""


def _secrets(cluster: Cluster) -> tuple[object, ...]:
    stores = [service.admission for service in cluster.services.values() if service.admission is not None]
    return (cluster.config.current, *(admission.password for admission in stores))


def _jobs(cluster: Cluster) -> int:
    return sum(not isinstance(job, Peak) for job in cluster.jobs) + len(cluster.conntrack.hogs)


def _happened(fault: Fault) -> set[Trigger]:
    """What happened in a cluster with a fault, as far as its state tells."""
    cluster = Cluster(fault.spec(seven_services(5.0)), 1)
    cluster.scrapes.stop()
    cluster.run_for(30)
    services = cluster.services.values()
    versions = {service.name: service.version for service in services}
    pods = {service.name: len(service.replicas) for service in services}
    secrets, jobs = _secrets(cluster), _jobs(cluster)
    fault.inject(cluster)
    seen = set()
    for _ in range(WITHIN_S // STEP_S):
        cluster.run_for(STEP_S)
        so = {
            Trigger.DEPLOY: any(service.locks or service.version != versions[service.name] for service in services),
            Trigger.SCALING: any(len(s.replicas) > pods[s.name] for s in services if s.autoscaler is None),
            Trigger.TRAFFIC: cluster.workload.rate_factor > 1.2,
            Trigger.CREDENTIAL_CHANGE: _secrets(cluster) != secrets,
            Trigger.SCHEDULED_JOB: _jobs(cluster) > jobs,
            Trigger.THIRD_PARTY: any(not external.usual for external in cluster.externals.values()),
            Trigger.ATTACK: cluster.attack is not None,
        }
        seen |= {trigger for trigger, happened in so.items() if happened}
    return seen


QUIET = {Trigger.CONFIG_CHANGE, Trigger.DATA_GROWTH, Trigger.INFRASTRUCTURE, Trigger.NONE}
"""Triggers that are none of those."""


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_declared_to_set_a_fault_off_does_happen_and_nothing_else_of_the_kind(fault):
    """A release is rolled out, users come, a job runs, …; of other things there are those that are arranged."""
    happened = _happened(fault)
    expected = set() if fault.triggered_by in QUIET else {fault.triggered_by}
    assert expected <= happened
    assert happened - expected <= {ARRANGED[fault.name]} if fault.name in ARRANGED else happened == expected


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_harmless_is_kept_going_by_nothing_and_nothing_else_is(fault):
    assert (fault.sustained_by is Sustained.NOTHING) is fault.harmless
    assert (fault.mechanism is Mechanism.NO_INCIDENT) is fault.harmless


def test_every_id_is_defined_and_some_fault_has_it():
    """No id is only there to be wrong."""
    assert all(member.meaning for ids in (Trigger, Sustained) for member in ids)
    assert {fault.triggered_by for fault in FAULTS.values()} == set(Trigger)
    assert {fault.sustained_by for fault in FAULTS.values()} == set(Sustained)
