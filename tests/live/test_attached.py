"""An agent's session on the live cluster."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from cluster_sim import FAULTS, REMEDIATIONS, Mechanism
from env.errors import EnvError
from env.live.log import Kind
from env.live.session import LONGEST_WAIT_S, AttachedEnvironment, NotYet
from env.live.settings import LiveSettings, Plan
from env.models import Action
from env.server import create_app

from .conftest import SECOND, Live

INVESTIGATE = {"action_type": "investigate", "target": "redis-cache"}
FIX = {"action_type": "apply_fix", "target": "flush_redis_cache"}
POSTMORTEM = {"action_type": "postmortem", "details": "Orphaned keys filled redis; they were flushed."}


@pytest.fixture(scope="module")
def app():
    return create_app(live=LiveSettings(live=True, speed=100.0, schedule=Plan.OFF))


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app) as client:
        yield client


def attach(client):
    """A session on the live cluster."""
    return client.post("/reset", json={"attach": "live"}).json()["session_id"]


def step(client, session, action):
    answer = client.post("/step", params={"session_id": session}, json=action)
    assert answer.status_code == 200, answer.text
    return answer.json()


def live_now(client):
    return client.get("/live").json()["simulated_s"]


def test_a_step_takes_its_time_of_the_live_clock_and_shows_what_is_then(client):
    """Thirty simulated seconds for a look, the change and a minute for a fix."""
    session = attach(client)
    for action, takes_s in ((INVESTIGATE, 30), (FIX, REMEDIATIONS["flush_redis_cache"].duration_s + 60)):
        before = live_now(client)
        turn = step(client, session, action)
        assert live_now(client) >= before + takes_s
        assert turn["done"] is False
        assert turn["reward"] is None
        assert turn["observation"]["task_id"] == "live"
    looked = step(client, session, INVESTIGATE)["observation"]
    assert looked["logs"]["redis-cache"]
    assert looked["metrics"]["redis-cache"]["detail"]


def test_a_fix_changes_the_live_cluster_for_everybody(client, app):
    """It is in the log, as a session's."""
    session = attach(client)
    step(client, session, {"action_type": "apply_fix", "target": "raise_checkout_timeouts"})
    assert [(e.kind, e.value, e.source) for e in app.state.live.world.log][-1] == (
        Kind.FIX,
        "raise_checkout_timeouts",
        "session",
    )
    edge = app.state.live.cluster.edge("checkout-service", "payment-service")
    assert edge.timeout == 6 * SECOND


def test_a_postmortem_ends_it_and_nothing_was_scored(client):
    """Neither the state nor the answers hold a score or a cause."""
    session = attach(client)
    turn = step(client, session, POSTMORTEM)
    assert turn["done"] is True
    state = client.get("/state", params={"session_id": session})
    assert state.json()["scored"] is False
    assert "score" not in state.json()
    told = state.text + str(turn)
    assert not any(re.search(rf"(?<![a-z_]){fault}(?![a-z_])", told) for fault in set(FAULTS) - set(Mechanism))
    assert client.post("/step", params={"session_id": session}, json=INVESTIGATE).status_code == 409


def test_two_sessions_are_on_call_together_and_an_episode_is_undisturbed(client):
    """Each has its own steps; a plain session next to them plays its own world."""
    one, two = attach(client), attach(client)
    plain = client.post("/reset", json={"task_id": "task_easy", "seed": 4}).json()
    step(client, one, INVESTIGATE)
    assert client.get("/state", params={"session_id": one}).json()["step_count"] == 1
    assert client.get("/state", params={"session_id": two}).json()["step_count"] == 0
    turn = step(client, plain["session_id"], {"action_type": "no_op"})
    assert turn["observation"]["task_id"] == "task_easy"
    assert turn["observation"]["metadata"]["time"].startswith("2025-")


def test_a_session_may_go_from_one_to_the_other(client):
    """By resetting; the alias of a task stays with its episode."""
    session = attach(client)
    played = client.post("/reset", json={"session_id": session, "task_id": "task_easy", "seed": 4}).json()
    fresh = client.post("/reset", json={"task_id": "task_easy", "seed": 4}).json()
    assert played["observation"] == fresh["observation"]
    again = client.post("/reset", json={"session_id": session, "attach": "live"}).json()
    assert again["observation"]["task_id"] == "live"
    attach(client)
    aliased = client.get("/state", params={"task_id": "task_easy"}).json()
    assert aliased["episode_id"] == "task_easy-4"


def test_a_reset_that_is_refused_leaves_it_attached(client):
    """A seed that is none."""
    session = attach(client)
    assert client.post("/reset", json={"session_id": session, "attach": "moon"}).status_code == 422
    assert step(client, session, INVESTIGATE)["observation"]["task_id"] == "live"


