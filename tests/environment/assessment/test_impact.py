"""What users suffered in an episode."""

from __future__ import annotations

import pytest

from cluster_sim import WarmUps, bad_minutes, nanoseconds
from env.assessment import Yardsticks
from env.assessment.courses import Course, Order
from env.assessment.impact import collateral, lived
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions

WARM_UPS, YARDSTICKS = WarmUps(), Yardsticks()
NOTE = Action(action_type=ActionType.POSTMORTEM, details="We leave it at that.")
FIX = Action(action_type=ActionType.APPLY_FIX, target="increase_db_connections")
RESTART = Action(action_type=ActionType.APPLY_FIX, target="restart_postgres")
PAGE_OWNER = Action(action_type=ActionType.ESCALATE, target="database-team")


def breakdown(*actions: Action) -> dict:
    """Of an episode with these actions, and notes until it is over."""
    environment = IncidentEnvironment(WARM_UPS, YARDSTICKS)
    environment.reset("task_easy", 1, EpisodeOptions(grading="full"))
    left = iter(actions)
    while not environment.done:
        environment.step(next(left, NOTE))
    return environment.state()["breakdown"]


def test_who_leaves_an_incident_to_itself_leaves_users_to_it():
    """Though the episode took no time at all."""
    harm = breakdown()["harm"]
    assert harm["excess"] == 1.0
    assert harm["actual"] == pytest.approx(harm["nothing"], abs=1e-4)


def test_what_was_done_in_vain_counts_as_well():
    """The episode is over minutes before the span is; what a restart has done to users is in the figure."""
    yardstick = YARDSTICKS.of("task_easy", 1, EpisodeOptions(grading="full"), WARM_UPS)
    told = breakdown(RESTART)
    assert told["gate"]["resolved"] is False
    assert told["harm"]["actual"] > 1.1 * yardstick.nothing.bad_minutes(
        yardstick.page, yardstick.page + nanoseconds(300)
    )
    assert told["harm"]["actual"] != pytest.approx(told["harm"]["nothing"], abs=1e-3)


def test_a_prompt_repair_is_as_good_as_the_reference():
    assert breakdown(PAGE_OWNER, FIX)["harm"]["excess"] == pytest.approx(0.0, abs=0.02)


def test_what_a_change_costs_is_told_by_the_same_episode_without_it():
    """Lived through from the page, whatever is kept of the worlds on the way."""
    yardstick = YARDSTICKS.of("task_easy", 1, EpisodeOptions(grading="full"), WARM_UPS)
    environment = IncidentEnvironment(WARM_UPS, YARDSTICKS)
    environment.reset("task_easy", 1, EpisodeOptions(grading="full"))
    wait = Action(action_type=ActionType.NO_OP)
    for action in (wait, RESTART, wait, RESTART, FIX, PAGE_OWNER, NOTE):
        environment.step(action)
    assert environment.done
    scene = environment.scene
    fixes = scene.record.fixes
    life = lived(scene, yardstick)
    costs = [change.bad_minutes for change in collateral(yardstick, scene, life)]
    for left_out, fix in enumerate(fixes):
        until = min(fix.done + nanoseconds(180), fix.began + nanoseconds(120), life.until)
        others = [fix for number, fix in enumerate(fixes) if number != left_out and fix.began < until]
        without = Course(yardstick.cluster(), [Order(fix=fix.name, began=fix.began) for fix in others])
        cost = bad_minutes(life.outcomes, fix.began, until) - without.bad_minutes(fix.began, until)
        assert costs[left_out] == pytest.approx(cost)
    restarts, repair = costs[:2], costs[2]
    assert repair is not None
    assert max(cost or 0.0 for cost in restarts) > 0.05 > 0.0 > repair


def test_each_minute_of_waiting_costs():
    waits = [Action(action_type=ActionType.NO_OP)] * 5
    excess = [breakdown(*waits[:count], FIX, PAGE_OWNER)["harm"]["excess"] for count in (3, 5)]
    assert 0.0 < excess[0] < excess[1] < 1.0
