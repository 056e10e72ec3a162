"""What remediations cost where nothing is wrong, and the page that says so."""

from __future__ import annotations

import pytest

from cluster_sim import FAULTS, REMEDIATIONS
from cluster_sim.costs import HealthyWorld, head, row
from cluster_sim.reference import COSTS


@pytest.fixture(scope="module")
def world() -> HealthyWorld:
    """The world of the page."""
    return HealthyWorld()


@pytest.fixture(scope="module")
def committed(root) -> list[str]:
    """The lines of the page."""
    return (root / "docs" / "reference" / COSTS).read_text(encoding="utf-8").splitlines()


SAMPLE = ("restart_postgres", "scale_out_payment_service", "expand_redis_volume", "drain_node_3", "shed_load")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_row_of_the_committed_page_is_what_is_measured(name, world, committed):
    """Written by `python -m cluster_sim reference`; a sample, so that it stays quick."""
    assert row(world.cost(REMEDIATIONS[name])) in committed


def test_every_remediation_has_its_row_below_the_same_head(committed):
    """In the order of the catalogue, and no fault is named."""
    lines = list(head())
    assert committed[: len(lines)] == lines
    assert [line.split(" | ")[0].removeprefix("| ") for line in committed[len(lines) :]] == list(REMEDIATIONS)
    assert [name for name in FAULTS if any(name in line.split() for line in committed)] == []


def test_dangerous_ones_show(world):
    """Half the users turned away are half the minutes lost; open doors hurt nobody yet, and break what must hold."""
    shed = world.cost(REMEDIATIONS["shed_load"])
    assert 4.5 < shed.bad_minutes < 5.0
    assert shed.broken == ("nobody_turned_away",)
    unsigned = world.cost(REMEDIATIONS["disable_token_verification"])
    assert unsigned.bad_minutes == pytest.approx(0, abs=0.02)
    assert unsigned.broken == ("signatures_verified",)


def test_a_change_of_nothing_costs_nothing(world):
    """The world with it is, request by request, the one without."""
    idle = world.cost(REMEDIATIONS["admit_all_traffic"])
    assert (idle.bad_minutes, idle.usd_per_hour, idle.broken) == (0, 0, ())
    assert idle.took_s >= REMEDIATIONS["admit_all_traffic"].duration_s + 60


def test_cutting_every_session_costs_more_than_restarting_pods_in_turn(world):
    """A fast shutdown of the database is felt; a rolling restart of one of its clients is hardly."""
    database, pods = (world.cost(REMEDIATIONS[name]) for name in ("restart_postgres", "restart_payment_service"))
    assert database.bad_minutes > 0.05
    assert abs(pods.bad_minutes) < 0.02
    assert (database.usd_per_hour, pods.usd_per_hour) == (0, 0)
