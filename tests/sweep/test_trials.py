"""Several trials of an incident, what full grading says of it, and who plays with the truth."""

from __future__ import annotations

import json

import pytest

from cluster_sim import Address, Split, build
from env.environment import IncidentEnvironment
from env.models import EpisodeOptions
from env.sweep import Episode, Row, Sweep, SweepRefused, play, read, run
from env.sweep.entrants import policy_seed
from env.sweep.episode import Player
from env.sweep.measured import measured
from env.version import version

FULL = {
    "grading": "full",
    "lines": {"mitigation": 0.31, "diagnosis": 0.2},
    "deductions": {"collateral": 0.05},
    "gate": {"resolved": True, "broken": []},
    "harm": {"actual": 3.5, "nothing": 11.0, "reference": 1.5, "excess": 0.210526},
    "collateral": [
        {"step": 3, "fix": "restart_redis", "bad_minutes": 1.25, "usd_per_hour": 0.0, "wrong": True},
        {"step": 4, "fix": "restart_postgres", "bad_minutes": 0.5, "usd_per_hour": 0.0, "wrong": True},
        {"step": 5, "fix": "flush_redis_cache", "bad_minutes": 7.0, "usd_per_hour": 0.0, "wrong": False},
    ],
}
"""A breakdown as full grading gives it."""


def test_only_a_policy_with_draws_of_its_own_plays_again():
    """The trials of one policy follow each other; whoever does the same every time plays once."""
    sweep = Sweep(tasks=("task_easy",), policies=("nothing", "random_valid", "oracle"), seeds=range(4, 6), trials=3)
    order = [(it.seed, it.policy, it.trial) for it in map(sweep.episode, range(sweep.size))]
    assert order == [
        (seed, *entrant)
        for seed in (4, 5)
        for entrant in (("nothing", 0), *(("random_valid", trial) for trial in range(3)), ("oracle", 0))
    ]


def test_the_first_trial_has_the_episodes_seed_and_each_further_one_another():
    """So that rows of one trial are as they always were."""
    seeds = [policy_seed(seed, trial) for seed in (0, 7) for trial in range(5)]
    assert (seeds[0], seeds[5]) == (0, 7)
    assert len(set(seeds)) == 10
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_trials_of_an_incident_begin_alike_and_go_on_apart():
    """The same world, and other actions."""
    rows = [
        play(Episode(options=EpisodeOptions(), seed=1, task="task_easy", policy="random_valid", trial=trial))
        for trial in (0, 1, 1)
    ]
    assert [row.trial for row in rows] == [0, 1, 1]
    assert rows[0].fault == rows[1].fault
    assert rows[0].actions != rows[1].actions
    assert rows[1].json() == rows[2].json()


@pytest.mark.parametrize("trials", [0, -1, 101])
def test_impossible_numbers_of_trials_are_refused(trials):
    """By name."""
    with pytest.raises(SweepRefused, match=f"{trials} trials are not between 1 and 100"):
        Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(1), trials=trials)
    with pytest.raises(SweepRefused, match="grading harsh"):
        Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(1), grading="harsh")


def test_a_row_holds_what_full_grading_measured(monkeypatch):
    """Harm in minutes of outage, that of wrong fixes apart, and whether the gate was passed."""
    monkeypatch.setattr(
        IncidentEnvironment, "_verdict", lambda self: {"score": 0.46, "breakdown": FULL} if self.done else {}
    )
    episode = Episode(options=EpisodeOptions(grading="full"), seed=1, task="task_easy", policy="first_listed")
    row = play(episode)
    assert (row.grading, row.resolved, row.lines, row.deductions) == ("full", True, FULL["lines"], FULL["deductions"])
    assert (row.bad_minutes, row.bad_minutes_nothing, row.bad_minutes_reference) == (3.5, 11.0, 1.5)
    assert (row.harm_excess, row.collateral_minutes) == (0.210526, 1.75)
    monkeypatch.setitem(FULL, "gate", {"resolved": False, "broken": ["data"]})
    assert play(episode).resolved is False


def test_what_was_not_measured_is_null():
    """By the table, and where the episode has not come to its end."""
    for grading in ({}, {"grading": "table"}):
        told = measured(grading)
        assert told.pop("grading") == grading.get("grading")
        assert set(told.values()) == {None}
    assert measured({"grading": "full", "collateral": []})["collateral_minutes"] == 0.0


@pytest.mark.parametrize("name", ["results.jsonl", "results.parquet"])
def test_both_formats_hold_what_was_measured(tmp_path, name, instant, sweep, monkeypatch):
    """And nulls where nothing was."""

    def graded(sweep: Sweep, number: int) -> bytes:
        episode = sweep.episode(number)
        told = measured(FULL) if number % 2 else measured({})
        row = Row(
            version=version(),
            noise=episode.options.noise,
            arrival_rate_hz=episode.options.arrival_rate_hz,
            reward_mode="table",
            seed=episode.seed,
            task=episode.task,
            policy=episode.policy,
            trial=episode.trial,
            difficulty_played=number % 5 + 1,
            outcome="played",
            **told,
        )
        return row.json()

    monkeypatch.setattr("tests.sweep.conftest.made_up", graded)
    instant()
    run(sweep, tmp_path / name)
    assert list(read(tmp_path / name)) == [json.loads(graded(sweep, number)) for number in range(sweep.size)]


def test_the_difficulty_played_is_the_incidents_own():
    """Whether one was asked for or not; a fixed task has none."""
    for seed, asked in ((17, None), (17, 2)):
        options = EpisodeOptions(split="test", difficulty=asked)
        row = play(Episode(options=options, seed=seed, task="generated", policy="first_listed"))
        drawn = build(Address(split=Split.TEST, index=seed, difficulty=asked)).blueprint
        assert (row.difficulty, row.difficulty_played) == (asked, drawn.difficulty)
        assert row.fault == drawn.fault
    assert play(Episode(options=EpisodeOptions(), seed=1, task="task_easy", policy="nothing")).difficulty_played is None


def test_a_policy_that_is_told_the_truth_changes_nothing_for_the_others():
    """Rows are the same beside it and alone."""
    sweep = Sweep(tasks=("task_easy",), policies=("oracle", "first_listed"), seeds=range(1, 2))
    player = Player(sweep, version())
    rows = [player.play(number) for number in range(sweep.size)]
    assert isinstance(rows[0], Row)
    assert rows[0].score == 0.99
    assert rows[0].steps == 3
    assert rows[1].json() == play(sweep.episode(1)).json()
