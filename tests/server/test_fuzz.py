"""Whatever is sent: never a 5xx, and what is refused changes nothing."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from env.server import ServerSettings, create_app

from .fake_environment import TASKS, FakeEnvironment

BOUNDED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
fields = st.sampled_from(["action_type", "target", "details", "metadata", "action", "session_id", "task_id"])
actions = st.dictionaries(fields, st.sampled_from(["no_op", "task_easy"]) | values, max_size=4)
bodies = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | (actions | values).map(lambda value: json.dumps(value).encode())
)


def serve():
    return create_app(FakeEnvironment, TASKS, ServerSettings(max_sessions=10_000))


@pytest.fixture(scope="module")
def server():
    with TestClient(serve()) as client:
        yield client


def playing(client):
    """The path suffix of a fresh session, and its state."""
    session = f"?session_id={client.post('/reset?task_id=task_hard').json()['session_id']}"
    return session, client.get(f"/state{session}").json()


@BOUNDED
@given(body=bodies)
def test_no_step_body_breaks_the_server_or_changes_what_it_refuses(server, body):
    session, before = playing(server)
    response = server.post(f"/step{session}", content=body)
    assert response.status_code in {200, 404, 409, 422}
    if response.status_code != 200:
        assert set(response.json()) <= {"detail", "code", "fields"}
        assert server.get(f"/state{session}").json() == before


@BOUNDED
@given(body=bodies, query=st.dictionaries(st.sampled_from(["seed", "noise", "read_api", "x"]), st.text()))
def test_no_reset_breaks_the_server_or_changes_what_it_refuses(server, body, query):
    session, before = playing(server)
    response = server.post(f"/reset{session}", content=body, params=query)
    assert response.status_code in {200, 404, 422}
    if response.status_code != 200:
        assert server.get(f"/state{session}").json() == before


@BOUNDED
@given(body=bodies)
def test_every_mcp_body_is_answered_in_json_rpc(server, body):
    response = server.post("/mcp", content=body)
    assert response.status_code in {200, 202}
    if response.status_code == 200:
        answer = response.json()
        assert all(reply["jsonrpc"] == "2.0" for reply in (answer if isinstance(answer, list) else [answer]))


@BOUNDED
@given(frames=st.lists(bodies, min_size=1, max_size=5))
def test_no_frame_ends_a_connection_but_close(server, frames):
    with server.websocket_connect("/ws") as ws:
        for frame in frames:
            ws.send_bytes(frame)
            answer = ws.receive_json()
            assert answer["type"] == "error"
            assert set(answer["data"]) == {"message", "code"}


schema = schemathesis.openapi.from_asgi("/openapi.json", serve())


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_routes_hold_what_the_openapi_page_says(case):
    # JSON Schema takes 5.0 for an integer, CONTRACT.md does not take it for a seed.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
