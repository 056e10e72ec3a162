"""Jaeger's query API over a session: the shapes, the searches, the clocks, and how it refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from env.server import ServerSettings, create_app

SECOND_US = 1_000_000


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A server with the real environment."""
    with TestClient(create_app(settings=ServerSettings(max_sessions=8))) as client:
        yield client


@pytest.fixture(scope="module")
def jaeger(client: TestClient) -> str:
    """The API of an episode short of database connections."""
    answer = client.post("/reset", params={"task_id": "task_easy", "seed": 5, "read_api": True})
    return f"/sessions/{answer.json()['session_id']}/jaeger"


@pytest.fixture(scope="module")
def now_us(client: TestClient, jaeger: str) -> int:
    """When the last span of any trace ended, which is about the simulated now."""
    spans = [span for trace in traces_of(client, jaeger, service="user", limit=50) for span in trace["spans"]]
    return max(span["startTime"] + span["duration"] for span in spans)


def data(client: TestClient, url: str, **parameters: Any) -> Any:
    """The data of a good answer in Jaeger's envelope."""
    answer = client.get(url, params=parameters or None)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"data", "total", "limit", "offset", "errors"}
    assert (body["limit"], body["offset"], body["errors"]) == (0, 0, None)
    return body["data"]


def traces_of(client: TestClient, jaeger: str, **parameters: Any) -> list[dict[str, Any]]:
    """What a search finds."""
    return list(data(client, f"{jaeger}/api/traces", **parameters))


def error(client: TestClient, url: str, **parameters: Any) -> tuple[int, str]:
    """The status and the message of a refusal in Jaeger's envelope."""
    answer = client.get(url, params=parameters or None)
    body = answer.json()
    (told,) = body["errors"]
    assert body["data"] is None
    assert told["code"] == answer.status_code
    return answer.status_code, told["msg"]


def tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def test_services_and_their_operations_are_listed(client: TestClient, jaeger: str) -> None:
    """All seven services and the user, with the names and kinds of their spans."""
    services = data(client, f"{jaeger}/api/services")
    assert len(services) == 8
    assert "user" in services
    names = data(client, f"{jaeger}/api/services/payment-service/operations")
    assert "POST /v1/payments" in names
    rows = data(client, f"{jaeger}/api/operations", service="payment-service")
    assert {row["name"] for row in rows} == set(names)
    served = data(client, f"{jaeger}/api/operations", service="payment-service", spanKind="server")
    assert {row["name"] for row in served} == {"POST /v1/payments", "POST /v1/charges"}
    assert data(client, f"{jaeger}/api/services/{quote('no/such', safe='')}/operations") == []


def test_a_failing_request_is_found_and_fetched(client: TestClient, jaeger: str) -> None:
    """Search by service, operation and tags, then the same trace by its id."""
    found = traces_of(
        client, jaeger, service="payment-service", operation="POST /v1/payments", tags='{"error":"true"}', limit=5
    )
    assert 0 < len(found) <= 5
    for trace in found:
        failed = [span for span in trace["spans"] if tags(span).get("error")]
        assert any("Connection is not available" in tags(span).get("otel.status_description", "") for span in failed)
        assert data(client, f"{jaeger}/api/traces/{trace['traceID']}") == [trace]
    ids = [trace["traceID"] for trace in found]
    assert [t["traceID"] for t in traces_of(client, jaeger, traceID=ids)] == ids


@pytest.mark.parametrize(
    ("parameters", "holds"),
    [
        ({"minDuration": "2.5s"}, lambda span: span["duration"] >= 2.5 * SECOND_US),
        ({"maxDuration": "40ms"}, lambda span: span["duration"] <= 40_000),
        ({"minDuration": "1s500ms", "maxDuration": "1m"}, lambda span: 1.5e6 <= span["duration"] <= 6e7),
        ({"tag": "http.response.status_code:200"}, lambda span: tags(span)["http.response.status_code"] == 200),
        ({"tags": '{"span.kind":"server"}'}, lambda span: tags(span)["span.kind"] == "server"),
    ],
)
def test_each_trace_found_has_a_span_that_meets_the_conditions(client, jaeger, parameters, holds) -> None:
    """All conditions at once, on one span of the service asked about."""
    found = traces_of(client, jaeger, service="checkout-service", **parameters)
    assert found
    for trace in found:
        own = {key for key, process in trace["processes"].items() if process["serviceName"] == "checkout-service"}
        assert any(holds(span) for span in trace["spans"] if span["processID"] in own)


def test_times_are_microseconds_and_limit_the_search(client: TestClient, jaeger: str, now_us: int) -> None:
    """`start` and `end`, or `lookback` before the end."""
    start, end = now_us - 120 * SECOND_US, now_us - 60 * SECOND_US
    between = traces_of(client, jaeger, service="user", start=start, end=end, limit=1000)
    assert len(between) > 20
    assert all(start <= trace["spans"][0]["startTime"] <= end for trace in between)
    back = traces_of(client, jaeger, service="user", end=end, lookback="1m", limit=1000)
    assert back == between


def test_nothing_after_the_simulated_now_is_told(client: TestClient, jaeger: str, now_us: int) -> None:
    """However far into the future a search reaches."""
    found = traces_of(client, jaeger, service="user", start=now_us - SECOND_US, end=now_us + 10**12, limit=1000)
    assert all(span["startTime"] + span["duration"] <= now_us for trace in found for span in trace["spans"])
    assert traces_of(client, jaeger, service="user", start=now_us + SECOND_US, limit=1000) == []


