"""What a row says of its episode."""

from __future__ import annotations

import json
from dataclasses import fields
from hashlib import blake2b

import pytest

from env.environment import IncidentEnvironment
from env.errors import BadRequest
from env.models import Action, EpisodeOptions
from env.sweep import Episode, Row, play
from env.version import VERSION, version


def episode(policy: str, task: str = "task_easy", seed: int = 1, **options) -> Episode:
    return Episode(options=EpisodeOptions(**options), seed=seed, task=task, policy=policy)


@pytest.fixture(scope="module")
def solved() -> Row:
    """The rule-based agent on task_hard."""
    return play(episode("rule_based", "task_hard", arrival_rate_hz=10.0, reward_mode="shaped"))


def test_a_row_says_what_was_played_and_how_it_ended(solved):
    """Task, seed, options, policy; score, its parts, rewards and simulated time."""
    assert (solved.task, solved.seed, solved.policy) == ("task_hard", 1, "rule_based")
    assert (solved.noise, solved.arrival_rate_hz, solved.reward_mode) == (1.0, 10.0, "shaped")
    assert (solved.outcome, solved.failure, solved.done, solved.resolved) == ("played", None, True, True)
    assert solved.score == 0.99
    assert sum(solved.lines.values()) - sum(solved.deductions.values()) == pytest.approx(1.0)
    assert solved.total_reward == pytest.approx(solved.score)
    assert len(solved.rewards) == len(solved.actions) == solved.steps
    assert solved.simulated_s > 600 + solved.after_page_s > 600


def test_the_actions_of_a_row_replay_the_episode(solved):
    """The same observations to the byte, the same rewards, the same score."""
    environment = IncidentEnvironment()
    digest = blake2b(digest_size=16)
    options = EpisodeOptions(arrival_rate_hz=10.0, reward_mode="shaped")
    digest.update(environment.reset(solved.task, solved.seed, options).model_dump_json().encode() + b"\n")
    for action in json.loads(solved.json())["actions"]:
        digest.update(environment.step(Action(**action)).model_dump_json().encode() + b"\n")
    state = environment.state()
    assert (digest.hexdigest(), state["score"]) == (solved.observations, solved.score)
    assert state["rewards"] == solved.rewards


def test_a_row_is_a_line_of_plain_ascii(solved):
    """It holds every column, in the declared order, whatever an agent has said."""
    line = solved.json()
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert list(json.loads(line)) == [column.name for column in fields(Row)]


def test_a_world_in_which_nobody_is_paged_is_a_row(monkeypatch):
    """It has no score."""

    def quiet(*_):
        raise BadRequest("seed: nobody is paged in this world with these options; take another seed")

    monkeypatch.setattr(IncidentEnvironment, "reset", quiet)
    row = play(episode("nothing"))
    assert (row.outcome, row.score, row.steps, row.observations) == ("nobody_paged", None, 0, None)
    assert row.failure is None


def test_a_policy_that_fails_is_a_row_with_the_lowest_score():
    """What it did until then is there, and why it failed, in one line."""
    row = play(episode("tests.sweep.deadly:Clumsy"))
    assert (row.outcome, row.score, row.done, row.steps) == ("failed", 0.01, False, 1)
    assert row.failure == "ZeroDivisionError: it cannot go on"


def test_the_version_is_the_projects_and_names_its_code(root):
    """As pyproject.toml has it."""
    assert f'version = "{VERSION}"' in (root / "pyproject.toml").read_text(encoding="utf-8")
    assert version().startswith(f"{VERSION}+")
