"""The Prometheus API answers in the real server's words."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.support import real_prometheus

API = "prometheus/api/v1"
BAD: tuple = (
    ("query", {"query": "1", "time": "x"}),
    ("query", {"query": "1", "timeout": "x"}),
    ("query", {"query": "label_replace(vector(1),'a','b','c','(')"}),
    ("query_range", {"query": "up"}),
    ("query_range", {"query": "up", "start": "10", "end": "5", "step": "1"}),
    ("query_range", {"query": "up", "start": "10", "end": "50", "step": "0"}),
    ("query_range", {"query": "up", "start": "10", "end": "50", "step": "-5s"}),
    ("query_range", {"query": "up", "start": "10", "end": "50", "step": "x"}),
    ("query_range", {"query": "up", "start": "10", "end": "50", "step": ""}),
    ("query_range", {"query": "up", "start": "10", "end": "1000010", "step": "1"}),
    ("query_range", {"query": "up[5m]", "start": "10", "end": "50", "step": "1"}),
    ("query_range", {"query": '"text"', "start": "10", "end": "50", "step": "1"}),
    ("query_range", {"query": "up", "start": "2025-13-14T09:00:00Z", "end": "50", "step": "1"}),
    ("query_exemplars", {"query": "up", "start": "5", "end": "1"}),
    ("query_exemplars", {"query": "up", "start": "x"}),
    ("labels", {"start": "x"}),
    ("labels", {"end": "1d"}),
    ("label/a-b/values", {}),
    ("label/job/values", {"start": "x"}),
    ("series", {}),
    ("series", {"match[]": "up", "end": "x"}),
    ("series", {"match[]": "{}"}),
    ("labels", {"match[]": '{job=~".*"}'}),
    ("metadata", {"limit": "x"}),
    ("rules", {"type": "x"}),
)
"""Requests that are refused, and whose refusal quotes no position in an expression."""

GOOD: tuple = (
    ("query", {"query": "1", "time": "10"}),
    ("query", {"query": "1", "time": "1970-01-01T00:00:10.5Z"}),
    ("query", {"query": "1", "time": "1970-01-01T02:00:10+02:00"}),
    ("query", {"query": '"a\\"b<ü>"', "time": "10"}),
    ("query", {"query": "vector(1/0)", "time": "10.123"}),
    ("query", {"query": "vector(-1/0)", "time": "10"}),
    ("query", {"query": "vector(0/0)", "time": "10"}),
    ("query", {"query": "vector(-0)", "time": "10"}),
    ("query", {"query": "vector(1e-7)", "time": "10"}),
    ("query", {"query": "vector(0.00001)", "time": "10"}),
    ("query", {"query": "vector(1e20)", "time": "10"}),
    ("query", {"query": "vector(123456789012345678)", "time": "10"}),
    ("query", {"query": "vector(1e21)", "time": "10"}),
    ("query", {"query": "vector(1/3)", "time": "10"}),
    ("query", {"query": "time()", "time": "1.5"}),
    ("query", {"query": "up", "time": "10", "timeout": "5s"}),
    ("query", {"query": "up[5m]", "time": "10"}),
    ("query_range", {"query": "1", "start": "10", "end": "12", "step": "1"}),
    ("query_range", {"query": "time()", "start": "10.25", "end": "100", "step": "1m"}),
    ("query_range", {"query": "vector(time())", "start": "0", "end": "1", "step": "0.3"}),
    ("query_range", {"query": "up", "start": "10", "end": "11000", "step": "1"}),
    ("query_exemplars", {"query": "nosuch"}),
    ("query_exemplars", {"query": "1"}),
    ("labels", {"match[]": "nosuch"}),
    ("label/nosuch/values", {}),
    ("series", {"match[]": "nosuch", "start": "10", "end": "5"}),
    ("metadata", {"metric": "nosuch"}),
    ("targets", {"state": "dropped"}),
    ("alertmanagers", {}),
    ("format_query", {"query": "sum(rate(up[5m]))by(job)"}),
)
"""Requests whose answer does not depend on what was scraped."""


@pytest.fixture(scope="module")
def real():
    """An empty Prometheus."""
    with real_prometheus.serving() as base:
        yield base


def ask(url, parameters):
    """Status and JSON of a GET, whatever the status."""
    request = f"{url}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(("path", "parameters"), BAD)
def test_what_is_wrong_is_refused_in_the_same_words(incident, real, path, parameters):
    """Status, type of error and message are those of Prometheus 2.42."""
    status, body = ask(f"{real}/api/v1/{path}", parameters)
    ours = incident.get(f"{API}/{path}", **parameters)
    assert (ours.status_code, ours.json()) == (status, body)
    assert status in {400, 422}


@pytest.mark.parametrize(("path", "parameters"), GOOD)
def test_what_is_right_is_answered_in_the_same_words(incident, real, path, parameters):
    """Every value, number and time is written as Prometheus 2.42 writes it."""
    status, body = ask(f"{real}/api/v1/{path}", parameters)
    ours = incident.get(f"{API}/{path}", **parameters)
    assert (ours.status_code, ours.json() if ours.content else None) == (status, body)


@pytest.mark.parametrize(
    "query", ["", "up +", "up{", "foo()", "sum(", "up[5m", "up[5x]", "{}", '{__name__=""}', "1 +* 2"]
)
def test_what_is_no_promql_is_bad_data(incident, real, query):
    """The message names the parameter, as Prometheus' does."""
    status, body = ask(f"{real}/api/v1/query", {"query": query})
    ours = incident.get(f"{API}/query", query=query)
    assert (ours.status_code, ours.json()["errorType"]) == (status, body["errorType"]) == (400, "bad_data")
    assert ours.json()["error"].startswith('invalid parameter "query": ')
    assert "parse error: " in ours.json()["error"]


