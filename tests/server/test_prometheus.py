"""A real Prometheus scrapes a session while an agent plays it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.server_process import running_server

DEADLINE_S = 60


def post(url: str, body: dict | None = None) -> dict:
    """POST JSON, read JSON."""
    request = urllib.request.Request(url, data=json.dumps(body or {}).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def query(base: str, promql: str) -> list[dict]:
    """The result of an instant query; nothing while Prometheus does not answer."""
    try:
        with urllib.request.urlopen(
            f"{base}/api/v1/query?{urllib.parse.urlencode({'query': promql})}", timeout=5
        ) as got:
            return json.load(got)["data"]["result"]
    except OSError:
        return []


def wait_for(base: str, promql: str) -> list[dict]:
    """Ask until there is a result."""
    limit = time.monotonic() + DEADLINE_S
    while time.monotonic() < limit:
        if result := query(base, promql):
            return result
        time.sleep(0.2)
    raise AssertionError(f"nothing for {promql}")


@pytest.mark.slow
def test_prometheus_scrapes_a_session_that_moves_with_its_steps(root, tool, free_port, tmp_path):
    """The target is up, its own labels are kept, and rates are above zero when steps let time pass."""
    with running_server("main:app") as base:
        session = post(f"{base}/reset?task_id=task_medium&seed=3")["session_id"]
        config = (root / "dashboards" / "session.yml").read_text()
        config = config.replace("SESSION_ID", session).replace("localhost:7860", base.removeprefix("http://"))
        config = config.replace("scrape_interval: 15s", "scrape_interval: 1s")
        (tmp_path / "prometheus.yml").write_text(config)
        address = f"127.0.0.1:{free_port()}"
        prometheus = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=error",
            ]
        )
        try:
            ours = f"http://{address}"
            wait_for(ours, 'up{job="incident-cluster"} == 1')
            wait_for(ours, 'up{job="incident-env"} == 1')
            before = wait_for(ours, 'sum(http_server_request_duration_seconds_count{job="inventory-service"})')
            for target in ("inventory-service", "redis-cache", "postgres-db"):
                action = {"action_type": "investigate", "target": target}
                post(f"{base}/step?session_id={session}", action)
                time.sleep(1.5)
            rates = wait_for(ours, "sum by (job) (rate(http_server_request_duration_seconds_count[30s])) > 0")
            assert {"inventory-service", "payment-service", "auth-service"} <= {r["metric"]["job"] for r in rates}
            after = wait_for(ours, 'sum(http_server_request_duration_seconds_count{job="inventory-service"})')
            assert float(after[0]["value"][1]) > float(before[0]["value"][1])
            full = wait_for(ours, "redis_memory_used_bytes / redis_memory_max_bytes")
            assert float(full[0]["value"][1]) == pytest.approx(1.0, abs=0.02)
        finally:
            prometheus.terminate()
            prometheus.wait(timeout=20)


def test_the_scrape_configuration_is_valid(tool, root):
    """promtool reads it."""
    config: Path = root / "dashboards" / "session.yml"
    subprocess.run([tool("promtool"), "check", "config", str(config)], check=True, capture_output=True)
