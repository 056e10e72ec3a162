"""Sessions that are at work at the same time are played in worker processes, and nobody notices."""

import contextlib
import json
import os
import threading

import pytest
from websockets.sync.client import connect

from cluster_sim import Cluster
from env.live.settings import LiveSettings, Plan
from env.server import ServerSettings, create_app
from env.server.observability import APIS, ReadAPI
from env.server.strict_json import JSONAnswer
from env.workers import importable
from env.workers.frames import Frames, packed
from tests.server_process import running_server

from .crowd import PATIENCE_S, crowd, eventually
from .fake_environment import TASKS
from .held_environment import HeldEnvironment, two_processes


@pytest.fixture
def here(tmp_path):
    with crowd(two_processes(), tmp_path) as here:
        yield here


def test_one_session_at_work_at_a_time_needs_no_worker(here):
    """However many there are."""
    sessions = [here.reset() for _ in range(5)]
    assert [here.step(session_id).status_code for session_id in sessions] == [200] * 5
    assert {here.pid(session_id) for session_id in sessions} == {os.getpid()}
    assert here.workers() == []
    assert here.metric("incident_env_worker_processes ") == 0


def test_sessions_at_work_at_once_are_played_in_two_processes_and_stay_there(here):
    """Beside the one that serves."""
    sessions = here.elsewhere(6)
    pids = [here.pid(session_id) for session_id in sessions]
    assert set(pids) == set(here.workers())
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert sorted(pids.count(pid) for pid in set(pids)) == [3, 3]
    for session_id in sessions:
        here.step(session_id)
    assert [here.pid(session_id) for session_id in sessions] == pids
    assert here.metric("incident_env_worker_processes ") == 2


def test_two_steps_go_on_in_two_processes_at_once(here):
    """Neither has to be over for the other to begin."""
    one, other = here.elsewhere(2)
    with here.held(one) as step, here.held(other) as beside:
        assert not step.done()
        assert not beside.done()
    assert here.pid(one) != here.pid(other)


def test_the_serving_process_is_free_for_requests_while_all_workers_are_at_work(here):
    """And a session that waits for its own step holds nobody up either."""
    sessions = here.elsewhere(2)
    with here.held(sessions[0]), here.held(sessions[1]):
        assert here.client.get("/health").json() == {"status": "healthy"}
        assert here.client.get("/metrics").status_code == 200


def test_a_session_that_began_here_moves_when_others_are_at_work(here):
    """Its episode is the same afterwards."""
    mine = here.reset(seed=5)
    here.step(mine, "first")
    before = here.state(mine)
    with here.held(here.reset()):
        here.step(mine, "second")
    after = here.state(mine)
    assert after.pop("pid") in here.workers()
    assert before.pop("pid") == os.getpid()
    assert after == {**before, "step_count": 2, "targets": ["first", "second"]}
    assert here.metric('incident_env_episodes_rebuilt_total{reason="moved"}') == 1


def test_the_refusals_are_those_of_a_session_that_is_played_here(here):
    """Status, code and message."""
    (elsewhere,) = here.elsewhere(1, task_id="task_easy")
    mine = here.reset(task_id="task_easy")

    def refusals(session_id):
        params = {"session_id": session_id}
        answers = [here.step(session_id, "x" * 200), here.client.get("/state?task_id=task_hard", params=params)]
        answers += [here.client.post("/step?task_id=task_hard", params=params, json={"action_type": "no_op"})]
        answers += [here.step(session_id) for _ in range(4)]
        return [(answer.status_code, answer.json().get("code")) for answer in answers]

    assert refusals(elsewhere) == refusals(mine)
    assert refusals(elsewhere)[-1] == (409, "EPISODE_OVER")


def test_a_defect_in_a_worker_is_a_500_that_tells_nothing(here):
    """The session lives on."""
    (session_id,) = here.elsewhere(1)
    here.client.raise_server_exceptions = False
    with pytest.raises(RuntimeError, match="ZeroDivisionError in a worker process"):
        here.step(session_id, "broken")
    assert here.step(session_id).status_code == 200


