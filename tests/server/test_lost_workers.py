"""A worker process that dies loses nothing; a server that ends leaves no worker behind, however it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from env.environment import IncidentEnvironment
from env.models import Action
from env.server import create_app
from env.server.settings import ServerSettings
from tests.server_process import answers, free_port

from .crowd import PATIENCE_S, crowd, eventually
from .held_environment import two_processes

PLAN = (
    {"action_type": "investigate", "target": "postgres-db"},
    {"action_type": "apply_fix", "target": "restart_payment_service"},
    {"action_type": "escalate", "target": "database-team"},
)


@pytest.fixture
def here(tmp_path):
    with crowd(two_processes(), tmp_path) as here:
        yield here


def test_the_episodes_of_a_worker_that_was_killed_go_on(here):
    """They are made again; those of the other worker are not touched."""
    sessions = here.elsewhere(4, seed=11)
    for session_id in sessions:
        here.step(session_id, "before")
    before = [here.state(session_id) for session_id in sessions]
    killed = before[0]["pid"]
    here.kill(killed)
    for session_id in sessions:
        assert here.step(session_id, "after").json()["observation"]["step"] == 2
    after = [here.state(session_id) for session_id in sessions]
    assert [state["targets"] for state in after] == [["before", "after"]] * 4
    assert [state["seed"] for state in after] == [11] * 4
    for was, now in zip(before, after, strict=True):
        assert (now["pid"] == was["pid"]) == (was["pid"] != killed)
    assert here.metric("incident_env_worker_processes_lost_total") == 1
    assert here.metric('incident_env_episodes_rebuilt_total{reason="lost"}') == 2


def test_a_step_under_way_in_a_worker_that_is_killed_is_taken_once(here):
    """Its client waits for it, and gets its answer from another worker."""
    (session_id,) = here.elsewhere(1)
    here.step(session_id, "before")
    with here.held(session_id) as step:
        here.kill(here.runner.crew.workers[0].process.pid)
        assert not step.done()
    assert step.result(PATIENCE_S).json()["observation"]["step"] == 2
    assert here.state(session_id)["targets"] == ["before", "hold"]


def test_a_session_that_was_opened_but_not_reset_survives_too(here):
    """There is nothing to make again."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "openenv/session/create"}
    session_id = here.client.post("/mcp", json=message).json()["result"]["session_id"]
    assert here.step(session_id).status_code == 409
    with here.held(here.reset()):
        turn = here.client.post("/reset", json={"session_id": session_id})
    assert turn.json()["session_id"] == session_id
    here.kill(here.pid(session_id))
    assert here.step(session_id).status_code == 200


def test_a_step_that_ends_every_process_it_is_taken_in_costs_its_session_only(here):
    """It is tried again, never in the serving process, and then given up: 404, as for any session that is gone."""
    fatal, other = here.elsewhere(2)
    assert here.step(fatal, "die").status_code == 404
    assert here.step(fatal).status_code == 404
    assert here.step(other).status_code == 200
    assert here.metric('incident_env_sessions_closed_total{reason="lost"}') == 1


def test_where_no_worker_comes_up_every_session_is_played_here(here, monkeypatch):
    """After two tries."""
    monkeypatch.setattr("env.workers.worker.START", "raise SystemExit(1)")
    sessions = here.elsewhere(2)
    assert {here.pid(session_id) for session_id in sessions} == {os.getpid()}
    assert here.runner.crew.size == 0


def test_the_incidents_of_a_killed_worker_go_on_as_if_played_alone(tmp_path):
    """Byte for byte, reads over MCP included."""

    def alone(seed):
        environment = IncidentEnvironment()
        seen = [environment.reset("task_easy", seed)]
        for action in PLAN:
            environment.read("golden_signals", {})
            seen.append(environment.step(Action.model_validate(action)))
        return [observation.model_dump(mode="json") for observation in seen], environment.state()

    with crowd(create_app(settings=ServerSettings(processes=2)), tmp_path) as here:
        params = [{"task_id": "task_easy", "seed": seed} for seed in range(3)]
        turns = list(here._threads.map(lambda query: here.client.post("/reset", params=query).json(), params))
        seen = [[turn["observation"]] for turn in turns]
        for number, action in enumerate(PLAN):
            if number == 2:
                assert here.workers() != []
                for pid in here.workers():
                    here.kill(pid)

            def play(turn, action=action):
                session = {"session_id": turn["session_id"]}
                call = {"name": "golden_signals", "arguments": {}}
                message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
                assert here.client.post("/mcp", params=session, json=message).json()["result"]["isError"] is False
                return here.client.post("/step", params=session, json=action).json()["observation"]

            for observations, observation in zip(seen, here._threads.map(play, turns), strict=True):
                observations.append(observation)
        states = [here.client.get("/state", params={"session_id": turn["session_id"]}).json() for turn in turns]
        assert here.metric("incident_env_worker_processes_lost_total") > 0
    assert list(zip(seen, states, strict=True)) == [
        (observations, json.loads(json.dumps(state))) for observations, state in map(alone, range(3))
    ]


# ------------------------------------------------------------ how a server ends


@contextlib.contextmanager
def server_with_workers(folder):
    """A server process of its own with two workers, one of them in the middle of a step; the three process ids."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "tests.server.held_environment:app", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    steps = []
    try:
        assert answers(url, server)
        for number in range(3):
            session_id = post(f"{url}/reset?task_id=task_hard")["session_id"]
            until = folder / f"{number}.held"
            action = {"action_type": "investigate", "target": "hold", "details": str(until)}
            body = ["-s", "-X", "POST", f"{url}/step?session_id={session_id}", "-d", json.dumps(action)]
            steps.append(subprocess.Popen(["curl", *body], stdout=subprocess.DEVNULL))
            eventually(until.with_suffix(".entered").exists)
        (folder / "0.held").touch()  # the step that the server takes itself
        workers = children(server.pid)
        assert len(workers) == 2
        yield server, workers
    finally:
        server.kill()
        server.wait()
        for step in steps:
            step.wait()


def post(url):
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30) as answer:
        return json.load(answer)


def children(pid):
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as listed:
            found += map(int, listed.read().split())
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_end_with_a_server_that_is_killed(tmp_path):
    """Although nobody tells them, and a step is under way."""
    with server_with_workers(tmp_path) as (server, workers):
        server.kill()
        server.wait()
        eventually(lambda: not any(map(alive, workers)))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_a_server_that_is_told_to_end(tmp_path, sign):
    """At the second signal, as uvicorn waits for the steps under way after the first."""
    with server_with_workers(tmp_path) as (server, workers):
        server.send_signal(sign)
        time.sleep(0.2)
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE_S)
        eventually(lambda: not any(map(alive, workers)))


def test_a_signal_to_the_terminals_processes_does_not_reach_the_workers(tmp_path):
    """Ctrl-C is for the server, which ends them."""
    with server_with_workers(tmp_path) as (server, workers):
        assert all(os.getpgid(pid) != os.getpgid(server.pid) for pid in workers)
