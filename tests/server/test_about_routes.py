"""What the server says about itself: health, metadata, schema, OpenAPI, metrics."""

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families

NO_OP = {"action_type": "no_op"}


def families(page):
    return {family.name: family for family in text_string_to_metric_families(page.text)}


def value(page, name, **labels):
    samples = [sample for family in families(page).values() for sample in family.samples]
    return next(sample.value for sample in samples if sample.name == name and sample.labels == labels)


def test_health_is_healthy(client):
    assert client.get("/health").json() == {"status": "healthy"}


def test_metadata_has_name_description_and_version(client):
    assert set(client.get("/metadata").json()) == {"name", "description", "version"}


def test_the_schema_describes_what_is_sent_and_answered(client):
    schema = client.get("/schema").json()
    assert set(schema) == {"action", "observation", "state"}
    observation = client.post("/reset").json()["observation"]
    jsonschema_rs.validate(schema["observation"], observation)
    jsonschema_rs.validate(schema["state"], client.get("/state").json())
    jsonschema_rs.validate(schema["observation"], client.post("/step", json=NO_OP).json()["observation"])
    jsonschema_rs.validate(schema["action"], NO_OP)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema["action"], {"action_type": "dance"})


def test_openapi_is_version_1_and_resolves_its_references(client):
    page = client.get("/openapi.json").json()
    assert page["info"]["version"].startswith("1.")
    assert {"/reset", "/step", "/state", "/mcp", "/health", "/metadata", "/schema"} <= set(page["paths"])
    names = {part.split('"')[0] for part in str(page).replace("'", '"').split("#/components/schemas/")[1:]}
    assert {"Action", "StepRequest", "ResetRequest", "Turn", "Observation", "TaskIndex"} <= names
    assert names <= set(page["components"]["schemas"])


def test_the_servers_own_families_are_prefixed_and_count(client):
    client.post("/reset")
    client.post("/step", json=NO_OP)
    client.post("/step", json={})
    page = client.get("/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert all(name.startswith("incident_env_") for name in families(page))
    assert value(page, "incident_env_sessions") == 1
    assert value(page, "incident_env_session_capacity") == 8
    assert value(page, "incident_env_resets_total", task_id="task_easy") == 1
    assert value(page, "incident_env_steps_total", action_type="no_op") == 1
    assert value(page, "incident_env_refusals_total", code="VALIDATION_ERROR") == 1
    assert value(page, "incident_env_operation_duration_seconds_count", operation="step") == 1


def test_metrics_of_a_session_are_its_clusters(client):
    session_id = client.post("/reset").json()["session_id"]
    client.post("/step", json=NO_OP)
    page = client.get(f"/metrics?session_id={session_id}")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert page.text == "# TYPE steps_total counter\nsteps_total 1\n"


def test_reading_changes_nothing(client):
    session_id = client.post("/reset?seed=1").json()["session_id"]
    before = client.get("/state").json()
    for path in ("/state", "/metrics", f"/metrics?session_id={session_id}", "/tasks", "/schema", "/health"):
        client.get(path)
    assert client.get("/state").json() == before


def test_two_servers_in_one_process_count_apart(client, house):
    from starlette.testclient import TestClient

    from env.server import create_app

    from .fake_environment import TASKS

    client.post("/reset")
    with TestClient(create_app(house, TASKS)) as other:
        assert value(other.get("/metrics"), "incident_env_sessions") == 0
