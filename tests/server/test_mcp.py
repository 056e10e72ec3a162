"""POST /mcp is a correct JSON-RPC 2.0 endpoint."""

import json

import pytest

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


def call(client, method, params=None, request_id=1):
    message = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params is not None:
        message["params"] = params
    return client.post("/mcp", json=message)


def test_initialize_agrees_on_the_clients_version(client):
    answer = call(client, "initialize", {"protocolVersion": "2025-03-26", "capabilities": {}}).json()
    assert answer["result"]["protocolVersion"] == "2025-03-26"
    assert answer["result"]["capabilities"] == {"tools": {}}
    assert set(answer["result"]["serverInfo"]) == {"name", "version"}


def test_initialize_offers_the_newest_version_for_an_unknown_one(client):
    answer = call(client, "initialize", {"protocolVersion": "1999-01-01"}).json()
    assert answer["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("request_id", [0, 7, "seven", None, 1.5])
def test_a_request_is_answered_under_its_id(client, request_id):
    assert call(client, "ping", request_id=request_id).json() == {
        "jsonrpc": "2.0",
        "id": request_id,
        "result": {},
    }


def test_an_unknown_method_is_not_found(client):
    answer = call(client, "canary/method", request_id="a").json()
    assert (answer["id"], answer["error"]["code"]) == ("a", METHOD_NOT_FOUND)
    assert "canary" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("method", "params"), [("initialize", {}), ("initialize", {"protocolVersion": 1}), ("ping", [])]
)
def test_wrong_params_are_invalid(client, method, params):
    assert call(client, method, params).json()["error"]["code"] == INVALID_PARAMS


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"id": NaN}', b"\xff", b"[" * 5_000, b'"\\ud800"'])
def test_what_is_not_json_is_a_parse_error(client, body):
    answer = client.post("/mcp", content=body)
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["error"]["code"]) == (None, PARSE_ERROR)


@pytest.mark.parametrize(
    ("message", "request_id"),
    [
        ({}, None),
        (1, None),
        ("ping", None),
        (None, None),
        ({"id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": 2.0, "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "2.0", "id": 1}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": 1}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": "x"}, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": None}, 1),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": "x" * 257, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 2**63, "method": "ping"}, None),
        ({"method": 1}, None),
    ],
)
def test_what_is_not_a_request_is_invalid(client, message, request_id):
    answer = client.post("/mcp", content=json.dumps(message))
    assert answer.status_code == 200
    assert answer.json()["jsonrpc"] == "2.0"
    assert (answer.json()["id"], answer.json()["error"]["code"]) == (request_id, INVALID_REQUEST)


@pytest.mark.parametrize("method", ["notifications/initialized", "ping", "unknown"])
def test_a_notification_is_accepted_without_an_answer(client, method):
    answer = client.post("/mcp", json={"jsonrpc": "2.0", "method": method})
    assert (answer.status_code, answer.content) == (202, b"")


def test_a_batch_is_answered_without_its_notifications(client):
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        1,
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    answers = client.post("/mcp", json=batch).json()
    assert [answer["id"] for answer in answers] == [1, None, 2]
    assert answers[1]["error"]["code"] == INVALID_REQUEST
    assert client.post("/mcp", json=batch[1:2]).status_code == 202


@pytest.mark.parametrize("size", [0, 33])
def test_a_batch_is_bounded(client, size):
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}] * size
    assert client.post("/mcp", json=batch).json()["error"]["code"] == INVALID_REQUEST
