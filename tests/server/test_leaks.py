"""No route that an agent can reach gives the answer away."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from cluster_sim import FAULTS, REMEDIATIONS, Mechanism
from env.server import create_app
from env.tasks import TASKS

ROUTES = (
    "/tasks",
    "/schema",
    "/metadata",
    "/openapi.json",
    "/health",
    "/metrics",
    "/list_environments",
    "/incident-response-env/splits",
)


@pytest.fixture(scope="module")
def client():
    """The real application."""
    with TestClient(create_app()) as client:
        yield client


@pytest.mark.parametrize("route", ROUTES)
def test_a_public_route_names_no_fault_and_no_fix(client, route):
    """Neither the catalogue ids of the faults nor the remediations are there to be read off."""
    text = client.get(route).text
    for name in {*FAULTS, *REMEDIATIONS} - set(Mechanism):  # which are published, for every task alike
        assert name not in text


@pytest.mark.parametrize("task_id", TASKS)
def test_a_running_session_shows_neither_cause_nor_owner(client, task_id):
    """State, metrics and MCP of a session that is being played."""
    session = client.post("/reset", params={"task_id": task_id, "seed": 4}).json()["session_id"]
    client.post("/step", params={"session_id": session}, json={"action_type": "no_op"})
    root = TASKS[task_id].root
    state = client.get("/state", params={"session_id": session}).text
    assert root.service not in state
    assert root.team not in state
    page = client.get("/metrics", params={"session_id": session}).text
    tools = client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).text
    for text in (state, page, tools):
        assert root.name not in text
        assert str(root.mechanism) not in text
        assert "truth" not in text


READS = (
    "prometheus/api/v1/query?query={__name__=~'.%2B'}",
    "prometheus/api/v1/series?match[]={__name__=~'.%2B'}",
    "prometheus/api/v1/rules",
    "prometheus/api/v1/alerts",
    "prometheus/api/v1/targets",
    "prometheus/api/v1/metadata",
    "alertmanager/api/v2/alerts",
    "alertmanager/api/v2/status",
)


@pytest.mark.parametrize("task_id", TASKS)
def test_no_read_of_the_telemetry_names_the_fault(client, task_id):
    """Neither the read APIs nor the tools of MCP."""
    session = client.post(f"/reset?task_id={task_id}&seed=4&read_api=true").json()["session_id"]
    root = TASKS[task_id].root
    texts = [client.get(f"/sessions/{session}/{path}").text for path in READS]
    for name, arguments in (
        ("service_graph", {}),
        ("golden_signals", {}),
        ("list_alerts", {"service": root.service}),
        ("search_logs", {"service": root.service, "since_s": 900, "limit": 200}),
        ("get_trace", {"service": root.service}),
        ("runbook", {}),
    ):
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        answer = client.post(f"/mcp?session_id={session}", json=message).json()
        assert answer["result"]["isError"] is False
        texts.append(str(answer))
    for text in texts:
        assert root.name not in text
        assert str(root.mechanism) not in text
        assert "root_cause" not in text
        assert "truth" not in text
