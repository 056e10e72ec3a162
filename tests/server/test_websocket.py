"""WS /ws speaks OpenEnv's frames, and outlives bad ones."""

import json

import pytest

INVESTIGATE = {"action_type": "investigate", "target": "postgres-db"}


@pytest.fixture
def ws(client):
    with client.websocket_connect("/ws") as ws:
        yield ws


def ask(ws, kind, data=None):
    ws.send_json({"type": kind} if data is None else {"type": kind, "data": data})
    return ws.receive_json()


def test_reset_step_and_state_answer_openenvs_frames(ws):
    reset = ask(ws, "reset", {"task_id": "task_medium", "seed": 5, "episode_id": "mine"})
    step = ask(ws, "step", INVESTIGATE)
    state = ask(ws, "state")
    assert (reset["type"], step["type"], state["type"]) == ("observation", "observation", "state")
    assert {"observation", "reward", "done", "metadata"} <= set(reset["data"])
    assert (step["data"]["reward"], step["data"]["done"]) == (0.05, False)
    assert (state["data"]["episode_id"], state["data"]["step_count"]) == ("mine", 1)
    assert state["data"]["task_id"] == "task_medium"


def test_state_before_any_reset_has_no_episode(ws):
    assert ask(ws, "state") == {"type": "state", "data": {"episode_id": None, "step_count": 0}}


def test_a_second_reset_plays_on_in_the_same_session(ws, house):
    first, second = ask(ws, "reset", {"seed": 1}), ask(ws, "reset", {"seed": 2})
    assert first["data"]["session_id"] == second["data"]["session_id"]
    assert len(house.environments) == 1


def test_two_connections_are_two_sessions(client):
    with client.websocket_connect("/ws") as one, client.websocket_connect("/ws") as other:
        assert ask(one, "reset")["data"]["session_id"] != ask(other, "reset")["data"]["session_id"]
        ask(one, "step", INVESTIGATE)
        assert ask(other, "state")["data"]["step_count"] == 0


def test_a_connection_leaves_no_alias(client, ws):
    ask(ws, "reset", {"task_id": "task_easy"})
    assert client.get("/state?task_id=task_easy").json()["episode_id"] is None


def test_the_session_of_a_connection_can_be_read_over_http(client, ws):
    session_id = ask(ws, "reset")["data"]["session_id"]
    ask(ws, "step", INVESTIGATE)
    assert b"steps_total 1" in client.get(f"/metrics?session_id={session_id}").content


def test_close_ends_the_connection_and_its_session(client, app):
    with client.websocket_connect("/ws") as ws:
        session_id = ask(ws, "reset")["data"]["session_id"]
        ws.send_json({"type": "close"})
        assert ws.receive()["type"] == "websocket.close"
    assert session_id not in app.state.runner.store


def test_a_session_evicted_under_its_connection_says_so_and_resets_anew(ws, app):
    session_id = ask(ws, "reset")["data"]["session_id"]
    app.state.runner.store.close(session_id, "idle")
    assert ask(ws, "step", INVESTIGATE)["data"]["code"] == "SESSION_ERROR"
    assert ask(ws, "reset")["data"]["session_id"] != session_id


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "INVALID_JSON"),
        ('{"type": "step", "data": {"details": NaN}}', "INVALID_JSON"),
        ('{"type": "step", "data": {"details": "\\ud800"}}', "INVALID_JSON"),
        ("[" * 5_000, "INVALID_JSON"),
        ("", "UNKNOWN_TYPE"),
        ("{}", "UNKNOWN_TYPE"),
        ('{"type": "canary"}', "UNKNOWN_TYPE"),
        ('{"type": ["step"]}', "UNKNOWN_TYPE"),
        ("[]", "VALIDATION_ERROR"),
        ("null", "VALIDATION_ERROR"),
        ('{"type": "step"}', "VALIDATION_ERROR"),
        ('{"type": "step", "data": []}', "VALIDATION_ERROR"),
        ('{"type": "step", "data": {"action_type": "canary"}}', "VALIDATION_ERROR"),
        ('{"type": "step", "data": {"action_type": "no_op", "canary": 1}}', "VALIDATION_ERROR"),
        ('{"type": "state", "canary": 1}', "VALIDATION_ERROR"),
        ('{"type": "reset", "data": {"seed": 1.0}}', "VALIDATION_ERROR"),
        ('{"type": "reset", "data": {"seed": true}}', "VALIDATION_ERROR"),
        ('{"type": "reset", "data": {"task_id": "canary"}}', "VALIDATION_ERROR"),
        ('{"type": "reset", "data": {"session_id": "canary"}}', "VALIDATION_ERROR"),
        (json.dumps({"type": "state", "data": {"a": "x" * 65_536}}), "VALIDATION_ERROR"),
    ],
)
def test_a_bad_frame_is_refused_and_the_episode_goes_on(ws, text, code):
    ask(ws, "reset", {"seed": 1})
    before = ask(ws, "state")
    ws.send_text(text)
    answer = ws.receive_json()
    assert answer["type"] == "error"
    assert set(answer["data"]) == {"message", "code"}
    assert answer["data"]["code"] == code
    assert "canary" not in answer["data"]["message"]
    assert ask(ws, "state") == before


def test_steps_out_of_order_are_error_frames(ws):
    assert ask(ws, "step", INVESTIGATE)["data"]["code"] == "EXECUTION_ERROR"
    ask(ws, "reset", {"task_id": "task_easy"})
    for _ in range(3):
        ask(ws, "step", INVESTIGATE)
    assert "done" in ask(ws, "step", INVESTIGATE)["data"]["message"]
    assert ask(ws, "state")["data"]["step_count"] == 3


def test_a_binary_frame_is_read_as_its_text(ws):
    ws.send_bytes(b'{"type": "state"}')
    assert ws.receive_json()["type"] == "state"
    ws.send_bytes(b"\xff\xfe")
    assert ws.receive_json()["data"]["code"] == "INVALID_JSON"


def test_a_defect_of_the_environment_is_a_frame_that_tells_nothing(ws, caplog):
    ask(ws, "reset")
    answer = ask(ws, "step", {"action_type": "escalate", "target": "broken"})
    assert answer["data"] == {"message": "internal error", "code": "EXECUTION_ERROR"}
    assert "ZeroDivisionError" in caplog.text
    assert ask(ws, "step", INVESTIGATE)["type"] == "observation"


def test_json_rpc_is_answered_in_an_mcp_frame(ws):
    answer = ask(ws, "mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert answer == {"type": "mcp", "data": {"jsonrpc": "2.0", "id": 1, "result": {}}}
