"""What the shipped policies score over the first incidents of the test split: floor, ceiling, and what lies between."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from statistics import mean

import pytest

from cluster_sim import FAULTS
from env.sweep import Means, Sweep, rows

INCIDENTS = range(200)
BLIND = (
    "nothing",
    "spam",
    "first_listed",
    "keyword_salad",
    "look_only",
    "random_valid",
    "restart_everything",
    "all_clear",
    "all_clear_after_looking",
)
"""Policies that read nothing of what they are shown."""
OTHERS = ("alert_follower", "twins_fix", "rule_based", "oracle")


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> dict[str, Sequence[dict]]:
    """The rows of every policy; they are played once, by whichever test process comes first."""
    folder = tmp_path_factory.getbasetemp().parent
    kept = folder / "baselines.jsonl"
    with (folder / "baselines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            asked = Sweep(policies=[*BLIND, *OTHERS], tasks=["generated"], seeds=INCIDENTS, split="test")
            told = [json.dumps(row) for row in rows(asked, Means(workers=2))]
            kept.write_text("\n".join(told))
    found = [json.loads(line) for line in kept.read_text().splitlines()]
    return {policy: [row for row in found if row["policy"] == policy] for policy in (*BLIND, *OTHERS)}


def score(found: Sequence[dict]) -> float:
    return mean(row["score"] for row in found)


def test_every_episode_was_played_and_graded_in_full(played):
    for policy, found in played.items():
        assert len(found) == len(INCIDENTS)
        assert {row["outcome"] for row in found} == {"played"}, (policy, [row["failure"] for row in found])
        assert {row["grading"] for row in found} == {"full"}


def test_doing_nothing_about_an_incident_is_worth_nothing(played):
    hurt = [row for row in played["nothing"] if not FAULTS[row["fault"]].harmless]
    assert len(hurt) > 100
    assert max(row["score"] for row in hurt) <= 0.05


@pytest.mark.parametrize("policy", BLIND)
def test_who_reads_nothing_stays_low(played, policy):
    assert score(played[policy]) <= 0.15


def test_who_knows_the_truth_reaches_the_top_through_the_interface_alone(played):
    assert score(played["oracle"]) >= 0.95


def test_fixing_by_the_name_of_the_alert_is_not_enough(played):
    assert score(played["alert_follower"]) <= 0.3


def test_the_repair_of_a_twin_is_no_repair(played):
    assert score(played["twins_fix"]) <= 0.25
    assert max(row["score"] for row in played["twins_fix"] if not row["resolved"]) <= 0.25
    assert mean(row["resolved"] for row in played["twins_fix"]) <= 0.05


def test_reading_the_evidence_lies_between(played):
    best_blind = max(score(played[policy]) for policy in (*BLIND, "alert_follower"))
    assert best_blind + 0.2 < score(played["rule_based"]) < score(played["oracle"])