def test_the_alias_finds_a_session_in_a_worker(here):
    """It is the one that the last reset of the task without an id left."""
    sessions = here.elsewhere(3, task_id="task_medium")
    answer = here.client.post("/step?task_id=task_medium", json={"action_type": "no_op"})
    assert answer.json()["session_id"] == sessions[-1]
    assert answer.headers["X-Session-Id"] == sessions[-1]
    assert here.pid(sessions[-1]) in here.workers()


def test_a_reset_stays_in_the_sessions_worker(here):
    (session_id,) = here.elsewhere(1)
    pid = here.pid(session_id)
    here.step(session_id)
    turn = here.client.post("/reset", json={"session_id": session_id, "seed": 8}).json()
    assert (turn["session_id"], turn["info"]["seed"], turn["observation"]["step"]) == (session_id, 8, 0)
    assert here.pid(session_id) == pid


def test_the_page_of_metrics_counts_the_sessions_of_all_processes(here):
    """Steps, resets, reads and sessions, with the time that they took."""
    sessions = [here.reset(), *here.elsewhere(3)]
    before = here.metric('incident_env_steps_total{action_type="investigate"}')
    for session_id in sessions:
        here.step(session_id)
    assert here.metric('incident_env_steps_total{action_type="investigate"}') == before + 4
    assert here.metric("incident_env_resets_total") == 5
    assert here.metric("incident_env_sessions ") == 5
    assert here.metric('incident_env_operation_duration_seconds_count{operation="step"}') == before + 4


def test_a_sessions_page_and_tools_are_read_in_its_worker(here):
    (session_id,) = here.elsewhere(1)
    here.step(session_id)
    assert b"steps_total 1" in here.client.get("/metrics", params={"session_id": session_id}).content
    call = {"name": "golden_signals", "arguments": {}, "session_id": session_id}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answer = here.client.post("/mcp", json=message).json()["result"]
    assert answer["structuredContent"] == answer["data"] == {"tool": "golden_signals", "read": 1}
    assert here.state(session_id)["reads"] == ["golden_signals"]


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_closing_a_session_frees_what_it_takes_in_its_worker(here):
    """Whoever closes it."""
    (session_id,) = here.elsewhere(1)
    pid = here.pid(session_id)
    before = resident_bytes(pid)
    here.step(session_id, "grow")
    assert resident_bytes(pid) - before > 50_000_000
    here.client.portal.call(here.runner.store.close, session_id, "idle")
    assert here.step(session_id).status_code == 404
    eventually(lambda: resident_bytes(pid) - before < 10_000_000)


def test_workers_without_sessions_are_ended_after_a_while(here, monkeypatch):
    """And started again when there is work."""
    sessions = here.elsewhere(2)
    monkeypatch.setattr("env.workers.crew.KEPT_IDLE_S", -1.0)
    here.client.portal.call(here.runner.crew.relieve)
    assert len(here.workers()) == 2
    pids = here.workers()
    for session_id in sessions:
        here.client.portal.call(here.runner.store.close, session_id)
    here.client.portal.call(here.runner.crew.relieve)
    assert here.workers() == []
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    assert here.pid(here.elsewhere(1)[0]) in here.workers()


def test_a_websocket_client_that_vanishes_mid_step_leaves_nothing_in_a_worker(here):
    with here.held(here.reset()), here.client.websocket_connect("/ws") as ws:
        ws.send_json({"type": "reset"})
        session_id = ws.receive_json()["data"]["session_id"]
        until = here.folder / "vanished"
        ws.send_json({"type": "step", "data": {"action_type": "investigate", "target": "hold", "details": str(until)}})
        eventually(until.with_suffix(".entered").exists)
    (worker,) = here.runner.crew.workers
    assert session_id not in worker.sessions
    until.touch()
    eventually(lambda: worker.calls == 0)
    assert session_id not in here.runner.store


