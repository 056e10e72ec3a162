"""What the shipped policies score over the first incidents of the test split: floor, ceiling, and what lies between."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import mean
from typing import Any

import pytest

from cluster_sim import FAULTS
from env.sweep import Row, Sweep
from env.sweep.episode import Player
from env.version import version

INCIDENTS = range(200)
FEWER = range(0, 200, 4)
"""Incidents for the policies that change something with nearly every action: each takes as long as all others."""

BLIND = ("nothing", "first_listed", "look_only", "all_clear", "all_clear_after_looking")
RECKLESS = ("spam", "keyword_salad", "random_valid", "restart_everything")
"""Policies that read nothing of what they are shown."""
OTHERS = ("alert_follower", "twins_fix", "rule_based", "oracle")


def sweeps() -> Iterator[Sweep]:
    """What is played: those that change much on one incident in four."""
    for index in INCIDENTS:
        policies = (*BLIND, *OTHERS, *(RECKLESS if index in FEWER else ()))
        yield Sweep(policies=policies, tasks=["generated"], seeds=range(index, index + 1), split="test")


def played_by(sweep: Sweep) -> list[dict[str, Any]]:
    """The rows of one incident."""
    player = Player(sweep, version())
    found = [player.play(number) for number in range(sweep.size)]
    return [json.loads(row.json()) for row in found if isinstance(row, Row)]


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> dict[str, Sequence[dict[str, Any]]]:
    """The rows of every policy; they are played once, by whichever test process comes first."""
    folder = tmp_path_factory.getbasetemp().parent
    kept = folder / "baselines.jsonl"
    with (folder / "baselines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with ProcessPoolExecutor(2, get_context("spawn")) as pool:
                told = [json.dumps(row) for found in pool.map(played_by, sweeps()) for row in found]
            kept.write_text("\n".join(told))
    found = [json.loads(line) for line in kept.read_text().splitlines()]
    policies = (*BLIND, *RECKLESS, *OTHERS)
    return {policy: [row for row in found if row["policy"] == policy] for policy in policies}


def score(found: Sequence[dict]) -> float:
    return mean(row["score"] for row in found)


def test_every_episode_was_played_and_graded_in_full(played):
    for policy, found in played.items():
        assert len(found) == len(FEWER if policy in RECKLESS else INCIDENTS)
        assert {row["outcome"] for row in found} == {"played"}, (policy, [row["failure"] for row in found])
        assert {row["grading"] for row in found} == {"full"}


def test_doing_nothing_about_an_incident_is_worth_nothing(played):
    hurt = [row for row in played["nothing"] if not FAULTS[row["fault"]].harmless]
    assert len(hurt) > 100
    assert max(row["score"] for row in hurt) <= 0.05


@pytest.mark.parametrize("policy", [*BLIND, *RECKLESS])
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
    best_blind = max(score(played[policy]) for policy in (*BLIND, *RECKLESS, "alert_follower"))
    assert best_blind + 0.2 < score(played["rule_based"]) < score(played["oracle"])
