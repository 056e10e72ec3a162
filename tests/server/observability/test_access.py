"""Who may read a cluster's telemetry, and as of when."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from cluster_sim import Cluster, seven_services
from env.server import create_app

APIS = (
    "prometheus/api/v1/query?query=up",
    "prometheus/-/healthy",
    "alertmanager/api/v2/alerts",
    "loki/loki/api/v1/labels",
    "jaeger/api/services",
)


@pytest.fixture(scope="module")
def scored(client):
    """The first turn of an episode that was reset as usual."""
    return client.post("/reset?seed=3").json()


@pytest.mark.parametrize("path", APIS)
def test_the_read_apis_of_a_scored_episode_are_closed(client, scored, path):
    """They answer 403 unless the episode was reset with read_api=true."""
    answer = client.get(f"/sessions/{scored['session_id']}/{path}")
    assert answer.status_code == 403
    assert "read_api=true" in answer.text


@pytest.mark.parametrize("path", APIS)
def test_they_are_open_where_the_reset_said_so(incident, path):
    """And so they are in the clock of the wall."""
    for prefix in ("", "wall/"):
        assert incident.get(prefix + path).status_code == 200


def test_the_result_records_that_they_were_open(client, incident, scored):
    """In the state and in every turn's info."""
    state = client.get("/state", params={"session_id": incident.session_id}).json()
    assert state["options"]["read_api"] is True
    assert scored["info"]["read_api"] is False


@pytest.mark.parametrize("path", APIS)
def test_an_unknown_session_is_not_found(client, path):
    """As is a live cluster where none runs."""
    assert client.get(f"/sessions/{'0' * 32}/{path}").status_code == 404
    assert client.get(f"/live/{path}").status_code == 404


def test_a_session_that_was_not_reset_has_nothing_to_read(client):
    """It was opened over /mcp."""
    opened = client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "openenv/session/create"}).json()
    answer = client.get(f"/sessions/{opened['result']['session_id']}/prometheus/api/v1/query?query=up")
    assert answer.status_code == 409


def test_reading_changes_nothing(incident):
    """The whole state of the cluster is the same, byte for byte."""
    incident.cluster.snapshot()  # whatever is only remembered is dropped
    before = incident.cluster.snapshot()
    for path in APIS:
        incident.get(path)
    incident.get(
        "prometheus/api/v1/query_range", query="rate(up[1m])", start=incident.now_s - 600, end=incident.now_s, step=15
    )
    incident.get("prometheus/api/v1/query_exemplars", query="http_server_request_duration_seconds_bucket")
    for path in ("labels", "metadata", "rules", "alerts", "targets", "targets/metadata"):
        assert incident.get(f"prometheus/api/v1/{path}").status_code == 200
    assert incident.cluster.snapshot() == before


def test_the_wall_clock_shifts_times_both_ways(incident):
    """The same value is found at the wall's now as at the simulated one, and is dated so."""
    simulated = incident.get("prometheus/api/v1/query", query="sum(up)").json()["data"]["result"][0]["value"]
    before = time.time()
    walled = incident.get("prometheus/api/v1/query", query="sum(up)", clock="wall", time=before + 60)
    dated, value = walled.json()["data"]["result"][0]["value"]
    assert value == simulated[1]
    assert before - 1 <= dated <= time.time()
    in_path = incident.get("wall/prometheus/api/v1/query", query="sum(up)").json()["data"]["result"][0]["value"]
    assert dated - 1 <= in_path[0] <= time.time()


def test_nothing_after_the_simulated_now_is_returned(incident):
    """A time to come is answered as of now and says so; of a range only the part before now."""
    later = incident.now_s + 3600
    one = incident.get("prometheus/api/v1/query", query="sum(up)", time=later).json()
    assert one["data"]["result"][0]["value"][0] == pytest.approx(incident.now_s, abs=0.001)
    assert one["warnings"]
    many = incident.get(
        "prometheus/api/v1/query_range", query="sum(up)", start=incident.now_s - 60, end=later, step=15
    ).json()
    assert len(many["data"]["result"][0]["values"]) == 5
    none = incident.get("prometheus/api/v1/query_range", query="sum(up)", start=later, end=later + 60, step=15).json()
    assert none["data"]["result"] == []
    assert incident.get("prometheus/api/v1/series", **{"match[]": "up", "start": later}).json()["data"] == []


def test_a_read_waits_for_the_step_under_way():
    """It then sees the cluster as the step has left it."""
    app = create_app()
    with TestClient(app) as client:
        turn = client.post("/reset?seed=3&read_api=true").json()
        session = app.state.runner.store.get(turn["session_id"])
        began, left = threading.Event(), session.environment.step

        def slow_step(action):
            began.set()
            time.sleep(0.05)
            return left(action)

        session.environment.step = slow_step
        step = threading.Thread(
            target=client.post,
            args=("/step",),
            kwargs={"params": {"session_id": turn["session_id"]}, "json": {"action_type": "no_op"}},
        )
        step.start()
        assert began.wait(20)
        path = f"/sessions/{turn['session_id']}/prometheus/api/v1/query?query=time()"
        seen = client.get(path).json()["data"]["result"][0]
        step.join()
        cluster = session.environment.cluster
        assert seen == pytest.approx(cluster.epoch_s + cluster.now / 1e9, abs=0.001)


def test_the_live_cluster_is_read_under_its_lock_and_in_its_own_time():
    """Its epoch is the wall clock's already, whatever `clock` says."""
    app = create_app()
    cluster = Cluster(seven_services(5), 1)
    cluster.run_for(60)
    live = SimpleNamespace(cluster=cluster, lock=threading.Lock(), start=lambda: None, stop=lambda: None)
    app.state.live = live
    with TestClient(app) as client:
        answer = client.get("/live/prometheus/api/v1/query?query=sum(up)&clock=wall").json()
        assert answer["data"]["result"][0]["value"][0] == cluster.epoch_s + 60
        asked: list[int] = []
        with live.lock:
            reader = threading.Thread(
                target=lambda: asked.append(client.get("/live/prometheus/-/healthy").status_code), daemon=True
            )
            reader.start()
            reader.join(0.05)
            assert asked == []
        reader.join(20)
        assert asked == [200]
