"""The policies that read nothing."""

import itertools

import pytest

from env.models import Action, ActionType
from env.policies import POLICIES, deterministic
from env.policies.blind import NOTHING_MORE
from tests.policies.stories import ACTIONS, FIXES, SERVICES, TEAMS, StoryEnvironment

BLIND = [name for name in POLICIES if name not in ("rule_based", "alert_follower")]


def taken(name, steps, seed=0, first_alert="[FIRING:1] HighErrorRate payment-service"):
    policy = POLICIES[name](seed)
    observation = StoryEnvironment().reset("task_easy", 0).model_copy(update={"alerts": [first_alert]})
    return [policy.act(observation) for _ in range(steps)]


@pytest.mark.parametrize("name", BLIND)
def test_a_blind_policy_acts_the_same_whatever_is_paged(name):
    assert taken(name, 40) == taken(name, 40, first_alert="[RESOLVED] Calm auth-service")


@pytest.mark.parametrize("name", POLICIES)
def test_every_instance_starts_afresh_and_is_named_as_listed(name):
    assert POLICIES[name](0) is not POLICIES[name](0)
    assert POLICIES[name](0).name.replace("-", "_") == name
    assert taken(name, 5) == taken(name, 5)


def test_nothing_does_nothing():
    assert taken("nothing", 20) == [Action(action_type=ActionType.NO_OP)] * 20


def test_spam_does_everything_in_the_listed_order_and_begins_again():
    actions = taken("spam", len(ACTIONS) + 1)
    spelled = [f"{a.action_type}:{a.target}" if a.target else a.action_type.value for a in actions]
    assert spelled[:-3] == ACTIONS[:-2]
    assert spelled[-3:] == ["postmortem", "no_op", ACTIONS[0]]


def test_first_listed_takes_the_first_of_each_kind_and_then_waits():
    look, escalate, fix, write, *rest = taken("first_listed", 8)
    assert (look.target, escalate.target, fix.target) == (SERVICES[0], TEAMS[0], FIXES[0])
    assert SERVICES[0] in write.details
    assert all(action == NOTHING_MORE for action in rest)


def test_keyword_salad_names_every_service_and_then_tries_the_fixes():
    escalate, write, *fixes = taken("keyword_salad", 2 + len(FIXES))
    for salad in (escalate.details, write.details):
        assert all(service in salad for service in SERVICES)
        assert all(word in salad for word in ("OOM", "connection limit", "partial rollout"))
    assert [fix.target for fix in fixes] == list(FIXES)


def test_look_only_reads_every_service_once_and_then_waits():
    actions = taken("look_only", 12)
    assert [action.target for action in actions[:7]] == list(SERVICES)
    assert all(action == NOTHING_MORE for action in actions[7:])


def test_restart_everything_restarts_what_the_list_lets_it_and_says_so():
    page, *fixes, write = taken("restart_everything", 3)
    assert page.target == TEAMS[0]
    assert [fix.target for fix in fixes] == [fix for fix in FIXES if fix.startswith("restart_")]
    assert write.action_type is ActionType.POSTMORTEM


def test_all_clear_says_at_once_that_nothing_is_wrong():
    write, *rest = taken("all_clear", 5)
    assert (write.action_type, write.details["mechanism"]) == (ActionType.POSTMORTEM, "no_incident")
    assert (write.details["confidence"], write.details["evidence"]) == (0.5, ["0/alerts/0"])
    assert all(action == NOTHING_MORE for action in rest)


def test_all_clear_after_looking_has_looked_at_every_service_first():
    *looks, write = taken("all_clear_after_looking", len(SERVICES) + 1)
    assert [look.target for look in looks] == list(SERVICES)
    said = write.details
    assert isinstance(said, dict)
    assert said["mechanism"] == "no_incident"
    assert [claim["cites"] for claim in said["claims"]] == [
        [f"{step}/logs/{service}/59"] for step, service in enumerate(SERVICES[:3], 1)
    ]


def test_random_valid_draws_from_the_list_and_from_its_seed():
    actions = taken("random_valid", 200, seed=3)
    assert actions == taken("random_valid", 200, seed=3)
    assert actions != taken("random_valid", 200, seed=4)
    assert {action.action_type for action in actions} == set(ActionType)
    targets = {entry.partition(":")[2] for entry in ACTIONS}
    assert all(action.target in targets for action in actions if action.target is not None)


def test_only_policies_without_draws_are_said_to_do_the_same_whatever_their_seed():
    for name in POLICIES:
        assert deterministic(name) is (taken(name, 30, seed=3) == taken(name, 30, seed=4)), name
    assert not deterministic("model:any")
    assert not deterministic("my_agents.cautious:Cautious")


def test_random_policies_of_two_episodes_do_not_disturb_each_other():
    alone = taken("random_valid", 10, seed=1)
    observation = StoryEnvironment().reset("task_easy", 0)
    one, other = POLICIES["random_valid"](1), POLICIES["random_valid"](2)
    interleaved = [(one.act(observation), other.act(observation)) for _ in range(10)]
    assert list(itertools.chain(pair[0] for pair in interleaved)) == alone
