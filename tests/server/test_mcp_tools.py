"""MCP offers the telemetry and the five actions as tools, over /mcp and /ws alike."""

import json

import jsonschema_rs
import pytest

READS = {
    "service_graph",
    "golden_signals",
    "query_metrics",
    "search_logs",
    "get_trace",
    "list_alerts",
    "runbook",
}
ACTIONS = {"investigate", "escalate", "apply_fix", "postmortem", "no_op"}
RESERVED = {"reset", "step", "state", "close"}
"""Names that OpenEnv keeps for itself (openenv.core.env_server.mcp_types)."""

INVALID_REQUEST, INVALID_PARAMS, INTERNAL_ERROR, SERVER_ERROR = -32600, -32602, -32603, -32000
INVESTIGATE = {"target": "postgres-db"}


def rpc(client, method, params=None, **kwargs):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return client.post("/mcp", json=message, **kwargs).json()


def call(client, name, arguments=None, session_id=None, **kwargs):
    params = {"name": name, "arguments": arguments or {}}
    return rpc(client, "tools/call", params | ({"session_id": session_id} if session_id else {}), **kwargs)


@pytest.fixture
def session_id(client):
    return client.post("/reset?task_id=task_hard&seed=1").json()["session_id"]


def test_every_tool_has_a_description_and_a_schema_of_its_input(client):
    tools = rpc(client, "tools/list")["result"]["tools"]
    assert {tool["name"] for tool in tools} == READS | ACTIONS
    assert not {tool["name"] for tool in tools} & RESERVED
    for tool in tools:
        assert len(tool["description"]) > 10
        assert tool["inputSchema"]["type"] == "object"
        jsonschema_rs.validator_for(tool["inputSchema"])
        assert tool["inputSchema"]["additionalProperties"] is False


def test_a_schema_tells_valid_arguments_from_others(client):
    tools = {tool["name"]: tool["inputSchema"] for tool in rpc(client, "tools/list")["result"]["tools"]}
    for name, good, bad in (
        ("investigate", INVESTIGATE, {"target": "frontend"}),
        ("query_metrics", {"promql": "up", "last_s": 60.0}, {"last_s": 60.0}),
        ("search_logs", {"service": "redis-cache", "limit": 5}, {"service": "redis-cache", "limit": 0}),
        ("no_op", {}, {"target": "x"}),
    ):
        assert jsonschema_rs.is_valid(tools[name], good), name
        assert not jsonschema_rs.is_valid(tools[name], bad), name


def test_a_read_is_answered_as_text_and_as_data_and_is_no_step(client, house, session_id):
    result = call(client, "golden_signals", session_id=session_id)["result"]
    assert result["isError"] is False
    assert result["structuredContent"] == result["data"] == {"tool": "golden_signals", "read": 1}
    assert json.loads(result["content"][0]["text"]) == result["data"]
    state = client.get(f"/state?session_id={session_id}").json()
    assert (state["step_count"], state["reads"]) == (0, ["golden_signals"])


def test_an_action_is_a_step(client, session_id):
    turn = call(client, "investigate", INVESTIGATE, session_id)["result"]["data"]
    assert (turn["observation"]["step"], turn["reward"], turn["session_id"]) == (1, 0.05, session_id)
    call(client, "postmortem", {"details": "The database was full."}, session_id)
    call(client, "no_op", {}, session_id)
    assert client.get(f"/state?session_id={session_id}").json()["step_count"] == 3


@pytest.mark.parametrize("place", ["query", "header", "params"])
def test_the_session_is_named_in_the_address_a_header_or_the_params(client, session_id, place):
    client.post("/reset?task_id=task_easy")
    match place:
        case "query":
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "no_op"}}
            answer = client.post(f"/mcp?session_id={session_id}", json=message).json()
        case "header":
            answer = call(client, "no_op", headers={"X-Session-Id": session_id})
        case _:
            answer = call(client, "no_op", session_id=session_id)
    assert answer["result"]["data"]["session_id"] == session_id


def test_without_a_session_it_is_the_last_reset_of_the_default_task(client):
    assert call(client, "no_op")["error"]["code"] == SERVER_ERROR
    session_id = client.post("/reset").json()["session_id"]
    assert call(client, "no_op")["result"]["data"]["session_id"] == session_id


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("investigate", {"target": "canary"}, "target"),
        ("investigate", {}, "target"),
        ("escalate", {"target": 1}, "target"),
        ("escalate", {"target": "x" * 129}, "target"),
        ("apply_fix", {"target": "x", "details": "canary"}, "arguments"),
        ("postmortem", {"details": "x" * 20_000}, "details"),
        ("no_op", {"canary": 1}, "arguments"),
        ("no_op", {"session_id": "canary"}, "arguments"),
        ("golden_signals", {"service": "nowhere"}, "service"),
    ],
)
def test_wrong_arguments_are_told_in_the_result_and_change_nothing(client, session_id, name, arguments, field):
    before = client.get(f"/state?session_id={session_id}").json()
    result = call(client, name, arguments, session_id)["result"]
    assert result["isError"] is True
    assert result["data"]["error"].startswith(f"{field}")
    assert "canary" not in json.dumps(result)
    assert client.get(f"/state?session_id={session_id}").json() == before


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": "canary"},
        {"name": "reset"},
        {"name": 1},
        {"name": ["no_op"]},
        {"name": {}},
        {"name": "no_op", "arguments": []},
        {"name": "no_op", "arguments": None},
        {"name": "no_op", "session_id": 1},
        {"name": "no_op", "session_id": "canary"},
        {"name": "no_op", "session_id": "x" * 1000},
    ],
)
def test_a_call_of_another_shape_is_an_rpc_error(client, session_id, params):
    answer = rpc(client, "tools/call", params)
    assert answer["error"]["code"] == INVALID_PARAMS
    assert "canary" not in json.dumps(answer)


