"""A demonstration runs by itself: incidents come, users feel them, cures end them, and it can all happen again."""

from __future__ import annotations

import pytest

from cluster_sim import (
    FAULTS,
    REMEDIATIONS,
    TASK_FAULTS,
    Cluster,
    Severity,
    drift,
    is_safe,
    restore_declared,
    seven_services,
)
from env.live.cures import right_cure
from env.live.log import Kind
from env.live.schedule import CYCLE_S
from env.live.settings import Plan

from .conftest import SECOND, Live


def scheduled(live: Live) -> list:
    """What the schedule has done."""
    return [(entry.at, entry.kind, entry.value) for entry in live.cluster.world.log if entry.source == "schedule"]


@pytest.fixture(scope="module")
def two_hours():
    """Six cycles of a live cluster with faults and cures, and how each incident looked just before its cure."""
    live = Live(schedule=Plan.ON, seed=3)
    paging: list[bool] = []
    while live.passed_s < 6 * CYCLE_S:
        due = live.cluster._due
        assert due is not None
        live.cluster.advance(due.at - 1)
        if due.kind is Kind.FIX:
            paging.append(bool(live.cluster.cluster.alerts.firing(Severity.PAGE)))
        live.cluster.advance(due.at)
    return live, paging


def test_every_cycle_has_an_incident_that_pages_and_is_over_before_the_next(two_hours):
    """Six in two hours."""
    live, paging = two_hours
    incidents = live.cluster.world.incidents
    assert len(incidents) >= 6
    assert all(incident.felt and incident.closed for incident in incidents[:6])
    assert all(paging[:6])


def test_more_than_one_fault_takes_its_turn(two_hours):
    """The draw is over the catalogue."""
    live, _ = two_hours
    assert len({incident.fault.name for incident in live.cluster.world.incidents}) > 1


def test_cures_come_about_eight_minutes_after_their_faults(two_hours):
    """By the log."""
    live, _ = two_hours
    onsets = [at for at, kind, _ in scheduled(live) if kind is Kind.INJECT]
    cures = [at for at, kind, _ in scheduled(live) if kind is Kind.FIX]
    waits = [(cure - onset) / SECOND for onset, cure in zip(onsets, cures, strict=False)]
    assert all(400 < wait < 560 for wait in waits)


def test_the_same_seed_has_the_same_schedule_and_another_one_another():
    """Nothing but the seed decides."""
    logs = []
    for seed in (1, 1, 2):
        live = Live(schedule=Plan.FAULTS, seed=seed)
        live.cluster.advance(int(1600 * SECOND))
        logs.append(scheduled(live))
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_without_cures_a_fault_waits_for_somebody_and_no_other_comes():
    """An incident that nobody ends goes on."""
    live = Live(schedule=Plan.FAULTS, seed=3)
    live.cluster.advance(int(4 * CYCLE_S * SECOND))
    assert [kind for _, kind, _ in scheduled(live)] == [Kind.INJECT]
    assert len(live.cluster.world.open_incidents()) == 1


def test_an_operators_fault_is_the_operators_to_cure():
    """The schedule adds none to it and takes it not away."""
    live = Live(schedule=Plan.ON, seed=3)
    live.cluster.change(Kind.INJECT, "redis_maxmemory_orphan_keys", "operator")
    live.cluster.advance(int(3 * CYCLE_S * SECOND))
    assert scheduled(live) == []


@pytest.mark.parametrize("fault", [FAULTS[name] for name in TASK_FAULTS], ids=lambda fault: fault.name)
def test_the_cure_it_finds_is_the_owners(fault):
    """The remediation belongs to the team that owns the repair."""
    cure = right_cure(fault, 3, 20.0, 1.0)
    assert cure is not None
    assert REMEDIATIONS[cure].team == fault.team


def restored(cluster: Cluster) -> None:
    """Bring everything back, a minute after another, until nothing is left to do."""
    for _ in range(12):
        cluster.run_for(60)
        if not restore_declared(cluster):
            break
    cluster.run_for(60)


@pytest.mark.parametrize("fault", [FAULTS[name] for name in TASK_FAULTS], ids=lambda fault: fault.name)
def test_restoring_what_is_declared_ends_any_incident(fault):
    """Without knowing which it is."""
    cluster = Cluster(seven_services(), 8)
    cluster.run_for(120)
    fault.inject(cluster)
    cluster.run_for(300)
    restored(cluster)
    cluster.run_for(420)
    restored(cluster)
    assert is_safe(cluster, fault)
    assert drift(cluster) == []


def test_restoring_undoes_every_remediation():
    """All of them at once."""
    cluster = Cluster(seven_services(), 8)
    cluster.run_for(60)
    for remediation in REMEDIATIONS.values():
        remediation.apply(cluster)
        cluster.run_for(20)
    restored(cluster)
    assert drift(cluster) == []
    cluster.run_for(600)
    assert cluster.alerts.firing(Severity.PAGE) == []


def test_a_cluster_as_declared_has_nothing_to_restore():
    """Healthy time leaves no drift."""
    cluster = Cluster(seven_services(), 8)
    cluster.run_for(900)
    before = cluster.snapshot()
    assert drift(cluster) == []
    assert cluster.snapshot() == before
