"""Addresses: what there is, what is refused, and that an address is one incident for ever."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import pytest

from cluster_sim import DIFFICULTIES, FAULTS, SIZE, Address, InvalidAddress, Split, UnknownName, twins_of
from cluster_sim.generator import VERSION, Blueprint, draw
from cluster_sim.generator.blueprint import NO_FAULT_SHARE
from cluster_sim.generator.splits import HELD_OUT_FAMILIES, HELD_OUT_FAULTS, HELD_OUT_VARIANTS


def drawn(split: str, count: int) -> list[Blueprint]:
    return [draw(Address(split=Split(split), index=index)) for index in range(count)]


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"split": "canary"}, "split", "train, validation, test"),
        ({"index": -1}, "index", str(SIZE - 1)),
        ({"index": SIZE}, "index", str(SIZE - 1)),
        ({"difficulty": 0}, "difficulty", "1 to 5"),
        ({"difficulty": 6}, "difficulty", "1 to 5"),
        ({"noise": -0.1}, "noise", "0 to 3"),
        ({"noise": float("nan")}, "noise", "0 to 3"),
        ({"rate_hz": 4.0}, "arrival_rate_hz", "5 to 500"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(wrong, field, told):
    with pytest.raises(InvalidAddress) as refused:
        Address(**{"split": "train", "index": 0, **wrong})
    assert refused.value.field == field
    assert told in str(refused.value)
    assert "canary" not in str(refused.value)


def test_an_address_is_one_draw_and_every_other_address_another():
    assert drawn("test", 50) == drawn("test", 50)
    seeds = {blueprint.seed for split in Split for blueprint in drawn(split, 3_000)}
    assert len(seeds) == 9_000
    near = [Address(split=Split.TEST, index=7, **more) for more in ({}, {"difficulty": 3}, {"noise": 0.5})]
    assert len({draw(address).seed for address in near}) == 3
    assert len({address.name for address in near}) == 3


DRAWN = {2: "9b0f0de43ba6f0e78a01e08bd7082aef"}
"""Version of the generator → digest of what is drawn for the first addresses of each split."""


def test_an_address_means_the_same_for_ever_under_its_version():
    """Whoever changes what is drawn (a fault more, another range) gives the generator another version."""
    told = "".join(repr(blueprint) for split in Split for blueprint in drawn(split, 100))
    assert blake2b(told.encode(), digest_size=16).hexdigest() == DRAWN[VERSION]


def test_a_fault_strikes_each_of_its_places_and_no_other():
    """What is drawn is the fault there: its service, and twins that strike there as well."""
    struck = {(blueprint.fault, blueprint.service) for blueprint in drawn("train", 1_500)}
    for fault in {name for name, _ in struck}:
        assert {service for name, service in struck if name == fault} == set(FAULTS[fault].places)
    for name, service in struck:
        there = FAULTS[name].at(service)
        assert (there.name, there.service) == (name, service)
        twins = twins_of(there)
        assert all(twin.service == service for twin in twins if service in FAULTS[twin.name].places)
    with pytest.raises(UnknownName):
        FAULTS["bad_image_deploy"].at("redis-cache")


def test_another_attempt_is_another_world_of_the_same_fault():
    address = Address(split=Split.TRAIN, index=3)
    first, second = draw(address, 0), draw(address, 1)
    assert first.seed != second.seed
    assert (first.fault, first.difficulty) == (second.fault, second.difficulty)


@pytest.mark.parametrize("split", Split)
def test_a_split_holds_what_no_other_holds_out(split):
    blueprints = drawn(split, 1_500)
    faults = {blueprint.fault for blueprint in blueprints}
    families = {FAULTS[fault].family for fault in faults}
    variants = {blueprint.variant for blueprint in blueprints}
    for other in HELD_OUT_FAULTS:
        mine = other is split
        assert mine or not faults & HELD_OUT_FAULTS[other]
        assert mine or not families & HELD_OUT_FAMILIES[other]
        assert mine or not variants & HELD_OUT_VARIANTS[other]


@pytest.mark.parametrize("split", Split)
def test_the_shares_of_a_split(split):
    """Every fault and difficulty comes, and 15 to 20 % of incidents are none."""
    blueprints = drawn(split, 3_000)
    harmless = sum(blueprint.root.harmless for blueprint in blueprints) / len(blueprints)
    assert abs(harmless - NO_FAULT_SHARE) < 0.02
    assert 0.15 <= harmless <= 0.20
    by_difficulty = Counter(blueprint.difficulty for blueprint in blueprints)
    assert set(by_difficulty) == set(DIFFICULTIES)
    assert min(by_difficulty.values()) > 0.15 * len(blueprints)


def test_difficulty_brings_noise_and_decoys():
    means = []
    for difficulty in DIFFICULTIES:
        blueprints = [draw(Address(split=Split.TRAIN, index=i, difficulty=difficulty)) for i in range(200)]
        means.append((blueprints[0].noise, sum(len(b.decoys) for b in blueprints) / 200))
        assert all(decoy.service != b.root.service for b in blueprints for decoy in b.decoys)
    assert means == sorted(means)
    assert means[0] == (0.5, 0.0)
    assert means[-1][1] > 2.5