def test_a_finished_episode_says_so(client):
    session_id = client.post("/reset?task_id=task_easy").json()["session_id"]
    for _ in range(3):
        call(client, "no_op", {}, session_id)
    result = call(client, "no_op", {}, session_id)["result"]
    assert result["isError"] is True
    assert "done" in result["data"]["error"]


def test_a_defect_of_the_environment_tells_nothing(client, session_id, caplog):
    answer = call(client, "golden_signals", {"service": "broken"}, session_id)
    assert answer["error"] == {"code": INTERNAL_ERROR, "message": "internal error"}
    assert "ZeroDivisionError" in caplog.text


def test_a_session_is_opened_and_closed_over_json_rpc(client, app):
    session_id = rpc(client, "openenv/session/create")["result"]["session_id"]
    assert session_id in app.state.runner.store
    assert call(client, "no_op", session_id=session_id)["result"]["isError"] is True
    client.post(f"/reset?session_id={session_id}")
    assert call(client, "no_op", session_id=session_id)["result"]["isError"] is False
    closed = rpc(client, "openenv/session/close", {"session_id": session_id})
    assert closed["result"] == {"session_id": session_id, "closed": True}
    assert session_id not in app.state.runner.store
    assert rpc(client, "openenv/session/close", {"session_id": session_id})["error"]["code"] == INVALID_PARAMS
    assert rpc(client, "openenv/session/close")["error"]["code"] == INVALID_PARAMS


def test_no_room_for_another_session_is_an_rpc_error(client, app):
    for _ in range(app.state.settings.max_sessions):
        rpc(client, "openenv/session/create")
    assert rpc(client, "openenv/session/create")["error"]["code"] == SERVER_ERROR


def test_reads_and_refusals_are_counted(client, session_id):
    call(client, "runbook", session_id=session_id)
    call(client, "no_op", {"x": 1}, session_id=session_id)
    page = client.get("/metrics").text
    assert 'incident_env_reads_total{tool="runbook"} 1.0' in page
    assert 'incident_env_refusals_total{code="VALIDATION_ERROR"} 1.0' in page


# ---------------------------------------------------------------- over /ws


def frame(ws, kind, data=None):
    ws.send_json({"type": kind} if data is None else {"type": kind, "data": data})
    return ws.receive_json()


def tool(ws, name, arguments=None, **params):
    call = {"name": name, **params} if arguments is None else {"name": name, **params, "arguments": arguments}
    data = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answer = frame(ws, "mcp", data)
    assert answer["type"] == "mcp"
    return answer["data"]


def test_tools_act_on_the_connections_own_session(client):
    with client.websocket_connect("/ws") as ws:
        assert tool(ws, "no_op")["error"]["code"] == SERVER_ERROR
        session_id = frame(ws, "reset", {"seed": 1})["data"]["session_id"]
        assert tool(ws, "no_op")["result"]["data"]["session_id"] == session_id
        assert tool(ws, "no_op", session_id=session_id)["result"]["isError"] is False
        assert tool(ws, "golden_signals", {})["result"]["data"]["read"] == 1
        assert frame(ws, "state")["data"]["step_count"] == 2
        assert "error" in tool(ws, "no_op", session_id="another")


def test_a_session_of_mcp_is_played_on_ws_and_outlives_the_connection(client, app):
    session_id = rpc(client, "openenv/session/create")["result"]["session_id"]
    with client.websocket_connect(f"/ws?session_id={session_id}") as ws:
        assert frame(ws, "state")["data"]["episode_id"] is None
        assert frame(ws, "reset", {"seed": 1})["data"]["session_id"] == session_id
        assert call(client, "no_op", session_id=session_id)["result"]["data"]["observation"]["step"] == 1
        assert frame(ws, "state")["data"]["step_count"] == 1
        close = {"jsonrpc": "2.0", "id": 1, "method": "openenv/session/close", "params": {"session_id": session_id}}
        assert "error" in frame(ws, "mcp", close)["data"]
        create = {"jsonrpc": "2.0", "id": 1, "method": "openenv/session/create"}
        assert frame(ws, "mcp", create)["data"]["result"] == {"session_id": session_id}
    assert session_id in app.state.runner.store


def test_an_unknown_session_in_the_address_of_ws_is_an_error_frame(client):
    with client.websocket_connect("/ws?session_id=canary") as ws:
        answer = ws.receive_json()
        assert answer["data"]["code"] == "SESSION_ERROR"
        assert "canary" not in json.dumps(answer)
        assert ws.receive()["type"] == "websocket.close"