def test_neither_a_step_nor_a_scrape_waits_for_a_read_of_the_same_session(tmp_path):
    """And the read is answered as of before the step."""
    began, go_on = threading.Event(), threading.Event()
    api = ReadAPI("held")

    @api.route("/read")
    def read(reading):
        began.set()
        assert go_on.wait(PATIENCE_S)
        return JSONAnswer(reading.cluster)

    app = create_app(HeldEnvironment, TASKS, ServerSettings(processes=1))
    api.mount(app)
    with crowd(app, tmp_path) as here, pytest.MonkeyPatch.context() as patch:
        patch.setattr("env.server.observability.access.clock_of", lambda cluster, wall: None)
        session_id = here.reset()
        here.step(session_id)
        answer = here._threads.submit(here.client.get, f"/sessions/{session_id}/held/read")
        assert began.wait(PATIENCE_S)
        assert here.step(session_id).json()["observation"]["step"] == 2
        assert b"steps_total 2" in here.client.get("/metrics", params={"session_id": session_id}).content
        assert not answer.done()
        go_on.set()
        assert answer.result(PATIENCE_S).json() == [1, 0]


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_every_read_can_be_sent_to_a_worker(api):
    """Its handler is found there by its name."""
    frames = Frames()
    for _, _, handler in api._routes:
        assert list(frames.take(packed(handler))) == [handler]


def test_frames_are_put_together_however_they_are_cut():
    """Byte by byte, or several at once."""
    messages = [{"n": 1}, b"x" * 70_000, None]
    sent = b"".join(map(packed, messages))
    for size in (1, 5, 40_000, len(sent)):
        frames = Frames()
        parts = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert [message for part in parts for message in frames.take(part)] == messages


def test_an_environment_that_another_process_cannot_have_is_played_here(tmp_path):
    """As is every one where there is but one process."""

    class Local(HeldEnvironment):
        pass

    assert importable(HeldEnvironment)
    assert not importable(Local)
    assert not importable(HeldEnvironment())
    assert not importable(Cluster.__init__)
    for factory, processes in ((Local, 4), (HeldEnvironment, 1)):
        with crowd(create_app(factory, TASKS, ServerSettings(processes=processes)), tmp_path) as here:
            with here.held(here.reset()):
                assert here.pid(here.reset()) == os.getpid()
            assert here.runner.crew is None


def test_sixty_four_websocket_sessions_at_once(tmp_path):
    """Each gets the answers to its own frames, in their order, from a real server."""
    with running_server("tests.server.held_environment:app") as url, contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(connect(f"{url.replace('http', 'ws')}/ws")) for _ in range(64)]
        for seed, socket in enumerate(sockets):
            socket.send(json.dumps({"type": "reset", "data": {"task_id": "task_hard", "seed": seed}}))
        for number in range(4):
            for seed, socket in enumerate(sockets):
                action = {"action_type": "investigate", "target": f"{seed}-{number}"}
                socket.send(json.dumps({"type": "step", "data": action}))
        pids = set()
        for seed, socket in enumerate(sockets):
            turns = [json.loads(socket.recv())["data"] for _ in range(5)]
            assert [turn["info"]["seed"] for turn in turns] == [seed] * 5
            assert [list(turn["observation"]["logs"]) for turn in turns[1:]] == [[f"{seed}-{n}"] for n in range(4)]
            socket.send('{"type": "state"}')
            pids.add(json.loads(socket.recv())["data"]["pid"])
        assert len(pids) >= 2


