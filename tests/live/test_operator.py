"""The operator's routes: shut without a token, and with one the whole run of the live cluster."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from cluster_sim import FAULTS, REMEDIATIONS
from env.live.log import read_log
from env.live.settings import LiveSettings, Plan
from env.server import create_app

TOKEN = "correct horse"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
LIVE = LiveSettings(live=True, speed=50.0, schedule=Plan.OFF, operator_token=TOKEN)
ROUTES = (
    ("GET", "/operator/faults"),
    ("POST", "/operator/faults"),
    ("GET", "/operator/fixes"),
    ("POST", "/operator/fixes"),
    ("POST", "/operator/restore"),
    ("POST", "/operator/traffic"),
    ("POST", "/operator/pace"),
    ("GET", "/operator/incidents"),
    ("GET", "/operator/log"),
    ("GET", "/operator/log.jsonl"),
)


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(live=LIVE)) as client:
        yield client


@pytest.fixture
def operator(client):
    """A client with the token."""

    def ask(method, path, body=None):
        return client.request(method, f"/operator{path}", headers=AUTHORISED, json=body)

    return ask


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "settings",
    [LiveSettings(operator_token=TOKEN), LiveSettings(live=True, schedule=Plan.OFF)],
    ids=["without a live cluster", "without a token"],
)
def test_there_is_no_such_route_unless_both_are_set(settings, method, path):
    """404, whoever asks."""
    client = TestClient(create_app(live=settings))  # not entered: nothing is started
    assert client.request(method, path, headers=AUTHORISED).status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_token_nobody_gets_in(client, method, path):
    """401 for none, 403 for another, and nothing happens."""
    log = client.get("/operator/log", headers=AUTHORISED).json()
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}):
        answer = client.request(method, path, headers=headers, json={"fault": next(iter(FAULTS))})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("wrong", TOKEN + "x", TOKEN[:-1], "\xe9".encode("latin-1")):
        shown = wrong if isinstance(wrong, bytes) else wrong.encode()
        answer = client.request(method, path, headers={"Authorization": b"Bearer " + shown})
        assert answer.status_code == 403
        assert TOKEN not in answer.text
    assert client.get("/operator/log", headers=AUTHORISED).json() == log


def test_the_token_stands_in_no_page(client):
    """Nor does the description of the API show the routes."""
    for path in ("/openapi.json", "/metrics", "/live", "/metadata"):
        assert TOKEN not in client.get(path).text
    assert "/operator" not in client.get("/openapi.json").text


def test_the_catalogues_are_listed(operator):
    """Every fault, and every remediation with what it does."""
    assert [entry["fault"] for entry in operator("GET", "/faults").json()] == [
        name for name in FAULTS if FAULTS[name].portable
    ]
    fixes = operator("GET", "/fixes").json()
    assert [entry["fix"] for entry in fixes] == list(REMEDIATIONS)
    assert all(entry["runbook"] for entry in fixes)


def test_what_is_done_stands_in_the_log_with_its_simulated_time(operator):
    """In order, as it was answered; the file of it can be read."""
    done = [
        operator("POST", "/faults", {"fault": "redis_maxmemory_orphan_keys"}).json(),
        operator("POST", "/fixes", {"fix": "flush_redis_cache"}).json(),
        operator("POST", "/restore").json(),
        *operator("POST", "/traffic", {"rate_factor": 1.5, "noise": 0.0}).json(),
    ]
    entries = operator("GET", "/log").json()["entries"][-5:]
    assert [(e["at"], e["kind"], e["value"]) for e in entries] == [(e["at"], e["kind"], e["value"]) for e in done]
    assert [e["kind"] for e in entries] == ["inject", "fix", "restore", "rate", "noise"]
    assert all(isinstance(e["at"], int) and e["source"] == "operator" for e in entries)
    header, logged = read_log(operator("GET", "/log.jsonl").text.splitlines())
    assert header.seed == LIVE.seed
    assert [entry.at for entry in logged[-5:]] == [e["at"] for e in entries]
    incident = operator("GET", "/incidents").json()[0]
    assert (incident["fault"], incident["source"]) == ("redis_maxmemory_orphan_keys", "operator")


def test_nothing_without_the_token_tells_what_was_done(operator, client):
    """Neither the fault nor the fix is named in the metrics, in the status or in the alerts."""
    operator("POST", "/faults", {"fault": "jwt_partial_rotation"})
    operator("POST", "/fixes", {"fix": "complete_secret_rotation"})
    for path in (
        "/live",
        "/metrics",
        "/live/prometheus/api/v1/rules",
        "/live/alertmanager/api/v2/alerts",
        "/openapi.json",
    ):
        text = client.get(path).text
        assert not [name for name in (*FAULTS, *REMEDIATIONS) if name in text], path


def test_the_pace_can_be_changed(operator, client):
    """Paused, it stands still; speed is told."""
    assert operator("POST", "/pace", {"paused": True}).json() == {"speed": 50.0, "paused": True}
    client.get("/live")
    stood = client.get("/live").json()
    assert stood["paused"] is True
    assert operator("POST", "/pace", {"paused": False, "speed": 80.0}).json() == {"speed": 80.0, "paused": False}
    assert client.get("/live").json()["speed"] == 80.0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/faults", {}, "fault"),
        ("/faults", {"fault": "<script>"}, "fault"),
        ("/faults", {"fault": 3}, "fault"),
        ("/faults", {"fault": "x" * 1000}, "fault"),
        ("/faults", {"fault": "jwt_partial_rotation", "secret_field": 1}, None),
        ("/fixes", {"fix": "nothing_of_the_kind"}, "fix"),
        ("/traffic", {}, "body"),
        ("/traffic", {"rate_factor": -1}, "rate_factor"),
        ("/traffic", {"rate_factor": 1e9}, "rate_factor"),
        ("/traffic", {"noise": "loud"}, "noise"),
        ("/pace", {"speed": 0}, "speed"),
        ("/pace", {"speed": 1e308}, "speed"),
        ("/pace", {"paused": "yes"}, "paused"),
        ("/pace", [], "body"),
    ],
)
def test_bad_orders_are_refused_by_field_and_change_nothing(operator, path, body, field):
    """422, short, and without what was sent."""
    log = operator("GET", "/log").json()
    answer = operator("POST", path, body)
    assert answer.status_code == 422
    assert field is None or answer.json()["fields"] == [field]
    assert len(answer.text) < 400
    assert "<script>" not in answer.text
    assert "xxx" not in answer.text
    assert operator("GET", "/log").json() == log


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"speed": NaN}', b'{"speed": 1e999}'])
def test_what_is_not_json_is_refused(client, body):
    """422 too."""
    answer = client.post("/operator/pace", headers=AUTHORISED, content=body)
    assert answer.status_code == 422
