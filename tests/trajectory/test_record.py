"""What a record holds, and that the same episode is the same bytes."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields
from hashlib import blake2b
from typing import Any

import pytest

from env.environment import IncidentEnvironment
from env.errors import BadRequest, EpisodeRunning, NoTrajectory, NotReset
from env.models import Action, ActionType, EpisodeOptions
from env.sessions import Call, Session
from env.sweep import Episode, play_recorded
from env.trajectory import FORMAT, Trajectory, export, parse, verify, with_whole
from env.version import version
from env.workers import Export, Reset, Step, UseTool

from .conftest import STORY, WORLDS, judged, played, recorded

GENERATED = EpisodeOptions(split="validation", difficulty=2, arrival_rate_hz=10.0)


def test_a_record_says_what_was_played_and_what_came_of_it():
    """Everything that `/state` says of the finished episode, and which code played it."""
    environment = played("task_easy", *STORY, arrival_rate_hz=10.0)
    state = environment.state()
    record = export(environment, policy="engineer").plain()
    for name in ("task_id", "seed", "episode_id", "options", "rewards", "score", "breakdown", "truth", "done"):
        assert record[name] == state[name], name
    assert record["actions"] == [action.model_dump(mode="json") for action in STORY if isinstance(action, Action)]
    assert [(read["after_step"], read["tool"]) for read in record["reads"]] == [
        (0, "search_logs"),
        (2, "golden_signals"),
        (2, "runbook"),
    ]
    assert (record["format"], record["version"], record["policy"]) == (FORMAT, version(), "engineer")
    assert record["score"] == 0.99


def test_the_digests_are_of_what_was_given_out():
    """Of the JSON of every observation, that of the reset first, and of every read's answer."""
    environment = IncidentEnvironment(WORLDS)
    seen = [environment.reset("task_easy", 1, EpisodeOptions(arrival_rate_hz=10.0))]
    for move in STORY:
        if isinstance(move, Action):
            seen.append(environment.step(move))
        else:
            environment.read(*move)
    record = export(environment)
    digests = [blake2b(shown.model_dump_json().encode(), digest_size=16).hexdigest() for shown in seen]
    assert list(record.observations) == digests
    assert len(record.answers) == len(record.reads) == 3
    assert record.whole is None


def test_the_same_episode_is_the_same_bytes():
    """Played twice, in branches, after a stay in a file; and a line is plain ASCII."""
    whole = recorded().json()
    environment = played("task_easy", *STORY[:3], arrival_rate_hz=10.0)
    for other in (environment.branch(), pickle.loads(pickle.dumps(environment)), environment):
        for move in STORY[3:]:
            if isinstance(move, Action):
                other.step(move)
            else:
                other.read(*move)
        assert export(other, policy="engineer").json() == whole
    assert whole.isascii()
    assert whole.count(b"\n") == 1
    assert whole.endswith(b"\n")
    assert list(json.loads(whole)) == [field.name for field in fields(Trajectory)]


def test_a_session_that_is_made_again_from_its_calls_exports_the_same_bytes():
    """As one that was parked, or whose worker process was lost."""

    def session():
        return Session("a" * 32, IncidentEnvironment(), 0.0)

    calls: list[Call] = [Reset("task_easy", 1, EpisodeOptions(arrival_rate_hz=10.0), "the-clients-own-name")]
    calls += [Step(move) if isinstance(move, Action) else UseTool(*move) for move in STORY]
    texts = []
    for _ in range(2):
        one = session()
        for call in calls:
            call(one)
        texts.append(Export()(one))
    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == export(played("task_easy", *STORY, arrival_rate_hz=10.0)).plain()


def test_whole_observations_are_kept_where_wanted():
    """Or made later, from the digests' record; verifying compares them as well."""
    record = recorded(keep_whole=True)
    assert record.whole is not None
    assert [shown["step"] for shown in record.whole.observations] == [0, 1, 2, 3, 4]
    assert record.whole.observations[-1]["done"] is True
    assert all(answer["time"].startswith("2025-03-14T09:") for answer in record.whole.answers)
    assert with_whole(recorded(), WORLDS) == record
    assert judged(record.json()).outcome == "verified"


def test_a_line_reads_back_as_the_same_record():
    """With and without observations."""
    for record in (recorded(), recorded(keep_whole=True)):
        assert parse(record.json()) == record
        assert parse(record.json()).json() == record.json()


@pytest.mark.parametrize(
    ("task", "policy", "options"),
    [
        ("task_easy", "rule_based", EpisodeOptions(arrival_rate_hz=10.0, reward_mode="sparse")),
        ("task_medium", "rule_based", EpisodeOptions(arrival_rate_hz=10.0, reward_mode="shaped")),
        ("task_hard", "random_valid", EpisodeOptions(arrival_rate_hz=10.0, noise=0.0)),
        ("generated", "rule_based", GENERATED),
        ("generated", "rule_based", GENERATED.model_copy(update={"reward_mode": "shaped"})),
    ],
)
def test_what_was_recorded_is_verified(task, policy, options):
    """Fixed tasks and a generated incident, in every reward mode; it agrees with the row of the sweep."""
    both = play_recorded(Episode(options=options, seed=1, task=task, policy=policy), WORLDS, whole=True)
    row, record = both.row, both.trajectory
    assert record is not None
    verdict = judged(record.json())
    assert (verdict.outcome, verdict.differences, verdict.reason) == ("verified", (), None)
    assert (row.score, row.rewards) == (record.score, list(record.rewards))
    assert [row.task, row.seed, row.policy, row.version] == [
        record.task_id,
        record.seed,
        record.policy,
        record.version,
    ]
    assert row.actions == [action.model_dump(mode="json", exclude_none=True) for action in record.actions]


def test_what_is_not_over_has_no_record():
    """Nor has what never began."""
    with pytest.raises(NotReset):
        export(IncidentEnvironment())
    with pytest.raises(EpisodeRunning):
        export(played("task_easy", *STORY[:-1], arrival_rate_hz=10.0))


def test_a_stay_on_the_live_cluster_has_no_record():
    """Nobody can play it again."""
    from env.live.cluster import LiveCluster
    from env.live.session import AttachedEnvironment
    from env.live.settings import LiveSettings, Plan

    live = LiveCluster(LiveSettings(live=True, schedule=Plan.OFF))
    environment = AttachedEnvironment(live, IncidentEnvironment())
    environment.reset("live", 0)
    with pytest.raises(EpisodeRunning):
        export(environment)
    environment.step(Action(action_type=ActionType.POSTMORTEM, details="Nothing was wrong."))
    assert environment.done
    with pytest.raises(NoTrajectory):
        export(environment)


def test_a_policys_name_is_short_text():
    """Or none at all."""
    environment = played("task_easy", *STORY, arrival_rate_hz=10.0)
    assert export(environment).policy is None
    assert verify(export(environment, policy="模型-7"), WORLDS).outcome == "verified"
    names: tuple[Any, ...] = ("x" * 256, "\ud800", 7)
    for name in names:
        with pytest.raises(BadRequest, match="policy"):
            export(environment, policy=name)
