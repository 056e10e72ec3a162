"""The summary: means, intervals, quantiles and shares."""

from __future__ import annotations

import json

import pytest

from env.sweep import Summary, Sweep
from env.sweep.statistics import bootstrap, quantile, wilson
from tests.sweep.conftest import made_up


def summary_of(rows: list[dict]) -> list[str]:
    summary = Summary()
    for row in rows:
        summary.add(row)
    return list(summary.table())


def row(score: float | None, seed: int = 0, **other) -> dict:
    return {
        "policy": "spam",
        "task": "task_easy",
        "noise": 1.0,
        "arrival_rate_hz": 20.0,
        "outcome": "nobody_paged" if score is None else "played",
        "score": score,
        "resolved": bool(score and score > 0.5),
        "steps": 10,
    } | other


def test_a_share_has_wilsons_interval():
    """Published values for 0 of 10, 5 of 10 and 81 of 263."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_a_mean_has_a_bootstrapped_interval():
    """About 1.96 standard errors to each side of a large sample, nothing where all are alike, the same every time."""
    counts = {0.0: 700, 1.0: 300}
    low, high = bootstrap(counts)
    error = (0.3 * 0.7 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.3 - 1.96 * error, 0.3 + 1.96 * error), abs=0.003)
    assert bootstrap(counts) == (low, high)
    assert bootstrap({0.99: 12}) == pytest.approx((0.99, 0.99))


def test_quantiles_are_values_of_the_sample():
    """The smallest value that covers the share."""
    counts = {0.1: 1, 0.5: 2, 0.9: 1}
    assert [quantile(counts, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)] == [0.1, 0.1, 0.5, 0.5, 0.9]


def test_a_line_for_every_policy_and_task():
    """Mean, quantiles, resolved share and steps; noise and rate only where there are several."""
    table = summary_of([row(0.2), row(0.6), row(0.99, policy="rule_based")])
    assert table[0] == (
        "| policy | task | episodes | mean score (95 %) | 5 % | median | 95 % | resolved (95 %) | mean steps |"
    )
    assert table[2].startswith("| spam | task_easy | 2 | 0.400 (0.200 to 0.600) | 0.200 | 0.200 | 0.600 | 50.0% (")
    assert table[3].startswith("| rule_based | task_easy | 1 | 0.990 (0.990 to 0.990) |")
    varied = summary_of([row(0.2), row(0.2, noise=2.0)])
    assert "| noise |" in varied[0]
    assert "| spam | task_easy | 2 | 1 |" in varied[3]


def test_worlds_without_a_page_are_counted_apart():
    """They have no score, and are in no mean."""
    table = summary_of([row(None), row(0.4), row(None, task="task_hard")])
    assert table[0].endswith("| nobody paged |")
    assert table[2].startswith("| spam | task_easy | 1 | 0.400 (")
    assert table[2].endswith("| 1 |")
    assert table[3] == "| spam | task_hard | 0 | – | – | – | – | – | – | 1 |"


def test_what_is_kept_does_not_grow_with_the_episodes():
    """A thousand counts at most per line, and a mean that is exact."""
    sweep = Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(5000))
    rows = [json.loads(made_up(sweep, number)) for number in range(sweep.size)]
    summary = Summary()
    for one in rows:
        summary.add(one)
    (group,) = summary.groups.values()
    assert len(group.scores) <= 981
    assert group.mean == pytest.approx(sum(one["score"] for one in rows) / len(rows), abs=1e-12)
