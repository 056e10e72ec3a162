"""An episode from its page to its end."""

from __future__ import annotations

import pytest

from cluster_sim import REMEDIATIONS, SERVICES, TEAMS
from env.environment import IncidentEnvironment
from env.errors import BadRequest, EpisodeOver, NotReset, UnknownTask
from env.models import Action, ActionType
from env.tasks import TASKS
from tests.environment.conftest import PLANS, act, begun


def test_the_first_observation_is_taken_at_the_page(task_id):
    """Something that users feel is firing; nothing was looked at yet; every service is on the dashboard."""
    environment = IncidentEnvironment()
    observation = environment.reset(task_id, 1)
    assert observation.step == 0
    assert observation.reward is None
    assert any(line.startswith("[FIRING:1] High") for line in observation.alerts)
    assert observation.logs == {}
    assert set(observation.metrics) == set(SERVICES)
    assert observation.metadata["minutes_since_page"] == 0


def test_the_action_list_is_the_whole_catalogue_whatever_the_incident(task_id):
    """Every service, team and remediation is offered, and the list does not depend on the task."""
    offered = begun(task_id).step(Action(action_type=ActionType.NO_OP)).available_actions
    expected = {f"investigate:{name}" for name in SERVICES} | {f"escalate:{name}" for name in TEAMS}
    expected |= {f"apply_fix:{name}" for name in REMEDIATIONS} | {"postmortem:<text>", "no_op"}
    assert set(offered) == expected
    assert offered == act(begun("task_easy"), "no_op").available_actions


def test_another_seed_lists_the_actions_in_another_order():
    """So that the first of a kind is no hint."""
    assert (
        act(begun("task_easy", 1), "no_op").available_actions != act(begun("task_easy", 2), "no_op").available_actions
    )


@pytest.mark.parametrize("task_id", PLANS)
def test_the_right_plan_earns_full_marks_and_ends_the_episode(task_id):
    """Evidence, owner, repair and postmortem: .99, and the truth is shown at the end."""
    environment = begun(task_id)
    for step in PLANS[task_id]:
        assert not environment.done
        observation = act(environment, *step)
    assert observation.done
    assert environment.state()["score"] == 0.99
    assert environment.state()["truth"]["root_cause"] == TASKS[task_id].root.service
    with pytest.raises(EpisodeOver):
        act(environment, "no_op")


def test_the_order_of_repair_escalation_and_postmortem_does_not_matter():
    """The incident is over when all three are there."""
    looked, told, fixed, explained = PLANS["task_medium"]
    environment = begun("task_medium")
    for step in (looked, fixed, explained):
        assert not act(environment, *step).done
    assert act(environment, *told).done
    assert environment.state()["score"] == 0.99


def test_nothing_done_ends_at_the_step_limit_with_the_lowest_score(task_id):
    """And every minute of waiting is charged."""
    environment = begun(task_id)
    rewards = []
    while not environment.done:
        rewards.append(act(environment, "no_op").reward)
    assert len(rewards) == TASKS[task_id].max_steps
    assert rewards[:3] == [-0.10, -0.10, -0.20]
    assert rewards[-1] == pytest.approx(-0.25)
    assert environment.state()["score"] == 0.01


def test_the_state_of_a_running_episode_holds_no_truth(task_id):
    """Neither score nor cause before the end."""
    environment = begun(task_id)
    act(environment, "investigate", "redis-cache")
    state = environment.state()
    assert not {"score", "breakdown", "truth"} & set(state)
    assert not {"score", "breakdown", "truth"} & set(environment.info())


def test_time_passes_as_the_contract_says():
    """Investigate 30 s, escalate 60 s, no_op 60 s, postmortem 0 s; a fix its own time, and 60 s to the next scrape."""
    environment = begun("task_medium")

    def minutes(*step):
        return act(environment, *step).metadata["minutes_since_page"]

    assert minutes("investigate", "auth-service") == 0.5
    assert minutes("escalate", "network-team") == 1.5
    assert minutes("no_op") == 2.5
    assert minutes("postmortem", None, "We do not know yet what the matter is.") == 2.5
    fix = REMEDIATIONS["reset_load_balancer"]
    settled = minutes("apply_fix", fix.name)
    assert 2.5 + (fix.duration_s + 60) / 60 <= settled <= 2.5 + (fix.duration_s + 75) / 60 + 0.01


@pytest.mark.parametrize(
    ("kind", "target"), [("investigate", "mysql"), ("escalate", "sales"), ("apply_fix", "pray"), ("investigate", None)]
)
def test_an_unknown_target_is_refused_and_nothing_changes(kind, target):
    """It takes no step and no time, and the refusal names the field without repeating the value."""
    environment = begun("task_easy")
    with pytest.raises(BadRequest, match=r"^target: ") as refusal:
        act(environment, kind, target)
    assert str(target) not in str(refusal.value)
    assert environment.state()["step_count"] == 0
    assert act(environment, "no_op").metadata["minutes_since_page"] == 1


def test_a_step_before_any_reset_and_an_unknown_task_are_refused():
    """They are errors of the caller's."""
    with pytest.raises(NotReset):
        act(IncidentEnvironment(), "no_op")
    with pytest.raises(UnknownTask):
        IncidentEnvironment().reset("task_impossible", 1)


def test_an_irrelevant_service_is_paid_once():
    """The second look at it is worth nothing."""
    environment = begun("task_easy")
    assert act(environment, "investigate", "config-service").reward == 0.05
    assert act(environment, "investigate", "config-service").reward == 0
