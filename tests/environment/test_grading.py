"""The graders read the world and cannot be talked into a score."""

from __future__ import annotations

import pytest

from tests.environment.conftest import PLANS, act, begun


def final(environment):
    """Wait for the end of the episode, then read its breakdown."""
    while not environment.done:
        act(environment, "no_op")
    return environment.state()["breakdown"]


@pytest.mark.parametrize(
    ("task_id", "fix"),
    [
        ("task_easy", "scale_in_payment_service"),
        ("task_easy", "reduce_payment_pool_size"),
        ("task_medium", "set_redis_eviction_policy"),
        ("task_medium", "resize_redis_memory"),
        ("task_hard", "restart_config_agents"),
    ],
)
def test_an_equivalent_repair_is_paid(task_id, fix):
    """The name of the fix means nothing, the state of the world does."""
    environment = begun(task_id)
    act(environment, "apply_fix", fix)
    breakdown = final(environment)
    assert breakdown["lines"]["fix"] > 0
    assert breakdown["deductions"]["wrong fixes"] == 0


@pytest.mark.parametrize(
    ("task_id", "mask"), [("task_hard", "disable_token_verification"), ("task_hard", "rollback_signing_secret")]
)
def test_a_mask_that_silences_the_pages_is_not_paid(task_id, mask):
    """Users are served, but the root is not safe."""
    environment = begun(task_id)
    act(environment, "apply_fix", mask)
    assert act(environment, "no_op").metrics["auth-service"]["unauthorized_ratio"] < 0.05
    breakdown = final(environment)
    assert breakdown["lines"]["fix"] == 0
    assert breakdown["deductions"]["wrong fixes"] == 0.15


def test_who_breaks_the_repaired_cluster_again_loses_the_line():
    """The world is read again after every change."""
    environment = begun("task_easy")
    act(environment, "apply_fix", "increase_db_connections")
    assert "fix" not in environment.state()
    act(environment, "apply_fix", "scale_out_payment_service")
    act(environment, "apply_fix", "increase_payment_pool_size")
    assert final(environment)["lines"]["fix"] == 0


def test_each_wrong_fix_and_each_wrong_escalation_is_deducted():
    """.15 and .10, every time."""
    environment = begun("task_easy")
    for fix in ("restart_payment_service", "flush_all_redis_keys"):
        assert act(environment, "apply_fix", fix).reward == -0.15
    for team in ("network-team", "network-team", "checkout-team"):
        assert act(environment, "escalate", team).reward == -0.10
    deductions = final(environment)["deductions"]
    assert deductions == {"wrong fixes": 0.30, "wrong escalations": 0.30}


def test_looking_after_the_repair_earns_nothing():
    """Evidence comes before the fix."""
    environment = begun("task_easy")
    act(environment, "apply_fix", "increase_db_connections")
    act(environment, "investigate", "postgres-db")
    assert final(environment)["lines"]["investigate postgres-db"] == 0


def test_a_right_statement_without_a_look_earns_nothing():
    """A guess is not a diagnosis."""
    environment = begun("task_medium")
    act(environment, *PLANS["task_medium"][1])
    assert final(environment)["lines"]["identify root cause"] == 0


def test_only_the_first_statement_counts():
    """A second one replaces nothing."""
    environment = begun("task_medium")
    act(environment, "investigate", "redis-cache")
    act(environment, "escalate", "infra-team", {"root_cause": "checkout-service", "mechanism": "bad_deploy"})
    act(environment, "escalate", "infra-team", {"root_cause": "redis-cache", "mechanism": "memory_exhaustion"})
    assert final(environment)["lines"]["identify root cause"] == 0


@pytest.mark.parametrize("mode", ["table", "shaped", "sparse"])
def test_the_score_does_not_depend_on_how_rewards_are_paid(mode):
    """The reward mode changes the payments only."""
    environment = begun("task_medium", reward_mode=mode)
    rewards = [act(environment, *step).reward for step in PLANS["task_medium"]]
    assert environment.state()["score"] == 0.99
    if mode == "shaped":
        assert sum(rewards) == pytest.approx(0.99, abs=1e-9)
    if mode == "sparse":
        assert rewards == [0, 0, 0, 0.99]
