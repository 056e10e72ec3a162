"""A full house answers 503 with Retry-After, and closed connections make room."""

import pytest
from starlette.testclient import TestClient

from env.server import ServerSettings, create_app

from .fake_environment import TASKS


@pytest.fixture
def full(house):
    with TestClient(create_app(house, TASKS, ServerSettings(max_sessions=2))) as client:
        client.post("/reset?seed=1")
        client.post("/reset?seed=2")
        yield client


def test_a_reset_past_capacity_is_503_with_retry_after(full):
    before = full.get("/state").json()
    response = full.post("/reset?seed=3")
    assert (response.status_code, response.json()["code"]) == (503, "OVER_CAPACITY")
    assert 1 <= int(response.headers["Retry-After"]) <= 120
    assert full.get("/state").json() == before


def test_a_full_house_still_resets_the_sessions_it_has(full):
    session_id = full.post("/step", json={"action_type": "no_op"}).json()["session_id"]
    assert full.post("/reset", json={"session_id": session_id}).status_code == 200


def test_a_websocket_past_capacity_gets_an_error_frame_and_may_try_again(full):
    with full.websocket_connect("/ws") as ws:
        ws.send_json({"type": "reset"})
        assert ws.receive_json()["data"]["code"] == "CAPACITY_REACHED"
        ws.send_json({"type": "state"})
        assert ws.receive_json() == {"type": "state", "data": {"episode_id": None, "step_count": 0}}


def test_a_closed_connection_makes_room(house):
    with TestClient(create_app(house, TASKS, ServerSettings(max_sessions=1))) as client:
        with client.websocket_connect("/ws") as ws:
            ws.send_json({"type": "reset"})
            ws.receive_json()
            assert client.post("/reset").status_code == 503
            ws.send_json({"type": "close"})
            assert ws.receive()["type"] == "websocket.close"
        assert client.post("/reset").status_code == 200


@pytest.mark.parametrize("name", ["INCIDENT_ENV_MAX_SESSIONS", "INCIDENT_ENV_KEEP_IDLE_S"])
def test_settings_come_from_environment_variables(name):
    field = name.removeprefix("INCIDENT_ENV_").lower()
    assert getattr(ServerSettings.from_environ({name: "3"}), field) == 3
    for wrong in ("0", "many"):
        with pytest.raises(ValueError, match=name):
            ServerSettings.from_environ({name: wrong})
