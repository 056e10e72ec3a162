"""Courses of action in one incident."""

from __future__ import annotations

import pytest

from cluster_sim import harm, nanoseconds
from env.assessment import Yardsticks
from env.assessment.courses import Course, Order
from env.assessment.yardstick import Yardstick
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions

OPTIONS = EpisodeOptions(grading="full")


@pytest.fixture(scope="module")
def yardstick() -> Yardstick:
    return Yardstick("task_easy", 1, OPTIONS)


def test_a_course_asked_for_piece_by_piece_is_the_same_as_at_once(yardstick):
    page = yardstick.page
    piecemeal, whole = Course(yardstick.cluster()), Course(yardstick.cluster())
    ends = [page + nanoseconds(seconds) for seconds in (60, 61, 180, 300)]
    assert [piecemeal.bad_minutes(page, end) for end in ends] == [whole.bad_minutes(page, end) for end in ends]
    assert piecemeal.bad_minutes(page, ends[-1]) == whole.bad_minutes(page, ends[-1]) > 0


def test_a_course_with_an_order_is_what_an_episode_with_that_fix_lives_through(yardstick):
    environment = IncidentEnvironment()
    environment.reset("task_easy", 1, OPTIONS)
    environment.step(Action(action_type=ActionType.NO_OP))
    began = environment.cluster.now
    environment.step(Action(action_type=ActionType.APPLY_FIX, target="restart_postgres"))
    environment.step(Action(action_type=ActionType.NO_OP))
    until = environment.cluster.now - nanoseconds(45)
    course = Course(yardstick.cluster(), [Order(fix="restart_postgres", began=began)])
    lived = harm(environment.cluster, yardstick.page, until).bad_minutes
    assert course.bad_minutes(yardstick.page, until) == pytest.approx(lived)
    assert lived > yardstick.nothing.bad_minutes(yardstick.page, until)


def test_the_reference_spares_users_most_of_what_nobodys_acting_costs_them(yardstick):
    end = yardstick.page + nanoseconds(900)
    nothing = yardstick.nothing.bad_minutes(yardstick.page, end)
    assert yardstick.reference.bad_minutes(yardstick.page, end) < nothing / 2
    assert yardstick.unit_minutes > nothing / 2


def test_episodes_of_the_same_world_share_a_yardstick_whatever_they_are_paid_by():
    kept = Yardsticks(most=2)
    one = kept.of("task_easy", 1, OPTIONS)
    assert kept.of("task_easy", 1, EpisodeOptions(reward_mode="sparse", grading="full")) is one
    assert kept.of("task_easy", 2, OPTIONS) is not one
    assert kept.of("task_easy", 1, EpisodeOptions(noise=0.5)) is not one
    assert kept.of("task_easy", 1, OPTIONS) is not one, "the longest unused has gone"
