"""Rewards add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.environment.conftest import act, begun

MOVES = st.sampled_from(
    [
        ("investigate", "redis-cache", None),
        ("investigate", "payment-service", None),
        ("escalate", "infra-team", {"root_cause": "redis-cache", "mechanism": "memory_exhaustion"}),
        ("escalate", "network-team", None),
        ("apply_fix", "restart_config_service", None),
        ("apply_fix", "flush_redis_cache", None),
        ("postmortem", None, "The memory of redis-cache was full and redis refused every write with an OOM error."),
        ("no_op", None, None),
    ]
)


@settings(max_examples=8)
@given(moves=st.lists(MOVES, min_size=15, max_size=15))
def test_shaped_rewards_add_up_to_the_score(moves):
    """On any trajectory, to the last digit shown."""
    environment = begun("task_medium", reward_mode="shaped")
    rewards = []
    for move in moves:
        rewards.append(act(environment, *move).reward)
        if environment.done:
            break
    assert environment.done
    assert sum(rewards) == pytest.approx(environment.state()["score"], abs=1e-9)


def test_every_positive_event_is_paid_once():
    """Doing the right thing twice does not pay twice."""
    environment = begun("task_medium")
    assert act(environment, "investigate", "redis-cache").reward == 0.20
    assert act(environment, "investigate", "redis-cache").reward == 0
    assert act(environment, "escalate", "infra-team").reward == 0.30
    assert act(environment, "escalate", "infra-team").reward == 0
    assert act(environment, "apply_fix", "flush_redis_cache").reward == 0.40
    assert act(environment, "apply_fix", "flush_redis_cache").reward == -0.15
