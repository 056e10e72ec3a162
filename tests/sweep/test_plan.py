"""Which episodes a sweep has, in which order, and which it cannot have."""

from __future__ import annotations

import pytest

from env.models import MAX_SEED
from env.sweep import Sweep, SweepRefused


def described(sweep: Sweep, number: int) -> tuple:
    episode = sweep.episode(number)
    return (
        episode.options.noise,
        episode.options.arrival_rate_hz,
        episode.seed,
        episode.task,
        episode.policy,
    )


def test_the_policies_of_one_world_follow_each_other():
    """The order is by noise, rate, seed, task and policy, each in the order in which it was listed."""
    sweep = Sweep(
        tasks=("task_hard", "task_easy"),
        policies=("spam", "nothing"),
        seeds=range(5, 7),
        noises=(2, 0.5),
        rates_hz=(50, 20),
    )
    expected = [
        (noise, rate, seed, task, policy)
        for noise in (2.0, 0.5)
        for rate in (50.0, 20.0)
        for seed in (5, 6)
        for task in ("task_hard", "task_easy")
        for policy in ("spam", "nothing")
    ]
    assert [described(sweep, number) for number in range(sweep.size)] == expected


def test_the_largest_seed_and_the_longest_range_are_fine():
    """Nothing counts up to them."""
    sweep = Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(MAX_SEED + 1))
    assert sweep.size == 2**63
    assert sweep.episode(sweep.size - 1).seed == MAX_SEED


def test_what_is_listed_twice_is_played_once():
    """Also where it is written in two ways."""
    sweep = Sweep(tasks=("task_easy",) * 2, policies=("nothing",), seeds=range(1), noises=(1, 1.0, 0.0, -0.0))
    assert sweep.size == 2
    assert str(sweep.episode(1).options.noise) == "0.0"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tasks": ()}, "no tasks"),
        ({"policies": ()}, "no policies"),
        ({"tasks": ("task_impossible",)}, "unknown task 'task_impossible'"),
        ({"policies": ("hope",)}, "unknown policy 'hope'"),
        ({"policies": ("no.such.module:hope",)}, "cannot be imported"),
        ({"policies": ("tests.sweep.deadly:MARK",)}, "is nothing that makes a policy"),
        ({"seeds": range(5, 1)}, "there is no seed in 5:1"),
        ({"seeds": range(0, 9, 3)}, "there is no seed"),
        ({"seeds": range(-1, 3)}, "seeds go from 0"),
        ({"seeds": range(2**63, 2**63 + 1)}, "seeds go from 0"),
        ({"noises": ()}, "no noises"),
        ({"noises": (4.0,)}, "noise 4.0"),
        ({"noises": (float("nan"),)}, "noise nan"),
        ({"rates_hz": (20.0, 501.0)}, "arrival_rate_hz 501.0"),
        ({"reward_mode": "gold"}, "reward_mode gold"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(wrong, words):
    """When the sweep is described, before any work."""
    told = {"tasks": ("task_easy",), "policies": ("nothing",), "seeds": range(1)} | wrong
    with pytest.raises(SweepRefused, match=words):
        Sweep(**told)
