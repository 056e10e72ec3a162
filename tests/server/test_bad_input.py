"""Bad input is refused shortly, by the field's name, without an echo, and the episode stays as it was."""

import pytest

MARK = "canary-7d1f"
TARGETED = {"action_type": "investigate", "target": "postgres-db"}


def nested(depth):
    return b'{"action_type":"postmortem","details":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


MALFORMED = {
    "truncated": b'{"action_type": "no_op"',
    "not JSON": b"action_type=no_op",
    "NaN": b'{"action_type": "no_op", "details": {"a": NaN}}',
    "Infinity": b'{"action_type": "no_op", "details": {"a": Infinity}}',
    "-Infinity": b'{"action_type": "no_op", "details": {"a": -Infinity}}',
    "a lone surrogate": b'{"action_type": "no_op", "details": "\\ud800"}',
    "a lone surrogate as key": b'{"action_type": "no_op", "details": {"\\udfff": 1}}',
    "not UTF-8": b'{"action_type": "no_op", "details": "\xff"}',
    "UTF-16": '{"action_type": "no_op"}'.encode("utf-16"),
    "nested past the parser": nested(5_000),
    "a number of 5000 digits": b'{"action_type": "no_op", "details": {"a": ' + b"1" * 5_000 + b"}}",
    "trailing text": b'{"action_type": "no_op"} ' + MARK.encode(),
}

MISSHAPEN = {
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "a number": (b"1", "body"),
    "text": (b'"no_op"', "body"),
    "nothing": (b"", "action_type"),
    "no action type": (b'{"target": "postgres-db"}', "action_type"),
    "an unknown action type": (b'{"action_type": "canary-7d1f"}', "action_type"),
    "a number as action type": (b'{"action_type": 1}', "action_type"),
    "a list as action type": (b'{"action_type": ["no_op"]}', "action_type"),
    "a number as target": (b'{"action_type": "investigate", "target": 5}', "target"),
    "an object as target": (b'{"action_type": "investigate", "target": {"canary-7d1f": 1}}', "target"),
    "a long target": (b'{"action_type": "investigate", "target": "' + b"x" * 129 + b'"}', "target"),
    "a number as details": (b'{"action_type": "no_op", "details": 5}', "details"),
    "a list as details": (b'{"action_type": "no_op", "details": ["canary-7d1f"]}', "details"),
    "long details": (b'{"action_type": "no_op", "details": "' + b"x" * 16_385 + b'"}', "details"),
    "deep details": (nested(20), "details"),
    "wide details": (
        b'{"action_type": "no_op", "details": {"a": [' + b"1," * 1_000 + b"1]}}",
        "details",
    ),
    "a number past a float": (b'{"action_type": "no_op", "details": {"a": 1e999}}', "details"),
    "a number past 64 bits": (b'{"action_type": "no_op", "details": {"a": 99999999999999999999}}', "details"),
    "an unknown field": (b'{"action_type": "no_op", "canary-7d1f": 1}', "body"),
    "metadata as text": (b'{"action_type": "no_op", "metadata": "canary-7d1f"}', "metadata"),
    "a number as session": (b'{"action_type": "no_op", "session_id": 5}', "session_id"),
    "a long session": (b'{"action_type": "no_op", "session_id": "' + b"x" * 129 + b'"}', "session_id"),
    "an action as text": (b'{"action": "canary-7d1f"}', "body"),
    "an action of null": (b'{"action": null}', "body"),
    "a wrapped unknown action type": (b'{"action": {"action_type": "canary-7d1f"}}', "action_type"),
    "an unknown field beside the action": (b'{"action": {"action_type": "no_op"}, "canary-7d1f": 1}', "body"),
    "a negative timeout": (b'{"action": {"action_type": "no_op"}, "timeout_s": -1}', "timeout_s"),
}

