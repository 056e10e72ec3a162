"""What policies score on the real environment: those that read, and those that do not."""

from __future__ import annotations

from statistics import mean

import pytest

from env.evaluate import Played, play, summary
from env.tasks import TASKS

BLIND_SEEDS = range(200, 208)


@pytest.mark.parametrize("first", range(0, 100, 20))
@pytest.mark.parametrize("task_id", TASKS)
def test_the_rule_based_agent_earns_full_marks_on_every_seed(task_id, first):
    """It reads observations only, and scores .99 on seeds 0 to 99."""
    scores = {seed: play("rule_based", task_id, seed).score for seed in range(first, first + 20)}
    assert {seed: score for seed, score in scores.items() if score != 0.99} == {}


@pytest.mark.parametrize("task_id", TASKS)
def test_doing_nothing_earns_nothing(task_id):
    """At most .05."""
    assert max(play("nothing", task_id, seed).score for seed in BLIND_SEEDS) <= 0.05


@pytest.mark.parametrize("policy", ["spam", "first_listed", "keyword_salad", "random_valid"])
@pytest.mark.parametrize("task_id", TASKS)
def test_policies_that_read_nothing_stay_low(policy, task_id):
    """At most .15 on average."""
    assert mean(play(policy, task_id, seed).score for seed in BLIND_SEEDS) <= 0.15


@pytest.mark.parametrize("policy", ["restart_everything", "all_clear"])
@pytest.mark.parametrize("task_id", TASKS)
def test_neither_do_restarts_and_reassurance_earn_anything(policy, task_id):
    """At most .15 on average of a few."""
    assert mean(play(policy, task_id, seed).score for seed in BLIND_SEEDS[:2]) <= 0.15


@pytest.mark.parametrize("task_id", TASKS)
def test_looking_at_everything_keeps_its_lines_and_no_more(task_id):
    """At most .30."""
    assert max(play("look_only", task_id, seed).score for seed in BLIND_SEEDS[:3]) <= 0.30


def test_the_summary_shows_mean_lowest_and_highest():
    """Per policy and task."""
    played = [Played("p", "t", seed, score, 1) for seed, score in enumerate((0.2, 0.4))]
    assert "| p | 0.300 (0.20 to 0.40) | 0.300 |" in list(summary(played))