@pytest.mark.parametrize("path", ["query", "query_range", "query_exemplars", "labels", "series", "format_query"])
def test_a_form_is_read_as_a_query_string(incident, path):
    """POST where the real server has it, which query clients use for long expressions."""
    fields = {"query": "sum(up)", "match[]": "up", "start": incident.now_s - 60, "end": incident.now_s, "step": "15"}
    assert incident.post(f"{API}/{path}", **fields).json() == incident.get(f"{API}/{path}", **fields).json()


def test_the_forms_fields_come_before_those_of_the_address(incident):
    """As Go's Request.FormValue has it."""
    answer = incident.client.post(f"{incident.path}/{API}/query?query=1", data={"query": "2"}).json()
    assert answer["data"]["result"][1] == "2"


def test_series_and_labels_are_those_of_the_cluster(incident):
    """They agree with each other."""
    jobs = incident.get(f"{API}/label/job/values").json()["data"]
    assert {"payment-service", "postgres-exporter", "redis-exporter", "kube-state-metrics"} <= set(jobs)
    assert jobs == sorted(jobs)
    found = incident.get(f"{API}/series", **{"match[]": ["up", "pg_up"]}).json()["data"]
    assert {series["__name__"] for series in found} == {"up", "pg_up"}
    assert {series["job"] for series in found} == set(jobs)
    names = incident.get(f"{API}/labels", **{"match[]": "up"}).json()["data"]
    assert set(names) == {name for series in found if series["__name__"] == "up" for name in series}


def test_a_limit_cuts_a_list_and_says_so(incident):
    """Newer clients send one with every list."""
    answer = incident.get(f"{API}/label/__name__/values", limit=3).json()
    assert len(answer["data"]) == 3
    assert answer["warnings"] == ["results truncated due to limit"]