BAD_RESETS = {
    "seed below 0": ({"seed": -1}, "seed"),
    "seed past 63 bits": ({"seed": 2**63}, "seed"),
    "seed past the parser": ({"seed": 10**30}, "seed"),
    "a fraction as seed": ({"seed": 1.5}, "seed"),
    "a whole float as seed": ({"seed": 1.0}, "seed"),
    "a truth value as seed": ({"seed": True}, "seed"),
    "text as seed": ({"seed": "5"}, "seed"),
    "a list as seed": ({"seed": [1]}, "seed"),
    "a number as task": ({"task_id": 1}, "task_id"),
    "null as task": ({"task_id": None}, "task_id"),
    "negative noise": ({"noise": -0.1}, "noise"),
    "text as noise": ({"noise": "1"}, "noise"),
    "a truth value as noise": ({"noise": True}, "noise"),
    "too few arrivals": ({"arrival_rate_hz": 4.9}, "arrival_rate_hz"),
    "too many arrivals": ({"arrival_rate_hz": 501}, "arrival_rate_hz"),
    "an unknown reward mode": ({"reward_mode": MARK}, "reward_mode"),
    "a number as read_api": ({"read_api": 1}, "read_api"),
    "a long episode id": ({"episode_id": "x" * 256}, "episode_id"),
    "an unknown field": ({MARK: 1}, "body"),
}

BAD_QUERIES = {
    "a fraction as seed": ("seed=1.5", "seed"),
    "a whole float as seed": ("seed=5.0", "seed"),
    "an exponent as seed": ("seed=1e3", "seed"),
    "a truth value as seed": ("seed=true", "seed"),
    "no seed": ("seed=", "seed"),
    "a spaced seed": ("seed=%205", "seed"),
    "a signed seed": ("seed=%2B5", "seed"),
    "an underscored seed": ("seed=1_0", "seed"),
    "an Arabic seed": ("seed=%D9%A5", "seed"),
    "seed below 0": ("seed=-1", "seed"),
    "seed past 63 bits": ("seed=9223372036854775808", "seed"),
    "a seed of 5000 digits": ("seed=" + "1" * 5_000, "seed"),
    "noise of nan": ("noise=nan", "noise"),
    "noise of inf": ("noise=inf", "noise"),
    "two seeds": ("seed=1&seed=2", "seed"),
    "an unclear truth value": ("read_api=maybe", "read_api"),
    "an unknown parameter": (f"{MARK}=1", "query"),
}


@pytest.fixture
def episode(client):
    """A running episode and a check that a request left it as it was."""
    client.post("/reset?seed=3")
    client.post("/step", json=TARGETED)
    before = client.get("/state").json()
    yield client
    assert client.get("/state").json() == before
    assert client.post("/step", json=TARGETED).json()["observation"]["step"] == 2


def assert_refused(response, status, field):
    body = response.json()
    assert response.status_code == status, response.text
    assert body["fields"] == [field]
    assert body["detail"].startswith(field)
    assert MARK not in response.text
    assert len(response.content) < 600


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_json_is_refused_as_such(episode, body):
    for route in ("/step", "/reset", "/incident-response-env/task"):
        response = episode.post(route, content=body)
        assert_refused(response, 422, "body")
        assert response.json()["code"] == "INVALID_JSON"


@pytest.mark.parametrize(("body", "field"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_an_action_of_another_shape_is_refused_by_field(episode, body, field):
    response = episode.post("/step", content=body)
    assert_refused(response, 422, field)
    assert response.json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(("body", "field"), BAD_RESETS.values(), ids=BAD_RESETS)
def test_a_reset_of_another_shape_is_refused_by_field(episode, body, field, house):
    assert_refused(episode.post("/reset", json=body), 422, field)
    assert len(house.environments) == 1


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_query_that_cannot_be_read_is_refused_by_field(episode, query, field, house):
    assert_refused(episode.post(f"/reset?{query}"), 422, field)
    assert len(house.environments) == 1


def test_a_step_or_state_query_takes_session_and_task_only(episode):
    assert_refused(episode.get("/state?seed=1"), 422, "query")
    assert_refused(episode.post("/step?seed=1", json=TARGETED), 422, "query")


def test_several_faults_are_named_together(episode):
    response = episode.post("/step", json={"action_type": 1, "target": 2, "details": 3})
    assert response.json()["fields"] == ["action_type", "target", "details"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/reset", "POST"), ("GET", "/step", "POST"), ("POST", "/state", "GET"), ("GET", "/mcp", "POST")],
)
def test_a_wrong_method_is_405_with_the_right_ones(episode, method, path, allowed):
    response = episode.request(method, path)
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == allowed


def test_an_unknown_route_is_404(episode):
    response = episode.get(f"/{MARK}")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert MARK not in response.text


def test_a_route_that_fastapi_reads_refuses_without_an_echo(app, client):
    @app.get("/typed")
    async def typed(limit: int) -> int:
        return limit

    assert_refused(client.get(f"/typed?limit={MARK}"), 422, "limit")
