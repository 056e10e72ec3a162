"""The account of one service that an investigation shows."""

import pytest

from cluster_sim import Cluster, seven_services
from cluster_sim.telemetry.collector import DETAIL_LIMIT, detail, registry


@pytest.mark.parametrize("service", [service.name for service in seven_services().services])
def test_every_service_has_a_bounded_account_without_target_labels_or_buckets(healthy: Cluster, service: str) -> None:
    figures = detail(healthy, service)
    assert 10 < len(figures) <= DETAIL_LIMIT
    for name in figures:
        assert "_bucket" not in name
        assert not any(f'{label}="' in name for label in ("job", "instance", "namespace", "container", "node"))


def test_a_figure_is_the_sum_of_the_series_it_stands_for(healthy: Cluster) -> None:
    name = (
        'http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200"'
        ',http_route="/v1/checkout"}'
    )
    series = [
        sample.value
        for family in registry(healthy).collect()
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
        and sample.labels["http_route"] == "/v1/checkout"
        and sample.labels["http_response_status_code"] == "200"
    ]
    assert len(series) == 3
    assert detail(healthy, "checkout-service")[name] == sum(series)


def test_the_database_account_says_how_many_connections_there_are_and_may_be(short_of_connections: Cluster) -> None:
    figures = detail(short_of_connections, "postgres-db")
    used = sum(value for name, value in figures.items() if name.startswith("pg_stat_activity_count"))
    assert used >= 0.9 * figures["pg_settings_max_connections"]
    assert 'pg_stat_activity_count{datname="payments",state="idle"}' in figures


def test_the_cache_account_says_how_full_it_is(out_of_memory: Cluster) -> None:
    figures = detail(out_of_memory, "redis-cache")
    assert figures["redis_memory_used_bytes"] >= 0.97 * figures["redis_memory_max_bytes"]
    assert figures['redis_errors_total{err="OOM"}'] > 0


def test_the_auth_account_tells_its_pods_apart(half_rotated: Cluster) -> None:
    versions = [name for name in detail(half_rotated, "auth-service") if name.startswith("config_version_info")]
    assert len(versions) == 3
    assert all('pod="auth-service-' in name for name in versions)


def test_the_account_of_one_service_holds_nothing_of_another(healthy: Cluster) -> None:
    assert not [name for name in detail(healthy, "checkout-service") if name.startswith(("pg_", "redis_", "hikaricp"))]


def test_very_many_pods_are_added_up_instead_of_cut_off() -> None:
    cluster = Cluster(seven_services(), seed=6, noise=0.0)
    cluster.scale("payment-service", 24, pace_s=1.0)
    cluster.run_for(60)
    figures = detail(cluster, "payment-service")
    assert len(figures) <= DETAIL_LIMIT
    assert figures["up"] == 24
    pods = cluster.service("payment-service").replicas
    connections = sum(pod.pools["postgres-db"].open for pod in pods)
    assert figures['hikaricp_connections{pool="HikariPool-1"}'] == connections
