"""task_id=generated: episodes at an address."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from cluster_sim import DIFFICULTIES, FAULTS, SIZE, Mechanism
from cluster_sim.generator import VERSION, Address, Split, draw
from env.environment import IncidentEnvironment
from env.errors import BadRequest
from env.models import HARDEST, LAST_INDEX, Action, ActionType, EpisodeOptions


def first(harmless: bool) -> int:
    """An index of the train split whose incident needs a repair, or needs none."""
    return next(i for i in range(200) if draw(Address(split=Split.TRAIN, index=i)).root.harmless is harmless)


def test_the_wire_knows_the_bounds_of_the_generator():
    assert (SIZE - 1, DIFFICULTIES[-1]) == (LAST_INDEX, HARDEST)


@pytest.mark.parametrize("wrong", [{"split": "canary"}, {"index": -1}, {"index": SIZE}, {"difficulty": 6}])
def test_an_address_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        EpisodeOptions(**wrong)


@pytest.mark.parametrize("option", [{"split": "test"}, {"index": 0}, {"difficulty": 1}])
def test_a_fixed_task_has_no_address(option):
    with pytest.raises(BadRequest, match="only task generated"):
        IncidentEnvironment().reset("task_easy", 0, EpisodeOptions(**option))


def test_without_an_index_the_seed_stands_for_one():
    by_seed, by_index = IncidentEnvironment(), IncidentEnvironment()
    page = by_seed.reset("generated", 4, EpisodeOptions(split="test"))
    again = by_index.reset("generated", 77, EpisodeOptions(split="test", index=4))
    assert page == again
    assert by_index.state()["episode_id"] == by_seed.state()["episode_id"] == f"generated-v{VERSION}-test-4"


BY_THE_TABLE = EpisodeOptions(grading="table")


def test_who_finds_repairs_and_escalates_earns_all_of_it():
    environment = IncidentEnvironment()
    environment.reset("generated", first(harmless=False), BY_THE_TABLE)
    fault = FAULTS[environment.task.fault]
    cause = {"root_cause": fault.service, "mechanism": str(fault.mechanism)}
    actions = [
        Action(action_type=ActionType.INVESTIGATE, target=fault.service),
        Action(action_type=ActionType.ESCALATE, target=fault.team, details=cause),
        *(Action(action_type=ActionType.APPLY_FIX, target=fix) for fix in fault.repairs[0]),
    ]
    for action in actions:
        assert not environment.done
        environment.step(action)
    assert environment.done
    assert environment.state()["score"] == 0.99
    assert environment.state()["truth"]["fault"] == fault.name


def test_until_it_is_done_an_episode_does_not_hold_its_truth():
    environment = IncidentEnvironment()
    page = environment.reset("generated", 1)
    told = f"{page.model_dump()}{environment.state()}{environment.info()}"
    for name in set(FAULTS) - set(Mechanism):  # which are published
        assert not re.search(rf"(?<![a-z_]){name}(?![a-z_])", told)


def test_where_nothing_is_to_be_repaired_saying_so_is_right_and_touching_it_is_not():
    index = first(harmless=True)
    report = Action(
        action_type=ActionType.POSTMORTEM, details={"mechanism": str(Mechanism.NO_INCIDENT), "text": "No incident."}
    )
    calm, busy = IncidentEnvironment(), IncidentEnvironment()
    for environment in (calm, busy):
        environment.reset("generated", index, BY_THE_TABLE)
    calm.step(report)
    assert calm.done
    assert calm.state()["score"] == 0.99
    busy.step(Action(action_type=ActionType.APPLY_FIX, target="restart_postgres"))
    busy.step(report)
    assert busy.state()["score"] < 0.6
