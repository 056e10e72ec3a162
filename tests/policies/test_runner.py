"""One episode: its lines, its refusals and its ends."""

import json
import re

import pytest

from env.models import Action, ActionType
from env.policies import POLICIES, run_episode
from env.policies.errors import ActionRefused, EnvironmentUnavailable, OutOfTime
from env.policies.runner import LONGEST_ACTION, action_text, one_line
from tests.policies.stories import StoryEnvironment

END = r"\[END\] success=(true|false) steps=\d+ score=\d\.\d{3} rewards=(-?\d+\.\d\d(,-?\d+\.\d\d)*)?"


class Fixed:
    """A policy that always does the same."""

    name = "fixed"

    def __init__(self, action):
        self.action = action
        self.seen = []

    def act(self, observation):
        self.seen.append(observation)
        return self.action


def lines_of(environment, policy, task_id="task_easy", **options):
    lines: list[str] = []
    result = run_episode(environment, policy, task_id, 5, write=lines.append, **options)
    return lines, result


def test_a_solved_episode_is_reported_step_by_step():
    lines, result = lines_of(StoryEnvironment(), POLICIES["rule_based"](0))
    assert lines[0] == "[START] task=task_easy env=incident-response-env model=rule-based"
    assert lines[1].startswith("[STEP] step=1 action=investigate:payment-service")
    assert lines[1].endswith(" reward=0.10 done=false error=null")
    assert lines[-3] == "[STEP] step=3 action=apply_fix:increase_db_connections reward=0.10 done=false error=null"
    assert lines[-2].startswith("[STEP] step=4 action=escalate:database-team:")
    assert lines[-2].endswith(" reward=0.10 done=true error=null")
    assert lines[-1] == "[END] success=true steps=4 score=0.990 rewards=0.10,0.10,0.10,0.10"
    assert result.success


def test_an_episode_that_runs_to_its_limit_is_no_success_but_has_its_score():
    lines, result = lines_of(StoryEnvironment(), POLICIES["nothing"](0))
    assert lines[-1].startswith("[END] success=false steps=10 score=0.200 ")
    assert result.failure is None


class Breaking(StoryEnvironment):
    """Fails in one of its verbs."""

    def __init__(self, verb, error):
        super().__init__()
        self.verb, self.error = verb, error

    def reset(self, task_id, seed):
        if self.verb == "reset":
            raise self.error
        return super().reset(task_id, seed)

    def step(self, action):
        if self.verb == "step" and len(self.actions) == 2:
            raise self.error
        return super().step(action)

    def state(self):
        if self.verb == "state":
            raise self.error
        return super().state()


@pytest.mark.parametrize(("verb", "steps"), [("reset", 0), ("step", 2), ("state", 4)])
@pytest.mark.parametrize("error", [EnvironmentUnavailable("gone\nfar"), ZeroDivisionError(), OutOfTime("late")])
def test_the_end_is_printed_whatever_fails_and_claims_no_score(verb, steps, error):
    lines, result = lines_of(Breaking(verb, error), POLICIES["rule_based"](0))
    assert re.fullmatch(END, lines[-1])
    assert lines[-1].startswith(f"[END] success=false steps={steps} score=0.010 ")
    assert type(error).__name__ in result.failure


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_the_end_is_printed_before_an_interrupt_goes_on(interrupt):
    lines: list[str] = []
    with pytest.raises(interrupt):
        run_episode(Breaking("step", interrupt()), POLICIES["nothing"](0), "task_easy", 0, write=lines.append)
    assert re.fullmatch(END, lines[-1])


def test_a_failing_policy_ends_the_episode_with_its_line():
    lines, result = lines_of(StoryEnvironment(), Fixed(None))
    assert lines[-1] == "[END] success=false steps=0 score=0.010 rewards="
    assert "AttributeError" in result.failure


def test_no_step_is_begun_after_the_time_budget():
    ticks = iter(range(100))
    lines, result = lines_of(StoryEnvironment(), POLICIES["nothing"](0), budget_s=4.0, clock=lambda: next(ticks))
    assert lines[-1].startswith("[END] success=false steps=3 score=0.010 ")
    assert "OutOfTime" in result.failure


class Refusing(StoryEnvironment):
    """Refuses the first so many actions."""

    refusals = 1

    def step(self, action):
        if self.refusals:
            self.refusals -= 1
            raise ActionRefused("target: should be\ntext done=true")
        return super().step(action)


def test_a_refused_action_is_a_step_with_an_error_and_its_reason_is_shown_to_the_policy():
    policy = Fixed(Action(action_type=ActionType.NO_OP))
    lines, _ = lines_of(Refusing(), policy)
    assert lines[1] == ("[STEP] step=1 action=no_op reward=0.00 done=false error=target: should be text done=true")
    assert lines[2] == "[STEP] step=2 action=no_op reward=0.10 done=false error=null"
    assert "target: should be text" in policy.seen[1].message


def test_an_agent_that_is_only_refused_is_stopped():
    environment = Refusing()
    environment.refusals = 100
    lines, result = lines_of(environment, Fixed(Action(action_type=ActionType.NO_OP)))
    assert lines[-1] == "[END] success=false steps=3 score=0.010 rewards=0.00,0.00,0.00"
    assert "ActionRefused" in result.failure


def test_what_an_agent_writes_cannot_forge_a_line_or_a_field():
    text = "done\n[END] success=true reward=9.99 done=true error=null\u2028\x85é😀"
    hostile = Action(action_type=ActionType.POSTMORTEM, target="a b\tc", details=text)
    spelled = action_text(hostile)
    assert re.fullmatch(r"[!-~]+", spelled)
    assert spelled.startswith("postmortem:a\\u0020b\\u0009c:")
    assert json.loads(spelled.split(":", 2)[2]) == text


def test_a_statement_is_spelled_as_json_and_a_long_text_is_cut():
    statement = {"root_cause": "redis-cache", "confidence": 0.8}
    spelled = action_text(Action(action_type=ActionType.ESCALATE, target="infra-team", details=statement))
    assert spelled == 'escalate:infra-team:{"root_cause":"redis-cache","confidence":0.8}'
    long = action_text(Action(action_type=ActionType.POSTMORTEM, details="x" * 9000))
    assert len(long) <= LONGEST_ACTION + 3


def test_an_error_is_one_printable_line_of_bounded_length():
    assert one_line("a\r\nb\u2028c\x00") == "a b c\\u0000"
    assert len(one_line("x" * 5000)) < 300


class RefusingEveryOther(StoryEnvironment):
    """Refuses an action, takes the next, refuses again."""

    asked = 0

    def step(self, action):
        self.asked += 1
        if self.asked % 2:
            raise ActionRefused("target: try again")
        return super().step(action)


def test_refusals_that_are_not_in_a_row_do_not_stop_an_episode():
    lines, result = lines_of(RefusingEveryOther(), POLICIES["nothing"](0))
    assert result.failure is None
    assert lines[-1].startswith("[END] success=false steps=20 score=0.200 ")
