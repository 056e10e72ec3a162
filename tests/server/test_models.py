"""The wire types check themselves, whoever makes them."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from env.models import Action, ActionType, EpisodeOptions, Observation, bounded_json


def test_importing_the_models_loads_neither_web_framework_nor_simulator():
    loaded = "import sys, env.models; print(*{name.split('.')[0] for name in sys.modules})"
    names = set(subprocess.check_output([sys.executable, "-c", loaded], text=True).split())
    assert names.isdisjoint({"fastapi", "starlette", "simpy", "networkx", "numpy", "cluster_sim"})


@pytest.mark.parametrize(
    "details",
    [{"a": float("nan")}, {"a": "\ud800"}, "\ud800", {1: "a"}, {"a": object()}, {"a": 2**63}, 5, b"x"],
)
def test_an_action_made_in_python_is_bounded_too(details):
    with pytest.raises(ValidationError):
        Action(action_type=ActionType.NO_OP, details=details)
    with pytest.raises(ValidationError):
        Action(action_type=ActionType.NO_OP, target="\ud800")


def test_details_may_be_as_deep_and_wide_as_said():
    bounded_json([[[[[[[1]]]]]]])
    bounded_json([0] * 999)
    with pytest.raises(ValueError, match="nested at most 8"):
        bounded_json([[[[[[[[1]]]]]]]])
    with pytest.raises(ValueError, match="at most 1000 values"):
        bounded_json([0] * 1_000)


def test_an_actions_metadata_is_accepted_and_not_kept_in_its_record():
    action = Action(action_type=ActionType.NO_OP, metadata={"trace": 1})
    assert action.model_dump() == {"action_type": "no_op", "target": None, "details": None}


def test_an_observation_never_holds_nan():
    infinite = float("inf")
    observation = Observation(
        step=0,
        alerts=[],
        logs={},
        metrics={"a": {"b": float("nan"), "c": [infinite, (1.5,)]}},
        available_actions=[],
        message="",
        task_id="task_easy",
        task_description="",
        metadata={"d": -infinite},
    )
    dumped = json.loads(observation.model_dump_json())
    assert observation.metrics == {"a": {"b": None, "c": [None, [1.5]]}}
    assert (dumped["metrics"], dumped["metadata"]) == (observation.metrics, {"d": None})
    with pytest.raises(ValidationError):
        Observation(**{**observation.model_dump(), "reward": float("nan")})


def test_options_are_frozen_and_bounded():
    with pytest.raises(ValidationError):
        EpisodeOptions().noise = 2
    for wrong in ({"noise": 3.1}, {"arrival_rate_hz": 4}, {"reward_mode": "x"}, {"read_api": 1}, {"x": 1}):
        with pytest.raises(ValidationError):
            EpisodeOptions(**wrong)
