"""Intervals that respect clusters, and the chance that all of k trials pass."""

from __future__ import annotations

from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from env.evaluate import all_pass, clustered, pass_hat
from env.sweep.statistics import bootstrap


def test_the_mean_is_that_of_all_episodes():
    """A fault with more episodes counts more; the interval lies around it within the data."""
    told = clustered([0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"])
    assert told.mean == 0.75
    assert (told.low, told.high) == (0.0, 1.0)
    assert clustered([0.2, 0.4, 0.9], ["a", "b", "c"]) == clustered([0.2, 0.4, 0.9], ["x", "y", "z"])


def test_one_fault_says_nothing_of_others():
    """However many episodes it has, there is no interval."""
    told = clustered([0.1, 0.9] * 50, ["a"] * 100)
    assert told.mean == pytest.approx(0.5)
    assert told.low is told.high is None


def test_where_every_episode_has_a_fault_of_its_own_it_is_the_usual_bootstrap():
    """To the accuracy of two thousand resamples."""
    values = [round(value, 2) for value in np.random.default_rng(5).beta(2, 1, size=200)]
    told = clustered(values, range(200))
    counts = {value: values.count(value) for value in values}
    assert (told.low, told.high) == pytest.approx(bootstrap(counts), abs=0.006)


def test_episodes_that_are_alike_within_a_fault_make_no_interval_narrower():
    """Ten copies of every episode are no more evidence."""
    scores = [0.1, 0.2, 0.5, 0.8, 0.9, 0.99]
    once = clustered(scores, range(6))
    often = clustered([score for score in scores for _ in range(10)], [fault for fault in range(6) for _ in range(10)])
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def experiment(draws: np.random.Generator, faults: int, spread: float) -> tuple[list[float], list[int]]:
    """Scores of three to eight episodes of each fault, about a level of the fault's own around 0.6."""
    values, clusters = [], []
    for fault in range(faults):
        level = 0.6 + spread * draws.standard_normal()
        for _ in range(draws.integers(3, 9)):
            values.append(level + 0.1 * draws.standard_normal())
            clusters.append(fault)
    return values, clusters


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    """On clustered data about 95 times of 100; one that takes episodes for independent far less often."""
    draws = np.random.default_rng(11)
    runs, covered, naive = 400, 0, 0
    for _ in range(runs):
        values, clusters = experiment(draws, faults=40, spread=0.2)
        told = clustered(values, clusters)
        assert told.low is not None
        assert told.high is not None
        covered += told.low <= 0.6 <= told.high
        error = np.std(values) / sqrt(len(values))
        naive += abs(np.mean(values) - 0.6) <= 1.96 * error
    assert 0.91 <= covered / runs <= 0.98
    assert naive / runs < 0.75


@pytest.mark.parametrize(("trials", "passed"), [(1, 0), (1, 1), (4, 2), (5, 3), (6, 6), (6, 1)])
def test_the_chance_that_k_trials_pass_is_the_share_of_choices_that_do(trials, passed):
    """Against every choice of k trials, one by one."""
    outcomes = [True] * passed + [False] * (trials - passed)
    for k in range(1, trials + 1):
        choices = list(combinations(outcomes, k))
        assert all_pass(trials, passed, k) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_the_estimate_is_unbiased():
    """Over every outcome of five trials that pass with a chance of .7, its mean is .7 to the k."""
    chance, trials = 0.7, 5
    for k in range(1, trials + 1):
        expected = 0.0
        for number in range(2**trials):
            passed = number.bit_count()
            expected += chance**passed * (1 - chance) ** (trials - passed) * all_pass(trials, passed, k)
        assert expected == pytest.approx(chance**k)


def test_pass_hat_is_the_mean_over_incidents():
    """For as many trials as each of them has."""
    assert pass_hat([[True, True], [True, False]]) == pytest.approx((0.75, 0.5))
    assert pass_hat([[True], [True, False, True]]) == pytest.approx(((1 + 2 / 3) / 2,))
    assert pass_hat([[False]]) == (0.0,)