def test_bad_actions_are_refused_as_in_an_episode(client):
    """They take no step."""
    session = attach(client)
    for action in ({"action_type": "investigate", "target": "moon"}, {"action_type": "apply_fix", "target": "pray"}):
        assert client.post("/step", params={"session_id": session}, json=action).status_code == 422
    assert client.get("/state", params={"session_id": session}).json()["step_count"] == 0


def test_its_own_read_apis_point_to_the_live_ones(client):
    """What a session's cluster would be is everybody's."""
    session = attach(client)
    answer = client.get(f"/sessions/{session}/prometheus/api/v1/query", params={"query": "up"})
    assert answer.status_code in (403, 409)
    assert client.get("/live/prometheus/api/v1/query", params={"query": "up"}).status_code == 200
    assert b"http_server_request_duration" in client.get("/metrics", params={"session_id": session}).content


def test_mcp_reads_show_the_live_cluster(client):
    """The tools answer at once."""
    session = attach(client)
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "golden_signals", "arguments": {}, "session_id": session},
    }
    answer = client.post("/mcp", json=body).json()
    assert answer["result"].get("isError") in (None, False), answer
    assert "payment-service" in str(answer)


def test_over_a_websocket_too(client):
    """Reset with attach, step, close."""
    with client.websocket_connect("/ws") as ws:
        ws.send_json({"type": "reset", "data": {"attach": "live"}})
        assert ws.receive_json()["data"]["observation"]["task_id"] == "live"
        ws.send_json({"type": "step", "data": INVESTIGATE})
        assert ws.receive_json()["data"]["observation"]["step"] == 1


def test_without_a_live_cluster_there_is_nothing_to_attach_to():
    """409, and no session is left behind."""
    app = create_app(live=LiveSettings())
    client = TestClient(app)
    answer = client.post("/reset", json={"attach": "live"})
    assert (answer.status_code, answer.json()["code"]) == (409, "NO_LIVE_CLUSTER")
    assert len(app.state.runner.store) == 0


# ---------------------------------------------------------------- waiting


class Nobody:
    """An environment that is never asked."""


def attached(live: Live) -> AttachedEnvironment:
    environment = AttachedEnvironment(live.cluster, Nobody(), clock=live.hands.clock)  # type: ignore[arg-type]
    environment.reset("live", 0)
    return environment


def asked(environment: AttachedEnvironment, live: Live, action: Action) -> float:
    """Ask for a step until it is answered; seconds that took on the wall clock."""
    began_s = live.hands.s
    for _ in range(1000):
        try:
            environment.step(action)
            return live.hands.s - began_s
        except NotYet as pause:
            nap_s = pause.wait_s
        assert 0 < nap_s <= 1
        live.wait(nap_s, tick_s=0.1)
    raise AssertionError("it never ends")


def test_at_speed_one_a_step_does_not_wait_for_ever():
    """It returns with the live now; a quicker live clock lets it take its whole time."""
    slow, quick = Live(), Live(speed=10.0)
    investigate = Action.model_validate(INVESTIGATE)
    assert asked(attached(slow), slow, investigate) == pytest.approx(LONGEST_WAIT_S, abs=0.2)
    assert asked(attached(quick), quick, investigate) == pytest.approx(3, abs=0.2)


def test_a_paused_cluster_does_not_hold_a_step_for_ever(live):
    """The longest wait bounds it."""
    live.cluster.set_pace(speed=None, paused=True, source="operator")
    assert asked(attached(live), live, Action.model_validate(INVESTIGATE)) == pytest.approx(LONGEST_WAIT_S, abs=0.2)


def test_an_action_is_carried_out_once_however_often_it_is_asked_for(live):
    """One fix in the log, one step counted."""
    environment = attached(live)
    asked(environment, live, Action.model_validate(FIX))
    assert [entry.value for entry in live.cluster.world.log] == ["flush_redis_cache"]
    assert environment.state()["step_count"] == 1


def test_nothing_can_be_done_before_a_reset(live):
    """As in an episode."""
    environment = AttachedEnvironment(live.cluster, Nobody())  # type: ignore[arg-type]
    for use in (
        lambda: environment.step(Action.model_validate(INVESTIGATE)),
        lambda: environment.read("golden_signals", {}),
        lambda: environment.cluster,
    ):
        with pytest.raises(EnvError):
            use()


def test_a_stay_has_no_trajectory(client):
    """Neither while it lasts nor afterwards: nobody can play it again."""
    session = attach(client)
    for code in ("EPISODE_RUNNING", "NO_TRAJECTORY"):
        answer = client.get("/trajectory", params={"session_id": session})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        if code == "EPISODE_RUNNING":
            step(client, session, POSTMORTEM)
