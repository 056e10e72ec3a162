"""The client of the environment's API against a scripted server."""

import pytest

from env.models import Action, ActionType
from env.policies import EnvironmentClient
from env.policies.errors import ActionRefused, EnvironmentRefused, EnvironmentUnavailable
from tests.policies.loopback import StoryServer, send, serving

LOOK = Action(action_type=ActionType.INVESTIGATE, target="postgres-db")


@pytest.fixture
def served():
    server = StoryServer()
    with serving(server.handle) as url, EnvironmentClient(url, pause=lambda seconds: None) as client:
        yield server, client


def test_an_episode_is_played_in_the_session_that_reset_opened(served):
    server, client = served
    assert client.reset("task_easy", 11).task_id == "task_easy"
    assert server.environment.seed == 11
    seen = client.step(LOOK)
    assert (seen.step, seen.reward, seen.done) == (1, 0.1, False)
    assert "FATAL" in seen.logs["postgres-db"][0]
    assert server.environment.actions == [LOOK]
    assert client.state()["step_count"] == 1


def test_a_refused_action_a_refused_task_and_a_broken_server_are_told_apart(served):
    server, client = served
    with pytest.raises(EnvironmentRefused, match="no such task"):
        client.reset("task_unknown", 0)
    client.reset("task_easy", 0)
    server.refusals = 1
    with pytest.raises(ActionRefused, match="422: target: refused"):
        client.step(LOOK)
    server.fail_at_step = 1
    with pytest.raises(EnvironmentUnavailable, match="500"):
        client.step(LOOK)


def test_a_reset_waits_for_a_server_that_is_full_and_a_step_is_sent_once():
    asked = []
    story = StoryServer()

    def handle(handler, body):
        asked.append(handler.path)
        if asked.count("/reset") < 3 or handler.path == "/step":
            send(handler, 503, {"detail": "every session is in use"})
        else:
            story.handle(handler, body)

    pauses: list[float] = []
    with serving(handle) as url, EnvironmentClient(url, pause=pauses.append) as client:
        client.reset("task_easy", 0)
        with pytest.raises(EnvironmentUnavailable):
            client.step(LOOK)
    assert asked == ["/reset", "/reset", "/reset", "/step"]
    assert len(pauses) == 2


def test_where_no_server_is_the_client_gives_up_after_a_few_tries():
    with serving(lambda handler, body: None) as url:
        pass
    pauses: list[float] = []
    with EnvironmentClient(url, pause=pauses.append) as client, pytest.raises(EnvironmentUnavailable):
        client.reset("task_easy", 0)
    assert 1 <= len(pauses) < 10


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://localhost:1"])
def test_an_address_that_is_none_is_an_unavailable_environment(url):
    client = EnvironmentClient(url, pause=lambda seconds: None)
    with client, pytest.raises(EnvironmentUnavailable):
        client.reset("task_easy", 0)


@pytest.mark.parametrize(
    "answer", [b"<html>", [], {"session_id": "s"}, {"session_id": "s", "observation": {"step": "x"}}]
)
def test_an_answer_of_another_shape_is_an_unavailable_environment(answer):
    with (
        serving(lambda handler, body: send(handler, 200, answer)) as url,
        EnvironmentClient(url) as client,
        pytest.raises(EnvironmentUnavailable),
    ):
        client.reset("task_easy", 0)


def test_fields_that_a_later_server_adds_are_passed_over():
    story = StoryServer()

    def handle(handler, body):
        seen = story.environment.reset("task_easy", 0).model_dump(mode="json", exclude={"reward", "done"})
        send(
            handler,
            200,
            {"observation": {**seen, "later": 1}, "reward": 0.5, "done": True, "session_id": "s"},
        )

    with serving(handle) as url, EnvironmentClient(url) as client:
        observation = client.reset("task_easy", 0)
    assert (observation.reward, observation.done) == (0.5, True)


def test_a_second_episode_is_played_in_the_same_session_or_in_a_new_one_where_that_is_gone():
    story = StoryServer()
    resets = []
    gone = False

    def handle(handler, body):
        session = handler.headers.get("X-Session-Id")
        resets.append(session)
        if gone and session is not None:
            send(handler, 404, {"detail": "session_id: no such session"})
        else:
            story.handle(handler, body)

    with serving(handle) as url, EnvironmentClient(url) as client:
        client.reset("task_easy", 0)
        client.reset("task_medium", 0)
        assert resets == [None, "session-1"]
        gone = True
        assert client.reset("task_hard", 0).task_id == "task_hard"
    assert resets == [None, "session-1", "session-1", None]
