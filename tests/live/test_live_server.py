"""A real Prometheus scrapes a live server while an operator breaks and mends its cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml

from tests.server_process import running_server
from tests.support.real_prometheus import serving

DEADLINE_S = 120.0
TOKEN = "t0ken"
ENVIRON = {"LIVE": "1", "LIVE_SPEED": "20", "LIVE_SEED": "7", "LIVE_SCHEDULE": "off", "OPERATOR_TOKEN": TOKEN}
PAGES = 'ALERTS{alertstate="firing",severity="critical"}'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def live():
    """A client of a live server."""
    with running_server(environ=ENVIRON) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def prometheus(live, root):
    """A Prometheus with the shipped scrape configuration, but for the address, once a second."""
    config = yaml.safe_load((root / "dashboards" / "prometheus.yml").read_text(encoding="utf-8"))
    scrape = next(job for job in config["scrape_configs"] if "params" not in job)
    scrape |= {"scrape_interval": "1s", "static_configs": [{"targets": [live.base_url.netloc.decode()]}]}
    text = yaml.safe_dump({"scrape_configs": [scrape]})
    with (
        serving(config=text, flags=["--enable-feature=exemplar-storage"]) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def until(what: str, look: Callable[[], Any]) -> Any:
    """What is seen, once there is something."""
    give_up_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < give_up_s:
        if seen := look():
            return seen
        time.sleep(0.2)
    raise AssertionError(f"never: {what}")


def query(server: httpx.Client, promql: str, prefix: str = "") -> list[dict]:
    """The result of an instant query."""
    answer = server.get(f"{prefix}/api/v1/query", params={"query": promql})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["result"]


def operate(server: httpx.Client, path: str, body: dict) -> dict:
    answer = server.post(f"/operator{path}", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_is_scraped_and_its_rates_are_those_of_traffic(live, prometheus):
    """The target is up without an error, every service answers, and the server's own families are beside them."""
    until("the target up", lambda: query(prometheus, 'up{job="incident-env"} == 1'))
    busy = "sum by (job) (rate(http_server_request_duration_seconds_count[10s])) > 0"
    until("rates of all services", lambda: query(prometheus, f"count({busy}) >= 5"))
    assert {"payment-service", "checkout-service"} <= {series["metric"]["job"] for series in query(prometheus, busy)}
    (target,) = prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert query(prometheus, "incident_env_live_running")[0]["value"][1] == "1"
    assert query(prometheus, "rate(incident_env_live_simulated_seconds_total[10s]) > 0")


def test_its_epoch_is_the_wall_clock(live, prometheus):
    """Processes were started within the last hours, none in the future."""
    until("start times", lambda: query(prometheus, "process_start_time_seconds"))
    ages = query(prometheus, "time() - process_start_time_seconds")
    assert all(-5 < float(series["value"][1]) < 86_400 for series in ages)
    (now,) = query(live, "vector(time())", "/live/prometheus")
    assert abs(float(now["value"][1]) - time.time()) < 30


def test_exemplars_lead_to_traces(live, prometheus):
    """The trace ids that Prometheus has stored are traces that the live cluster's Jaeger API knows."""

    def known() -> list[str]:
        found = prometheus.get(
            "/api/v1/query_exemplars",
            params={
                "query": "http_server_request_duration_seconds_bucket",
                "start": time.time() - 600,
                "end": time.time() + 10,
            },
        ).json()["data"]
        ids = [exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]]
        return [trace for trace in ids[-20:] if live.get(f"/live/jaeger/api/traces/{trace}").status_code == 200]

    assert until("an exemplar whose trace is known", known)


def test_a_fault_shows_and_its_cure_too(live, prometheus):
    """Redis fills up, users are hurt and somebody is paged; a fix, and it is over."""
    full = "redis_memory_used_bytes / redis_memory_max_bytes > 0.98"
    slow = (
        "histogram_quantile(0.99, sum by (le) "
        '(rate(http_server_request_duration_seconds_bucket{job="inventory-service"}[10s]))) > 1'
    )
    until("memory figures", lambda: query(prometheus, "redis_memory_used_bytes"))
    assert query(prometheus, full) == []
    operate(live, "/faults", {"fault": "redis_maxmemory_orphan_keys"})
    until("a full redis", lambda: query(prometheus, full))
    until("slow answers", lambda: query(prometheus, slow))
    until("a page", lambda: query(live, PAGES, "/live/prometheus"))
    firing = until("the page's alert", lambda: live.get("/live/alertmanager/api/v2/alerts").json())
    assert any(alert["labels"].get("severity") == "critical" for alert in firing)
    operate(live, "/fixes", {"fix": "flush_redis_cache"})
    until("room in redis", lambda: not query(prometheus, full))
    until("quick answers", lambda: not query(prometheus, slow))
    until("no page any more", lambda: not query(live, PAGES, "/live/prometheus"))


def test_other_answers_stay_prompt_while_it_runs(live):
    """Health is told while the cluster runs at twenty times the clock; no request fails."""
    for _ in range(30):
        assert live.get("/health").status_code == 200
        assert live.get("/live").json()["failed"] is False
