"""Every fault, wherever it may strike: it pages, its evidence tells it from its twins, repairs hold, masks do not."""

from __future__ import annotations

from functools import cache

import pytest

from cluster_sim import (
    FAULTS,
    REMEDIATIONS,
    TEAMS,
    Cluster,
    Fault,
    Incident,
    Plan,
    Saved,
    begin,
    examine,
    found,
    seven_services,
    twins_of,
)

SEEDS = (11, 12)
LOOK_S = 300
"""Seconds from the page within which what a fault shows has shown (chosen: what a careful engineer takes to look)."""

STRUCK = [fault.at(place) for fault in FAULTS.values() for place in fault.places]
"""Every fault, at every service that it may strike."""
HARMFUL = [fault for fault in STRUCK if not fault.harmless]
HARMLESS = [fault for fault in STRUCK if fault.harmless]
REPAIRS = [(fault, plan) for fault in HARMFUL for plan in fault.repairs]
MASKS = [(fault, plan) for fault in STRUCK for plan in fault.masks]
TWINS = [(fault, twin) for fault in STRUCK for twin in twins_of(fault)]


@cache
def incident(fault: Fault, seed: int) -> tuple[Incident, Saved]:
    """An incident as of its page."""
    begun = begin(fault.spec(seven_services()), fault, seed)
    return begun, Saved(begun.cluster)


def paged(fault: Fault, seed: int = SEEDS[0]) -> Cluster:
    """A cluster as of the page."""
    return incident(fault, seed)[1].restore()


@cache
def looked_at(fault: Fault, seed: int = SEEDS[0]) -> tuple[Cluster, int]:
    """A cluster minutes after the page in which nobody has acted, and the instant of the onset."""
    cluster = paged(fault, seed)
    cluster.run_for(LOOK_S)
    return cluster, incident(fault, seed)[0].onset


def carried_out(fault: Fault, plan: Plan, seed: int = SEEDS[0]) -> Cluster:
    """A cluster in which a plan was carried out two minutes after the page."""
    cluster = paged(fault, seed)
    cluster.run_for(120)
    for name in plan:
        REMEDIATIONS[name].carry_out(cluster)
    return cluster


def ids(case: object) -> str:
    if isinstance(case, Fault):
        usual = FAULTS[case.name].service == case.service
        return case.name if usual else f"{case.name}@{case.service}"
    return "+".join(case) if isinstance(case, tuple) else str(case)


@pytest.mark.parametrize("fault", STRUCK, ids=ids)
def test_what_a_fault_names_exists(fault):
    assert fault.team in TEAMS
    assert all(name in REMEDIATIONS for plan in (*fault.repairs, *fault.masks) for name in plan)
    assert fault.evidence
    assert fault.story
    assert fault.harmless or fault.repairs
    assert twins_of(fault)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", HARMFUL, ids=ids)
def test_a_fault_pages_hurts_and_does_not_heal_by_itself(fault, seed):
    cluster, _ = looked_at(fault, seed)
    fired = {alert.alertname for alert in (*cluster.alerts.firing(), *cluster.alerts.history)}
    assert set(fault.alerts) <= fired
    verdict = examine(paged(fault, seed), fault)
    assert not verdict.safe
    assert not verdict.held


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", HARMLESS, ids=ids)
def test_where_there_is_nothing_to_repair_users_are_well_without_anybody_acting(fault, seed):
    cluster, _ = looked_at(fault, seed)
    fired = {alert.alertname for alert in (*cluster.alerts.firing(), *cluster.alerts.history)}
    assert set(fault.alerts) <= fired
    assert examine(paged(fault, seed), fault).recovered


@pytest.mark.parametrize(("fault", "plan"), REPAIRS, ids=ids)
def test_a_repair_passes_the_examination(fault, plan):
    verdict = examine(carried_out(fault, plan), fault)
    assert verdict.recovered, verdict


@pytest.mark.parametrize("fault", HARMFUL, ids=ids)
def test_the_repair_of_the_runbook_works_in_another_world_too(fault):
    seed = SEEDS[1]
    verdict = examine(carried_out(fault, fault.repairs[0], seed), fault)
    assert verdict.recovered, verdict


@pytest.mark.parametrize(("fault", "plan"), MASKS, ids=ids)
def test_a_mask_does_not(fault, plan):
    verdict = examine(carried_out(fault, plan), fault)
    assert not verdict.recovered, verdict


@pytest.mark.parametrize("fault", STRUCK, ids=ids)
def test_the_evidence_is_there(fault):
    for seed in SEEDS:
        cluster, onset = looked_at(fault, seed)
        for evidence in fault.evidence:
            assert found(cluster, evidence, onset), (evidence, seed)


@pytest.mark.parametrize(("fault", "twin"), TWINS, ids=ids)
def test_the_evidence_tells_a_fault_from_its_twin(fault, twin):
    """At least one piece of what this fault shows is not found under its twin."""
    cluster, onset = looked_at(twin)
    assert not all(found(cluster, evidence, onset) for evidence in fault.evidence)


@pytest.mark.parametrize("fault", STRUCK, ids=ids)
def test_a_seed_is_a_world(fault):
    """Begun again, the incident is the same to the byte, and so is a copy of it that goes on."""
    again = begin(fault.spec(seven_services()), fault, SEEDS[0]).cluster
    copy = paged(fault)
    for cluster in (again, copy):
        cluster.run_for(60)
    assert again.recorder.outcomes == copy.recorder.outcomes
    assert again.chosen == copy.chosen
    assert [a.name for a in again.alerts.firing()] == [a.name for a in copy.alerts.firing()]