def test_metadata_tell_type_and_help_of_every_family(incident):
    """Families that are declared, by the name that their samples have."""
    known = incident.get(f"{API}/metadata").json()["data"]
    assert known["http_server_request_duration_seconds"][0]["type"] == "histogram"
    assert known["pg_settings_max_connections"][0]["type"] == "gauge"
    assert all(entry[0]["help"] for entry in known.values())


def test_targets_are_up_and_were_scraped_before_now(incident):
    """One for each pod and exporter."""
    targets = incident.get(f"{API}/targets").json()["data"]["activeTargets"]
    up = incident.get(f"{API}/query", query="up").json()["data"]["result"]
    assert {(t["labels"]["job"], t["labels"]["instance"]) for t in targets} == {
        (s["metric"]["job"], s["metric"]["instance"]) for s in up
    }
    assert all(target["health"] == "up" and target["lastError"] == "" for target in targets)
    assert all(target["lastScrape"] < "2025-03-15" for target in targets)


def test_firing_rules_and_alerts_agree_with_the_alerts_series(incident):
    """What /rules and /alerts say is what ALERTS says."""
    alerts = incident.get(f"{API}/alerts").json()["data"]["alerts"]
    firing = [alert["labels"] for alert in alerts if alert["state"] == "firing"]
    assert firing
    stored = incident.get(f"{API}/query", query='ALERTS{alertstate="firing"}').json()["data"]["result"]
    plain = [{k: v for k, v in s["metric"].items() if k not in ("__name__", "alertstate")} for s in stored]
    assert sorted(map(sorted, map(dict.items, plain))) == sorted(map(sorted, map(dict.items, firing)))
    groups = incident.get(f"{API}/rules", type="alert").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["type"] for rule in rules} == {"alerting"}
    told = [alert for rule in rules for alert in rule["alerts"]]
    assert len(told) == len(alerts)
    assert {rule["state"] for rule in rules} >= {"firing", "inactive"}


def test_exemplars_lead_to_traces(incident):
    """The trace ids of a latency query's exemplars are those of traces that can be read."""
    buckets = 'rate(http_server_request_duration_seconds_bucket{job="payment-service"}[1m])'
    query = f"histogram_quantile(0.99, sum by (le) ({buckets}))"
    rows = incident.get(f"{API}/query_exemplars", query=query, start=incident.now_s - 120, end=incident.now_s).json()
    assert rows["data"]
    for row in rows["data"][:3]:
        assert row["seriesLabels"]["job"] == "payment-service"
        exemplar = row["exemplars"][-1]
        assert incident.now_s - 120 <= exemplar["timestamp"] <= incident.now_s
        trace = incident.get(f"jaeger/api/traces/{exemplar['labels']['trace_id']}")
        assert trace.status_code == 200


def test_a_query_of_everything_is_refused_and_not_carried_out(incident):
    """All series at 11,000 steps would be tens of millions of points."""
    start = incident.now_s - 600
    fields = {"query": '{__name__=~".+"}', "start": start, "end": start + 600, "step": "0.055"}
    answer = incident.get(f"{API}/query_range", **fields)
    assert answer.status_code == 422
    assert answer.json()["error"] == "query processing would load too many samples into memory in query execution"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "1e300"),
        ("time", "-1e300"),
        ("time", "NaN"),
        ("time", "9" * 400),
        ("query", "\x00"),
        ("query", "(" * 9000),
    ],
)
def test_odd_values_are_answered_and_not_crashed_on(incident, name, value):
    """Nothing is a defect of ours."""
    answer = incident.post(f"{API}/query", **{"query": "up", name: value})
    assert answer.status_code in {200, 400, 422}
    assert answer.json()["status"] in {"success", "error"}


def test_an_expression_with_backquotes_is_laid_out_too(incident):
    """A raw string keeps its backslashes."""
    answer = incident.get(f"{API}/format_query", query=r"sum(up{job=~`pay\w+`})by(job)")
    assert answer.status_code == 200
    assert "by (job)" in answer.json()["data"]
    assert "pay" in answer.json()["data"]
