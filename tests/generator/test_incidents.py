"""Generated incidents brought to life."""

from __future__ import annotations

import pytest

from cluster_sim import Address, Severity, Split, WarmUps, build, exposition
from cluster_sim.generator.build import hurts


@pytest.mark.parametrize("index", range(12))
def test_somebody_is_paged_and_users_are_hurt_if_and_only_if_there_is_a_fault(index):
    generated = build(Address(split=Split(["train", "validation", "test"][index % 3]), index=index))
    incident = generated.incident
    assert incident.cluster.alerts.firing(Severity.PAGE)
    assert incident.onset < incident.paged
    assert hurts(incident) is not generated.blueprint.root.harmless


def test_an_address_is_one_incident_to_the_byte():
    address = Address(split=Split.VALIDATION, index=5, difficulty=5)
    warm_ups = WarmUps()
    pages = {exposition(build(address, kept).incident.cluster) for kept in (None, warm_ups, warm_ups)}
    assert len(pages) == 1
    assert warm_ups.hits == 1
