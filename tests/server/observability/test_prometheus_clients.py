"""Programs that were written for a real Prometheus read a session."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from prometheus_api_client import PrometheusConnect

from tests.support.real_prometheus import program

JOBS = {"payment-service", "postgres-exporter", "redis-exporter", "kubelet"}


@pytest.fixture(scope="module")
def now(served):
    """The simulated now."""
    answer = requests.get(f"{served}/prometheus/api/v1/query?query=time()", timeout=20).json()
    return datetime.fromtimestamp(float(answer["data"]["result"][1]), UTC)


def promtool(*arguments):
    run = subprocess.run(
        [program("promtool"), "query", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return run.returncode, run.stdout, run.stderr


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_promtool_asks_for_an_instant(served, now):
    """At a time, without one, and on the wall clock, by which promtool goes."""
    url = f"{served}/prometheus"
    for arguments in ([f"--time={rfc3339(now)}", url], [url], [f"{url}?clock=wall"], [f"{served}/wall/prometheus"]):
        code, out, err = promtool("instant", *arguments, 'count(up{job="postgres-exporter"})')
        assert (code, err) == (0, "")
        assert out.startswith("{} => 1 @[")


def test_promtool_asks_for_a_range(served, now):
    """Five steps of a minute, and by default the last five minutes."""
    start = rfc3339(now - timedelta(minutes=4))
    code, out, _ = promtool(
        "range", f"--start={start}", f"--end={rfc3339(now)}", "--step=1m", f"{served}/prometheus", "count(up)"
    )
    assert code == 0
    assert len(out.splitlines()) == 6
    code, out, _ = promtool("range", "--step=15s", f"{served}/wall/prometheus", "count(up)")
    assert (code, len(out.splitlines())) == (0, 22)


def test_promtool_lists_series_and_label_values(served, now):
    """Within a span, and by default of all time on the wall clock."""
    span = [f"--start={rfc3339(now - timedelta(minutes=5))}", f"--end={rfc3339(now)}"]
    for place in ([*span, f"{served}/prometheus"], [f"{served}/wall/prometheus"]):
        code, out, err = promtool("series", '--match=up{job="auth-service"}', *place)
        assert (code, err) == (0, "")
        assert len(out.splitlines()) == 3
        code, out, err = promtool("labels", *place, "job")
        assert (code, err) == (0, "")
        assert set(out.split()) >= JOBS


def test_promtool_is_told_what_is_wrong(served):
    """It prints the message as it does a real server's."""
    code, _, err = promtool("instant", f"{served}/prometheus", "sum(up")
    assert code == 1
    assert "bad_data: invalid parameter" in err
    assert "unclosed left parenthesis" in err


def test_the_python_client_reads_values_ranges_and_labels(served, now):
    """PyPI's prometheus-api-client, unchanged."""
    client = PrometheusConnect(url=f"{served}/prometheus")
    assert client.check_prometheus_connection()
    assert "pg_settings_max_connections" in client.all_metrics()
    assert set(client.get_label_values("job")) >= JOBS
    assert "pod" in client.get_label_names()
    assert client.custom_query("count(pg_up)")[0]["value"][1] == "1"
    assert len(client.get_current_metric_value("pg_up")) == 1
    start = now - timedelta(minutes=5)
    ranged = client.get_metric_range_data("pg_up", start_time=start, end_time=now)
    assert len(ranged[0]["values"]) >= 19
    assert {value for _, value in ranged[0]["values"]} <= {"0", "1"}
    stepped = client.custom_query_range("count(up)", start_time=start, end_time=now, step="60s")
    assert len(stepped[0]["values"]) == 6
    assert {series["__name__"] for series in client.get_series(start, now, params={"match[]": "up"})} == {"up"}
    assert client.get_metric_metadata("pg_up")[0]["type"] == "gauge"
    assert len(client.get_targets()["activeTargets"]) == len(client.custom_query("up"))
    assert (
        client.get_target_metadata({"job": "postgres-exporter"}, metric="pg_up")[0]["target"]["job"]
        == "postgres-exporter"
    )


def test_holmesgpts_toolset_finds_its_way(served, now):
    """The requests of HolmesGPT's Prometheus toolset, in the forms that it sends them.

    Source: github.com/robusta-dev/holmesgpt, holmes/plugins/toolsets/prometheus/prometheus.py.
    """
    base = f"{served}/wall/prometheus/"  # it goes by the wall clock and joins paths to the address

    def get(path, **params):
        answer = requests.get(f"{base}{path}", params=params, timeout=60)
        answer.raise_for_status()
        return answer

    assert get("-/healthy").status_code == 200
    assert get("api/v1/query", query="up").json()["data"]["result"]
    assert get("api/v1/rules").json()["data"]["groups"]
    assert "pg_up" in get("api/v1/metadata").json()["data"]
    end = int(time.time())
    window = {"end": end, "start": end - 48 * 3600}
    series = get("api/v1/series", **{"match[]": '{__name__=~".*pg_.*"}', "limit": "10000"}, **window).json()["data"]
    assert all("pg_" in one["__name__"] for one in series)
    labels = get("api/v1/labels", **{"match[]": '{__name__="pg_up"}'}, **window).json()["data"]
    assert {"job", "instance", "pod"} <= set(labels)
    names = get("api/v1/label/__name__/values", **window).json()["data"]
    assert {one["__name__"] for one in series} <= set(names)
    instant = requests.post(f"{base}api/v1/query", data={"query": "sum(pg_stat_activity_count)"}, timeout=60)
    assert len(instant.json()["data"]["result"]) == 1
    span = {
        "query": "sum(rate(http_server_request_duration_seconds_count[1m]))",
        "start": rfc3339(datetime.fromtimestamp(end - 300, UTC)),
        "end": rfc3339(datetime.fromtimestamp(end, UTC)),
        "step": 60,
    }
    ranged = requests.post(f"{base}api/v1/query_range", data=span, timeout=60).json()
    assert len(ranged["data"]["result"][0]["values"]) >= 5
    wrong = requests.post(f"{base}api/v1/query", data={"query": "sum("}, timeout=60)
    assert wrong.status_code == 400
    assert "parse error" in wrong.json()["error"]
