"""The root cause of each incident can be found through the read APIs alone, by PromQL and LogQL."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from env.server import create_app

pytestmark = pytest.mark.slow


class Detective:
    """Asks questions about one paged session, as somebody would who has Grafana and nothing else."""

    def __init__(self, client: TestClient, task: str, seed: int) -> None:
        self.client = client
        answer = client.post("/reset", params={"task_id": task, "seed": seed, "read_api": "true"})
        assert answer.status_code == 200
        self.base = f"/sessions/{answer.json()['session_id']}"

    def promql(self, query: str, *labels: str) -> dict[tuple[str, ...], float]:
        """An instant query's values by the values of some labels."""
        return self._values(f"{self.base}/prometheus/api/v1/query", query, labels)

    def logql(self, query: str, *labels: str) -> dict[tuple[str, ...], float]:
        """A metric query's values by the values of some labels."""
        return self._values(f"{self.base}/loki/loki/api/v1/query", query, labels)

    def lines(self, query: str) -> list[str]:
        """The lines that a log query finds in the last half hour."""
        answer = self._get(
            f"{self.base}/loki/loki/api/v1/query_range", {"query": query, "since": "30m", "limit": "1000"}
        )
        return [line for stream in answer["result"] for _, line in stream["values"]]

    def _values(self, url: str, query: str, labels: tuple[str, ...]) -> dict[tuple[str, ...], float]:
        answer = self._get(url, {"query": query})
        return {tuple(s["metric"].get(label, "") for label in labels): float(s["value"][1]) for s in answer["result"]}

    def _get(self, url: str, parameters: dict[str, str]) -> Any:
        answer = self.client.get(url, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app()) as client:
        yield client


FAILING = (
    "topk(2, sum by (service) (rate(http_server_request_duration_seconds_count{http_response_status_code=~'5..'}[2m])))"
)


@pytest.mark.parametrize("seed", [1, 2])
def test_more_clients_than_the_database_admits(client, seed):
    """Payments fail because payment-service's pods together want more connections than postgres gives."""
    ask = Detective(client, "task_easy", seed)
    assert ("payment-service",) in ask.promql(FAILING, "service")
    assert ask.promql("sum(pg_stat_activity_count) / sum(pg_settings_max_connections)")[()] > 0.9
    assert ask.promql("sum by (job) (hikaricp_connections_pending)", "job")[("payment-service",)] > 0
    grown = ask.promql("kube_deployment_spec_replicas > kube_deployment_spec_replicas offset 10m", "deployment")
    assert set(grown) == {("payment-service",)}
    # The cores are idle: it is not the work.
    assert ask.promql("sum(rate(container_cpu_usage_seconds_total{container='postgres-db'}[2m])) / 4")[()] < 0.5
    refused = ask.logql(
        'sum by (service) (count_over_time({service="postgres-db"} |= "remaining connection slots" [5m]))'
    )
    assert refused[()] > 0
    before = ask.logql(
        'sum by (service) (count_over_time({service="postgres-db"} |= "remaining connection slots" [5m] offset 10m))'
    )
    assert before == {}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_cache_full_of_keys_that_never_expire(client, seed):
    """Services are slow because redis refuses writes: keys without expiry have filled it to maxmemory."""
    ask = Detective(client, "task_medium", seed)
    assert ask.promql("redis_memory_used_bytes / redis_memory_max_bytes", "job")[("redis-exporter",)] > 0.97
    assert ask.promql("rate(redis_errors_total{err='OOM'}[2m])", "err")[("OOM",)] > 0
    forever = "sum(redis_db_keys - redis_db_keys_expiring)"
    assert ask.promql(forever)[()] > 500
    assert ask.promql(f"{forever.replace(')', ' offset 10m)').replace('keys -', 'keys offset 10m -')}")[()] == 0
    blamed = ask.logql(
        'sum by (service) (count_over_time({job=~"shop/.+"} |= "command not allowed when used memory" [5m]))', "service"
    )
    assert set(blamed) == {("inventory-service",)}
    assert ask.lines('{service="redis-cache"} |~ "(?i)oom|maxmemory"') == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_signing_key_that_reached_two_pods_of_three(client, seed):
    """Users are refused now and then because one auth pod still signs and verifies with the key before."""
    ask = Detective(client, "task_hard", seed)
    assert ask.promql("count(count by (checksum) (config_version_info))")[()] == 2
    (lagging,) = ask.promql(
        "config_version_info unless on (version) topk(1, count by (version) (config_version_info))", "pod"
    )
    rejecting = "sum by (pod) (rate(auth_token_validation_total{result='invalid_signature'}[2m]))"
    assert len(ask.promql(rejecting, "pod")) == 3
    assert ask.promql(f"{rejecting} offset 10m".replace("[2m])) offset 10m", "[2m] offset 10m))")) == {}
    missed = ask.lines('{service="config-service"} |~ "timed out|acked"')
    assert any(lagging[0] in line for line in missed)
    assert any("2/3" in line for line in missed)
    newest = max(int(version) for (version,) in ask.promql("config_version_info", "version"))
    loaded = ask.lines(f'{{service="auth-service"}} |= "signing secret loaded" | json | rev={newest}')
    assert loaded
    assert not any(lagging[0] in line for line in loaded)
