"""Whatever is changed in a record is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields
from functools import partial
from typing import Any

import pytest

from env.episode import Read
from env.models import Action, EpisodeOptions
from env.trajectory import Trajectory, Whole
from env.version import version

from .conftest import judged, line, recorded, sealed

FIELDS: dict[str, Any] = {
    "format": "incident-trajectory/2",
    "version": "0.0.9+0123456789ab",
    "episode_id": "task_easy-2",
    "task_id": "task_medium",
    "seed": 2,
    "options": {"noise": 1.0, "arrival_rate_hz": 20.0},
    "policy": "somebody-else",
    "actions": [],
    "reads": [],
    "observations": ["0" * 32],
    "answers": [],
    "rewards": [0.99],
    "done": False,
    "score": 0.9900000000000001,
    "breakdown": {},
    "truth": {},
    "whole": {"observations": [], "answers": []},
    "checksum": "0" * 32,
}
OPTIONS: dict[str, Any] = {
    "noise": 0.5,
    "arrival_rate_hz": 10.5,
    "split": "test",
    "index": 3,
    "difficulty": 1,
    "reward_mode": "shaped",
    "grading": "table",
    "read_api": True,
    "attach": "live",
}
WITHOUT_EFFECT = {"options.grading", "options.read_api"}
"""The same episode: this task is graded by the table anyway, and looking elsewhere leaves no trace."""
ACTION: dict[str, Any] = {"action_type": "no_op", "target": "redis-cache", "details": {"promql": "up"}}
READ: dict[str, Any] = {"after_step": 1, "tool": "list_alerts", "arguments": {"service": "payment-service", "limit": 6}}


def test_every_field_is_forged_somewhere():
    """A new field needs its forgery here."""
    assert FIELDS.keys() == {field.name for field in fields(Trajectory)}
    assert OPTIONS.keys() == EpisodeOptions.model_fields.keys()
    assert ACTION.keys() == Action.model_fields.keys() - {"metadata"}
    assert READ.keys() == {field.name for field in fields(Read)}
    assert {field.name for field in fields(Whole)} == {"observations", "answers"}


def changed(*path: Any, to: Any = None) -> dict[str, Any]:
    """The record with another value at a place; numbers are changed a little, and texts altogether."""
    record = deepcopy(recorded().plain())
    parent = record
    for part in path[:-1]:
        parent = parent[part]
    before = parent[path[-1]]
    parent[path[-1]] = before + 0.000001 if to is None and isinstance(before, float) else "0" * 32 if to is None else to
    assert parent[path[-1]] != before
    return record


def leaves(value: dict[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    """Where the values are inside an object."""
    for key, child in value.items():
        if isinstance(child, dict):
            yield from leaves(child, *path, key)
        else:
            yield (*path, key)


SINGLE: dict[str, Callable[[], dict[str, Any]]] = {
    **{name: partial(changed, name, to=value) for name, value in FIELDS.items()},
    **{f"options.{name}": partial(changed, "options", name, to=value) for name, value in OPTIONS.items()},
    **{f"action.{name}": partial(changed, "actions", 1, name, to=value) for name, value in ACTION.items()},
    **{f"read.{name}": partial(changed, "reads", 0, name, to=value) for name, value in READ.items()},
    **{f"observation {step}": partial(changed, "observations", step) for step in range(5)},
    **{f"answer {read}": partial(changed, "answers", read) for read in range(3)},
    **{f"reward {step}": partial(changed, "rewards", step) for step in range(4)},
}
TRUSTED = {"policy", *WITHOUT_EFFECT}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_forged_field_is_refused(name):
    """The line is not verified, and what is wrong is said."""
    verdict = judged(line(SINGLE[name]()))
    assert verdict.outcome != "verified"
    assert verdict.differences or verdict.reason


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in {"checksum", "version", *TRUSTED}])
def test_a_forger_who_makes_the_checksum_too_is_refused(name):
    """Since all of it follows from what was played."""
    verdict = judged(sealed(SINGLE[name]()))
    assert verdict.outcome == ("unreadable" if name == "format" else "differs")
    assert "checksum" not in [difference.place for difference in verdict.differences]
    assert verdict.differences or verdict.reason


def test_every_part_of_the_breakdown_and_of_the_truth_is_compared():
    """Each line, each deduction, whatever else is there; the place that differs is named, and no other."""
    plain = recorded().plain()
    paths = [path for name in ("breakdown", "truth") for path in leaves(plain[name], name)]
    assert len(paths) > 6
    for path in paths:
        verdict = judged(sealed(changed(*path)))
        assert verdict.outcome == "differs"
        assert [difference.place for difference in verdict.differences] == [".".join(path)]


@pytest.mark.parametrize("name", sorted(TRUSTED))
def test_what_replaying_cannot_know_is_what_the_record_says(name):
    """Who played, and whether somebody looked elsewhere: that is a matter of trust, as the manual says."""
    assert judged(sealed(SINGLE[name]())).outcome == "verified"


def test_a_forged_score_is_named_with_the_true_one():
    """To the byte: the next number after it is another."""
    verdict = judged(line(SINGLE["score"]()))
    first = verdict.differences[0]
    assert (first.place, first.recorded, first.recomputed) == ("score", "0.9900000000000001", "0.99")


def reordered(change) -> dict[str, Any]:
    """The record with other steps."""
    record = deepcopy(recorded().plain())
    change(record)
    return record


def drop(record: dict[str, Any], *, consistently: bool) -> None:
    record["actions"].pop(0)
    if consistently:
        record["observations"].pop(1)
        record["rewards"].pop(0)


def add(record: dict[str, Any], *, where: int) -> None:
    record["actions"].insert(where, {"action_type": "no_op", "target": None, "details": None})
    record["observations"].insert(where + 1, "0" * 32)
    record["rewards"].insert(where, 0.0)


def swap(record: dict[str, Any], name: str) -> None:
    record[name][0], record[name][1] = record[name][1], record[name][0]


STEPS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a dropped action": lambda record: drop(record, consistently=False),
    "a dropped step": lambda record: drop(record, consistently=True),
    "the last step dropped": lambda record: [record[name].pop() for name in ("actions", "rewards")],
    "a step more": lambda record: add(record, where=1),
    "a step after the end": lambda record: add(record, where=4),
    "swapped actions": lambda record: swap(record, "actions"),
    "swapped observations": lambda record: swap(record, "observations"),
    "swapped reads": lambda record: swap(record, "reads"),
    "a dropped read": lambda record: [record[name].pop() for name in ("reads", "answers")],
    "an option left out": lambda record: record["options"].pop("arrival_rate_hz"),
    "a line of the score more": lambda record: record["breakdown"]["lines"].update(charm=0.1),
    "a line of the score less": lambda record: record["breakdown"]["lines"].pop("fix"),
    "a whole number for a number": lambda record: record["breakdown"]["deductions"].update({"wrong fixes": 0}),
}


@pytest.mark.parametrize("name", STEPS)
def test_other_steps_are_refused(name):
    """Even with a checksum that is right."""
    verdict = judged(sealed(reordered(STEPS[name])))
    assert verdict.outcome == "differs"
    assert verdict.differences


def test_a_step_after_the_end_is_named():
    """With what the environment says of it."""
    first = judged(sealed(reordered(STEPS["a step after the end"]))).differences[0]
    assert (first.place, first.reason) == ("actions[4]", "the episode is done; reset to start another")


def test_an_episode_that_ends_elsewhere_is_refused():
    """A record of what is not over, also one that says so."""
    for done in (True, False):
        record = reordered(lambda record: [record[name].pop() for name in ("actions", "observations", "rewards")])
        verdict = judged(sealed(record | {"done": done}))
        assert verdict.outcome == "differs"
        assert "done" in [difference.place for difference in verdict.differences]


def test_forged_observations_are_refused_where_they_are_whole():
    """Though their digests are right."""
    record = recorded(keep_whole=True).plain()
    record["whole"]["observations"][1]["message"] = "All is well."
    verdict = judged(sealed(record))
    assert [difference.place for difference in verdict.differences] == ["whole.observations[1].message"]


def test_a_record_of_another_version_is_verified_if_it_comes_to_the_same():
    """And the verdict names the version."""
    verdict = judged(sealed(SINGLE["version"]()))
    assert (verdict.outcome, verdict.recorded_by) == ("verified", FIELDS["version"])
    assert verdict.other_version
    assert not judged(recorded().json()).other_version
    assert judged(recorded().json()).recorded_by == version()


def test_a_record_of_another_version_that_comes_to_something_else_cannot_be_judged():
    """It may have been true of that version; unless it is damaged, which this one can say."""
    verdict = judged(sealed(SINGLE["score"]() | {"version": FIELDS["version"]}))
    assert verdict.outcome == "other_version"
    assert [difference.place for difference in verdict.differences] == ["score"]
    assert judged(sealed(SINGLE["task_id"]() | {"version": FIELDS["version"]})).outcome == "other_version"
    assert judged(line(SINGLE["score"]() | {"version": FIELDS["version"]})).outcome == "differs"
    assert judged(line(SINGLE["version"]())).outcome == "differs"
