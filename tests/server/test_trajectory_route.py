"""GET /trajectory: the record of a finished episode, as the server played it."""

import json
from hashlib import blake2b

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from cluster_sim import WarmUps
from env.models import Action, EpisodeOptions
from env.playing import PARKED
from env.server import ServerSettings, create_app
from env.trajectory import verify_line
from tests.server_process import running_server

from .crowd import crowd
from .test_running_server import ask

NO_OP = {"action_type": "no_op"}
READ = {"name": "search_logs", "arguments": {"service": "postgres-db", "limit": 5}}
PLAN = (
    {"action_type": "investigate", "target": "postgres-db"},
    {"action_type": "escalate", "target": "database-team", "details": {"root_cause": "postgres-db", "confidence": 0.7}},
    {"action_type": "apply_fix", "target": "increase_db_connections"},
)
OPTIONS = {"task_id": "task_easy", "seed": 1, "arrival_rate_hz": 10.0}


def refusal(response):
    body = response.json()
    assert set(body) == {"detail", "code"}
    return response.status_code, body["code"]


def get(client, session_id):
    return client.get("/trajectory", params={"session_id": session_id})


def play(client, **options):
    """The session of an episode that was played over HTTP and MCP, and the answers."""
    answers = [client.post("/reset", json=OPTIONS | options)]
    session_id = answers[0].json()["session_id"]
    for action in PLAN:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": READ}
        client.post("/mcp", params={"session_id": session_id}, json=message)
        answers.append(client.post("/step", params={"session_id": session_id}, json=action))
    return session_id, answers


# ------------------------------------------------------------ what it refuses


def test_there_is_none_before_an_episode_and_none_while_it_runs(client):
    """409, and the episode goes on as it was."""
    assert refusal(client.get("/trajectory")) == (409, "NOT_RESET")
    assert refusal(client.get("/trajectory", params={"task_id": "task_hard"})) == (409, "NOT_RESET")
    session_id = client.post("/reset").json()["session_id"]
    client.post("/step", json=NO_OP)
    before = client.get("/state").json()
    assert refusal(get(client, session_id)) == (409, "EPISODE_RUNNING")
    assert refusal(client.get("/trajectory")) == (409, "EPISODE_RUNNING")
    assert refusal(client.get("/trajectory", headers={"X-Session-Id": session_id})) == (409, "EPISODE_RUNNING")
    assert client.get("/state").json() == before


def test_the_rules_of_a_session_are_those_of_state(client):
    """Unknown sessions and tasks, another task, another parameter."""
    session_id = client.post("/reset").json()["session_id"]
    assert refusal(get(client, "f" * 32)) == (404, "UNKNOWN_SESSION")
    assert refusal(client.get("/trajectory", params={"task_id": "task_none"})) == (404, "UNKNOWN_TASK")
    mismatch = {"session_id": session_id, "task_id": "task_hard"}
    assert refusal(client.get("/trajectory", params=mismatch)) == (409, "TASK_MISMATCH")
    assert client.get("/trajectory", params={"seed": 1}).status_code == 422
    assert client.post("/trajectory").status_code == 405


def test_what_cannot_be_played_again_has_none(client):
    """As what is played in this test's stand-in for the environment."""
    for _ in range(3):
        session_id = client.post("/reset").json()["session_id"]
    for _ in range(3):
        client.post("/step", json=NO_OP)
    assert refusal(get(client, session_id)) == (409, "NO_TRAJECTORY")


# ------------------------------------------------------------ what it answers


@pytest.fixture(scope="module")
def real():
    """The real application, in one process."""
    with TestClient(create_app(settings=ServerSettings(processes=1))) as client:
        yield client


def test_the_record_is_one_line_of_json_that_is_verified(real):
    """Its digests are of the observations as they were sent; its score is that of `/state`."""
    session_id, answers = play(real, episode_id="mine")
    answer = get(real, session_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content.count(b"\n") == 1
    verdict = verify_line(answer.content, WarmUps())
    assert (verdict.outcome, verdict.differences) == ("verified", ())
    record, state = answer.json(), real.get("/state", params={"session_id": session_id}).json()
    assert {name: record[name] for name in ("score", "breakdown", "truth", "rewards", "seed", "reads")} == {
        name: state[name] for name in ("score", "breakdown", "truth", "rewards", "seed", "reads")
    }
    assert (record["episode_id"], state["episode_id"], record["policy"]) == ("task_easy-1", "mine", None)
    for sent, digest in zip(answers, record["observations"], strict=True):
        begin = sent.content.index(b'{"observation":') + len(b'{"observation":')
        end = sent.content.index(b',"reward":', sent.content.index(b'"metadata":', begin))
        assert blake2b(sent.content[begin:end], digest_size=16).hexdigest() == digest


def test_it_is_as_the_openapi_page_says(real):
    """Its schema."""
    session_id, _ = play(real)
    page = real.get("/openapi.json").json()
    operation = page["paths"]["/trajectory"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["session_id", "task_id"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": page["components"]}, get(real, session_id).json())


def test_asking_again_and_by_task_gives_the_same_bytes(real):
    """It changes nothing, and the last episode of the task is found by its task."""
    session_id, _ = play(real)
    first = get(real, session_id).content
    assert get(real, session_id).content == first
    assert real.get("/trajectory?task_id=task_easy").content == first
    assert real.get("/trajectory").content == first


def test_a_parked_session_exports_the_same_bytes(real):
    """It is made again from its calls."""
    session_id, _ = play(real)
    before = get(real, session_id).content
    store = real.app.state.runner.store
    store.move(store.get(session_id), PARKED)
    assert get(real, session_id).content == before


def test_sessions_in_worker_processes_export_what_one_process_does(real, tmp_path):
    """Also after the worker was killed."""
    session_id, _ = play(real)
    alone = get(real, session_id).content
    with crowd(create_app(settings=ServerSettings(processes=2)), tmp_path) as here:
        sessions = [session for session, _ in here._threads.map(lambda _: play(here.client), range(3))]
        assert here.workers() != []
        assert {get(here.client, session).content for session in sessions} == {alone}
        for pid in here.workers():
            here.kill(pid)
        assert {get(here.client, session).content for session in sessions} == {alone}


def test_a_real_server_hands_its_record_out_over_a_socket():
    """Played over HTTP, verified from what came back; a forged score in it is found."""
    with running_server() as url:
        _, turn = ask(url, "POST", "/reset?task_id=task_easy&seed=1&arrival_rate_hz=10&reward_mode=sparse")
        session = f"session_id={turn['session_id']}"
        assert ask(url, "GET", f"/trajectory?{session}")[0] == 409
        for action in PLAN:
            ask(url, "POST", f"/step?{session}", json.dumps(action).encode())
        status, record = ask(url, "GET", f"/trajectory?{session}")
    assert status == 200
    assert record["options"] == EpisodeOptions(arrival_rate_hz=10.0, reward_mode="sparse").model_dump()
    assert record["actions"] == [Action(**action).model_dump(mode="json") for action in PLAN]
    warm_ups = WarmUps()
    assert verify_line(json.dumps(record).encode(), warm_ups).outcome == "verified"
    assert verify_line(json.dumps(record | {"score": 0.98}).encode(), warm_ups).outcome == "differs"
