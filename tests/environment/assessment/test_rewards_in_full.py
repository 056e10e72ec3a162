"""Rewards of episodes that are graded in full."""

from __future__ import annotations

import pytest

from cluster_sim import WarmUps
from env.assessment import Yardsticks
from env.environment import IncidentEnvironment
from env.models import EpisodeOptions
from env.policies import policy_factory

WARM_UPS, YARDSTICKS = WarmUps(), Yardsticks()


def played(index: int, reward_mode: str, policy: str = "random_valid") -> IncidentEnvironment:
    """An episode of the validation split, to its end."""
    environment = IncidentEnvironment(WARM_UPS, YARDSTICKS)
    agent = policy_factory(policy)(index)
    options = EpisodeOptions.model_validate({"split": "validation", "reward_mode": reward_mode})
    observation = environment.reset("generated", index, options)
    while not observation.done:
        observation = environment.step(agent.act(observation))
    return environment


@pytest.mark.parametrize("index", range(3))
def test_shaped_rewards_of_any_trajectory_add_up_to_the_score(index):
    state = played(index, "shaped").state()
    assert state["breakdown"]["grading"] == "full"
    assert sum(state["rewards"]) == pytest.approx(state["score"], abs=1e-9)


def test_shaped_rewards_of_a_good_trajectory_add_up_to_the_score():
    state = played(0, "shaped", "rule_based").state()
    assert state["score"] > 0.3
    assert sum(state["rewards"]) == pytest.approx(state["score"], abs=1e-9)


def test_a_sparse_reward_is_the_score_at_the_end():
    state = played(0, "sparse", "rule_based").state()
    assert state["rewards"][-1] == state["score"]
    assert set(state["rewards"][:-1]) <= {0.0}


def test_what_an_episode_is_paid_by_does_not_change_its_score():
    scores = {mode: played(1, mode).state()["score"] for mode in ("table", "shaped", "sparse")}
    assert len(set(scores.values())) == 1