def test_on_the_wall_clock_the_simulated_now_is_the_present(client: TestClient, jaeger: str, now_us: int) -> None:
    """Times come out shifted, and the client's own are understood."""
    newest = traces_of(client, jaeger, service="user", limit=1)[0]
    shifted = data(client, f"{jaeger}/api/traces/{newest['traceID']}", clock="wall")[0]
    shift = shifted["spans"][0]["startTime"] - newest["spans"][0]["startTime"]
    assert abs(now_us + shift - time.time() * SECOND_US) < 60 * SECOND_US
    assert [span["duration"] for span in shifted["spans"]] == [span["duration"] for span in newest["spans"]]
    recent = round(time.time() * SECOND_US) - 120 * SECOND_US
    assert traces_of(client, jaeger, service="user", start=recent, clock="wall")
    assert traces_of(client, jaeger, service="user", start=recent) == []


def test_dependencies_name_callers_and_callees(client: TestClient, jaeger: str) -> None:
    """With how often each was seen, of all services or around one."""
    links = data(client, f"{jaeger}/api/dependencies")
    assert {"parent": "payment-service", "child": "postgres-db"}.items() <= max(
        (link for link in links if link["child"] == "postgres-db"), key=lambda link: link["parent"]
    ).items()
    assert all(link["callCount"] > 0 for link in links)
    around = data(client, f"{jaeger}/api/dependencies", service="auth-service")
    assert around == [link for link in links if "auth-service" in (link["parent"], link["child"])]
    assert data(client, f"{jaeger}/api/dependencies", endTs=1000, lookback=1000) == []


def test_the_third_version_answers_in_otlp(client: TestClient, jaeger: str) -> None:
    """The same spans, as resourceSpans."""
    trace = traces_of(client, jaeger, service="user", limit=1)[0]
    told = client.get(f"{jaeger}/api/v3/traces/{trace['traceID']}").json()["result"]
    ids = {s["spanId"] for r in told["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]}
    assert ids == {span["spanID"] for span in trace["spans"]}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter 'service' is required"),
        ({"service": "user", "start": "yesterday"}, "unable to parse param 'start': strconv.ParseInt: parsing \"yest"),
        ({"service": "user", "end": "9" * 30}, "value out of range"),
        ({"service": "user", "limit": "many"}, 'strconv.ParseInt: parsing "many": invalid syntax'),
        ({"service": "user", "minDuration": "5"}, "unable to parse param 'minDuration': time: invalid duration"),
        ({"service": "user", "maxDuration": "1s or so"}, "unable to parse param 'maxDuration'"),
        ({"service": "user", "minDuration": "2s", "maxDuration": "1s"}, "'maxDuration' should be greater than 'minD"),
        ({"service": "user", "tags": "{"}, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ({"service": "user", "tags": '{"error":true}'}, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ({"service": "user", "tags": "[" * 10_000}, "malformed 'tags' parameter, cannot unmarshal JSON"),
        ({"service": "user", "tag": "error"}, "malformed 'tag' parameter, expecting key:value, received: error"),
        ({"traceID": "not-hex"}, "cannot parse traceID param"),
    ],
)
def test_a_bad_search_is_refused_as_jaeger_refuses_it(client, jaeger, parameters, message) -> None:
    """Status 400 and Jaeger's own words."""
    status, told = error(client, f"{jaeger}/api/traces", **parameters)
    assert status == 400
    assert message in told


def test_an_id_that_nobody_has_is_not_found_and_one_that_is_none_is_refused(client: TestClient, jaeger: str) -> None:
    """404 names the trace; what cannot be an id is 400."""
    answer = client.get(f"{jaeger}/api/traces/{'ab' * 16}")
    assert answer.status_code == 404
    assert answer.json()["errors"] == [{"code": 404, "msg": "trace not found", "traceID": "ab" * 16}]
    assert error(client, f"{jaeger}/api/traces/{'a' * 33}")[0] == 400
    assert error(client, f"{jaeger}/api/traces/xyz")[0] == 400
    assert error(client, f"{jaeger}/api/v3/traces/{'cd' * 16}")[0] == 404
    some = client.get(f"{jaeger}/api/traces", params={"traceID": "ab" * 16}).json()
    assert (some["data"], some["errors"]) == ([], [{"msg": "trace not found", "traceID": "ab" * 16}])


@pytest.mark.parametrize("path", ["/api/operations", "/api/dependencies?endTs=soon", "/api/dependencies?lookback=1h"])
def test_other_bad_parameters_are_refused(client: TestClient, jaeger: str, path: str) -> None:
    """A missing service, times that are no numbers."""
    assert error(client, jaeger + path)[0] == 400


def test_extreme_numbers_are_no_defect(client: TestClient, jaeger: str) -> None:
    """The ends of 64 bits, no and negative limits."""
    for start in (-(2**63), 0, 2**63 - 1):
        traces_of(client, jaeger, service="user", start=start, end=2**63 - 1, limit=1)
        data(client, f"{jaeger}/api/dependencies", endTs=start, lookback=2**63 - 1)
    assert traces_of(client, jaeger, service="user", limit=0) == []
    assert traces_of(client, jaeger, service="user", limit=-5) == []
    assert len(traces_of(client, jaeger, service="user", limit=10**9, lookback="10s")) > 10


def test_a_scored_episode_keeps_its_traces_to_itself(client: TestClient) -> None:
    """Unless it was reset with read_api; unknown sessions are 404."""
    closed = client.post("/reset", params={"task_id": "task_easy", "seed": 5}).json()["session_id"]
    assert error(client, f"/sessions/{closed}/jaeger/api/services")[0] == 403
    assert error(client, "/sessions/nobodys/jaeger/api/services")[0] == 404
