"""What the shipped policies score over the first incidents of the test split: floor, ceiling, and what lies between."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from cluster_sim import FAULTS
from env.sweep import Row, Sweep
from env.sweep.episode import Player
from env.version import version

INCIDENTS = range(200 if os.environ.get("CI") else 20)
"""Two hundred take an hour of one core: they are played where nobody waits."""
BLIND = ("nothing", "first_listed", "look_only", "all_clear", "all_clear_after_looking")
RECKLESS = ("spam", "keyword_salad", "random_valid", "restart_everything")
"""Policies that read nothing of what they are shown; the latter change something with nearly every action."""
OTHERS = ("alert_follower", "twins_fix", "rule_based", "oracle")
POLICIES = (*BLIND, *RECKLESS, *OTHERS)

BLOCK = 10
"""Incidents that a test process plays in one go."""


def rows_of(index: int) -> Iterator[dict[str, Any]]:
    """What comes of one incident."""
    sweep = Sweep(policies=POLICIES, tasks=["generated"], seeds=range(index, index + 1), split="test")
    player = Player(sweep, version())
    return (json.loads(row.json()) for row in map(player.play, range(sweep.size)) if isinstance(row, Row))


def play_block(first: int, folder: Path, *, wait: bool) -> Path | None:
    """Play some incidents, unless they were played; None if another process is at it, and is not waited for."""
    kept = folder / f"baselines-{first}.jsonl"
    with (folder / f"baselines-{first}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return None
        if not kept.exists():
            lines = [json.dumps(row) for index in INCIDENTS[first : first + BLOCK] for row in rows_of(index)]
            kept.write_text("\n".join(lines))
    return kept


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> dict[str, Sequence[dict[str, Any]]]:
    """The rows of every policy; the test processes that want them play them together, each with its own core."""
    folder = tmp_path_factory.getbasetemp().parent
    firsts = range(0, len(INCIDENTS), BLOCK)
    for first in firsts:
        play_block(first, folder, wait=False)
    files = [play_block(first, folder, wait=True) for first in firsts]
    found = [json.loads(line) for file in files if file is not None for line in file.read_text().splitlines()]
    return {policy: [row for row in found if row["policy"] == policy] for policy in POLICIES}


def score(found: Sequence[dict]) -> float:
    return mean(row["score"] for row in found)


def test_every_episode_was_played_and_graded_in_full(played):
    for policy, found in played.items():
        assert len(found) == len(INCIDENTS), policy
        assert {row["outcome"] for row in found} == {"played"}, (policy, [row["failure"] for row in found])
        assert {row["grading"] for row in found} == {"full"}


def test_doing_nothing_about_an_incident_is_worth_nothing(played):
    hurt = [row for row in played["nothing"] if not FAULTS[row["fault"]].harmless]
    assert len(hurt) > len(INCIDENTS) / 2
    assert max(row["score"] for row in hurt) <= 0.05


@pytest.mark.parametrize("policy", [*BLIND, *RECKLESS])
def test_who_reads_nothing_stays_low(played, policy):
    assert score(played[policy]) <= 0.15


def test_who_knows_the_truth_reaches_the_top_through_the_interface_alone(played):
    assert score(played["oracle"]) >= 0.95


def test_fixing_by_the_name_of_the_alert_is_not_enough(played):
    assert score(played["alert_follower"]) <= 0.3


def test_the_repair_of_a_twin_is_no_repair(played):
    """In any incident."""
    assert max(row["score"] for row in played["twins_fix"]) <= 0.25
    assert not any(row["resolved"] for row in played["twins_fix"])


def test_reading_the_evidence_lies_between(played):
    best_blind = max(score(played[policy]) for policy in (*BLIND, *RECKLESS, "alert_follower"))
    assert best_blind + 0.2 < score(played["rule_based"]) < score(played["oracle"])
