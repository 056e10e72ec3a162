"""A model behind an OpenAI-compatible server as a policy with a name."""

from __future__ import annotations

import pytest

from env.models import EpisodeOptions
from env.policies import PolicyUnavailable, UnknownPolicy, policy_factory
from env.policies.model import model_policy
from env.sweep import Episode, Sweep, SweepRefused, play
from tests.policies.loopback import ScriptedModel, serving

LOOK = '{"action_type": "investigate", "target": "postgres-db"}'


@pytest.fixture
def no_key(monkeypatch):
    """Nobody has a key."""
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "API_KEY"):
        monkeypatch.delenv(name, raising=False)


def asked(monkeypatch, model: ScriptedModel, policy: str = "model:scripted-1"):
    """The row of an episode in which a scripted server is asked."""
    with serving(model.handle) as address:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("API_BASE_URL", f"{address}/v1")
        monkeypatch.setenv("MODEL_RETRIES", "0")
        return play(Episode(options=EpisodeOptions(), seed=1, task="task_easy", policy=policy))


def test_its_answers_are_the_actions_of_the_row(monkeypatch):
    """The server is asked by the name behind the colon, once for each step."""
    model = ScriptedModel(say=lambda number: LOOK if number == 0 else '{"action_type": "no_op"}')
    row = asked(monkeypatch, model)
    assert (row.policy, row.outcome, row.done) == ("model:scripted-1", "played", True)
    assert row.actions[0] == {"action_type": "investigate", "target": "postgres-db"}
    assert row.score == pytest.approx(0.30)
    assert len(model.questions) == row.steps
    assert {question["model"] for question in model.questions} == {"scripted-1"}


def test_a_model_that_never_answers_has_failed(monkeypatch):
    """A row of waiting would be no score of the model's."""
    row = asked(monkeypatch, ScriptedModel(status=401))
    assert (row.outcome, row.score) == ("failed", 0.01)
    assert row.failure == "the model never gave an action: the model server answered 401"


@pytest.mark.usefixtures("no_key")
def test_without_a_key_it_is_refused_before_anything_is_played():
    """The refusal names the variables."""
    with pytest.raises(PolicyUnavailable, match="OPENAI_API_KEY, HF_TOKEN or API_KEY"):
        policy_factory("model:gpt-4o-mini")
    with pytest.raises(SweepRefused, match="needs a key"):
        Sweep(tasks=("task_easy",), policies=("model:gpt-4o-mini",), seeds=range(1))


def test_settings_that_make_no_sense_are_refused():
    """No name, no numbers."""
    with pytest.raises(UnknownPolicy, match="needs the name of a model"):
        model_policy(" ", {"API_KEY": "k"})
    with pytest.raises(UnknownPolicy, match="should be numbers"):
        model_policy("m", {"API_KEY": "k", "MODEL_TIMEOUT_S": "soon"})
