"""Every fault of the catalogue: it pages, its evidence tells it from its twins, its repairs hold, its masks do not."""

from __future__ import annotations

from functools import cache

import pytest

from cluster_sim import (
    FAULTS,
    REMEDIATIONS,
    TEAMS,
    Cluster,
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

HARMFUL = [name for name, fault in FAULTS.items() if not fault.harmless]
HARMLESS = [name for name, fault in FAULTS.items() if fault.harmless]
REPAIRS = [(name, plan) for name in HARMFUL for plan in FAULTS[name].repairs]
MASKS = [(name, plan) for name in FAULTS for plan in FAULTS[name].masks]
TWINS = [(name, twin.name) for name in FAULTS for twin in twins_of(FAULTS[name])]


@cache
def incident(fault: str, seed: int) -> tuple[Incident, Saved]:
    """An incident as of its page."""
    begun = begin(FAULTS[fault].spec(seven_services()), FAULTS[fault], seed)
    return begun, Saved(begun.cluster)


def paged(fault: str, seed: int = SEEDS[0]) -> Cluster:
    """A cluster as of the page."""
    return incident(fault, seed)[1].restore()


@cache
def looked_at(fault: str, seed: int = SEEDS[0]) -> tuple[Cluster, int]:
    """A cluster minutes after the page in which nobody has acted, and the instant of the onset."""
    cluster = paged(fault, seed)
    cluster.run_for(LOOK_S)
    return cluster, incident(fault, seed)[0].onset


def carried_out(fault: str, plan: Plan, seed: int = SEEDS[0]) -> Cluster:
    """A cluster in which a plan was carried out two minutes after the page."""
    cluster = paged(fault, seed)
    cluster.run_for(120)
    for name in plan:
        REMEDIATIONS[name].carry_out(cluster)
    return cluster


def ids(case: object) -> str:
    return "+".join(case) if isinstance(case, tuple) else str(case)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_fault_names_exists(fault):
    entry = FAULTS[fault]
    assert entry.team in TEAMS
    assert all(name in REMEDIATIONS for plan in (*entry.repairs, *entry.masks) for name in plan)
    assert entry.evidence
    assert entry.story
    assert entry.harmless or entry.repairs
    assert twins_of(entry)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", HARMFUL)
def test_a_fault_pages_hurts_and_does_not_heal_by_itself(fault, seed):
    cluster, _ = looked_at(fault, seed)
    fired = {alert.alertname for alert in (*cluster.alerts.firing(), *cluster.alerts.history)}
    assert set(FAULTS[fault].alerts) <= fired
    verdict = examine(paged(fault, seed), FAULTS[fault])
    assert not verdict.safe
    assert not verdict.held


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", HARMLESS)
def test_where_there_is_nothing_to_repair_users_are_well_without_anybody_acting(fault, seed):
    cluster, _ = looked_at(fault, seed)
    fired = {alert.alertname for alert in (*cluster.alerts.firing(), *cluster.alerts.history)}
    assert set(FAULTS[fault].alerts) <= fired
    assert examine(paged(fault, seed), FAULTS[fault]).recovered


@pytest.mark.parametrize(("fault", "plan"), REPAIRS, ids=ids)
def test_a_repair_passes_the_examination(fault, plan):
    verdict = examine(carried_out(fault, plan), FAULTS[fault])
    assert verdict.recovered, verdict


@pytest.mark.parametrize("fault", HARMFUL)
def test_the_repair_of_the_runbook_works_in_another_world_too(fault):
    seed = SEEDS[1]
    verdict = examine(carried_out(fault, FAULTS[fault].repairs[0], seed), FAULTS[fault])
    assert verdict.recovered, verdict


@pytest.mark.parametrize(("fault", "plan"), MASKS, ids=ids)
def test_a_mask_does_not(fault, plan):
    verdict = examine(carried_out(fault, plan), FAULTS[fault])
    assert not verdict.recovered, verdict


@pytest.mark.parametrize("fault", FAULTS)
def test_the_evidence_is_there(fault):
    for seed in SEEDS:
        cluster, onset = looked_at(fault, seed)
        for evidence in FAULTS[fault].evidence:
            assert found(cluster, evidence, onset), (evidence, seed)


@pytest.mark.parametrize(("fault", "twin"), TWINS, ids=ids)
def test_the_evidence_tells_a_fault_from_its_twin(fault, twin):
    """At least one piece of what this fault shows is not found under its twin."""
    cluster, onset = looked_at(twin)
    assert not all(found(cluster, evidence, onset) for evidence in FAULTS[fault].evidence)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seed_is_a_world(fault):
    """Begun again, the incident is the same to the byte, and so is a copy of it that goes on."""
    again = begin(FAULTS[fault].spec(seven_services()), FAULTS[fault], SEEDS[0]).cluster
    copy = paged(fault)
    for cluster in (again, copy):
        cluster.run_for(60)
    assert again.recorder.outcomes == copy.recorder.outcomes
    assert again.chosen == copy.chosen
    assert [a.name for a in again.alerts.firing()] == [a.name for a in copy.alerts.firing()]