def test_a_parked_session_goes_on_when_it_is_used_again(here):
    """Nothing is kept of it but its actions; meanwhile it takes no worker."""
    mine, (elsewhere,) = here.reset(seed=4), here.elsewhere(1, seed=5)
    for session_id in (mine, elsewhere):
        here.step(session_id, "before")
    states = [here.state(mine), here.state(elsewhere)]
    here.runner.store.park_idle_s = 0.0
    here.client.portal.call(here.runner.store.park_idle)
    here.runner.store.park_idle_s = 600.0
    assert not any(worker.sessions for worker in here.runner.crew.workers)
    after = [here.state(mine), here.state(elsewhere)]
    assert [{**state, "pid": 0} for state in after] == [{**state, "pid": 0} for state in states]
    assert here.step(mine, "after").json()["observation"]["step"] == 2
    assert here.metric('incident_env_episodes_rebuilt_total{reason="parked"}') == 2


READS = (
    "prometheus/api/v1/query?query=sum(rate(http_server_request_duration_seconds_count[1m]))",
    "prometheus/api/v1/rules",
    "alertmanager/api/v2/alerts",
    "loki/loki/api/v1/query_range?query={service_name=%22payment-service%22}&limit=50",
    "jaeger/api/services",
    "jaeger/api/nothing",
)


def test_the_read_apis_answer_from_a_worker_as_from_here(tmp_path):
    """Status, type and body; and so does the page of metrics."""
    with crowd(create_app(settings=ServerSettings(processes=2)), tmp_path) as here:
        options = {"task_id": "task_easy", "seed": 3, "read_api": "true"}
        resets = [here._threads.submit(here.client.post, "/reset", params=options) for _ in range(2)]
        played = {reset.result().json()["session_id"] for reset in resets}
        homes = {session_id: here.runner.store.get(session_id).home for session_id in played}
        (mine,) = [session_id for session_id in played if homes[session_id] is None]
        (elsewhere,) = played - {mine}
        closed = [here.client.post("/reset", params={**options, "session_id": mine, "read_api": "false"})]
        closed.append(here.client.get(f"/sessions/{mine}/{READS[0]}"))
        assert closed[-1].status_code == 403
        here.client.post("/reset", params={**options, "session_id": mine})
        for path in READS:
            one, other = (here.client.get(f"/sessions/{session_id}/{path}") for session_id in (mine, elsewhere))
            assert (one.status_code, one.content) == (other.status_code, other.content)
            assert one.headers["Content-Type"] == other.headers["Content-Type"]
        pages = [here.client.get("/metrics", params={"session_id": session_id}).content for session_id in played]
        assert pages[0] == pages[1]
        assert here.runner.store.get(elsewhere).home is homes[elsewhere]


def test_a_session_in_a_worker_attaches_to_the_live_cluster_and_comes_back(tmp_path):
    """The live cluster is in the serving process; the episode before it is over then."""
    live = LiveSettings(live=True, speed=100.0, schedule=Plan.OFF)
    with crowd(create_app(HeldEnvironment, TASKS, ServerSettings(processes=2), live), tmp_path) as here:
        (session_id,) = here.elsewhere(1)
        (worker,) = here.runner.crew.workers
        assert session_id in worker.sessions
        attached = here.client.post("/reset", json={"session_id": session_id, "attach": "live"})
        assert attached.json()["observation"]["task_id"] == "live"
        assert session_id not in worker.sessions
        last = {"action_type": "postmortem", "details": "Users saw errors."}
        assert here.client.post("/step", params={"session_id": session_id}, json=last).json()["done"]
        back = here.client.post("/reset", json={"session_id": session_id, "task_id": "task_hard", "seed": 1})
        assert back.json()["observation"]["task_id"] == "task_hard"
        with here.held(here.reset()):
            assert here.step(session_id, "x").json()["observation"]["step"] == 1
        assert here.state(session_id)["targets"] == ["x"]


def test_an_attach_that_is_refused_leaves_the_episode_in_its_worker(here):
    (session_id,) = here.elsewhere(1)
    here.step(session_id, "x")
    before = here.state(session_id)
    assert here.client.post("/reset", json={"session_id": session_id, "attach": "live"}).status_code == 409
    assert here.state(session_id) == before
