"""The page that Prometheus scrapes: names, labels, formats."""

import math
import subprocess
from collections import Counter
from collections.abc import Callable

import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from cluster_sim import Cluster, seven_services
from cluster_sim.telemetry.collector import exposition, registry

COUNTS_BY_ITS_OWN_NAME = {"pg_stat_activity_count", "db_client_connection_count"}
"""Gauges that promtool would name otherwise, but postgres_exporter and OpenTelemetry name so."""


def test_promtool_finds_nothing_but_names_that_are_not_ours(cluster: Cluster, tool: Callable[[str], str]) -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=exposition(cluster), capture_output=True, check=False
    )
    complaints = (done.stdout + done.stderr).decode().splitlines()
    assert {line.split()[0] for line in complaints} == COUNTS_BY_ITS_OWN_NAME


def test_the_page_parses_in_both_formats_to_the_same_samples(cluster: Cluster) -> None:
    text = exposition(cluster).decode()
    openmetrics = exposition(cluster, openmetrics=True).decode()
    assert openmetrics.endswith("# EOF\n")

    def samples(families) -> set:
        return {(s.name, frozenset(s.labels.items()), s.value) for family in families for s in family.samples}

    assert samples(parse_text(text)) == samples(parse_openmetrics(openmetrics))


def test_no_series_is_given_twice(cluster: Cluster) -> None:
    seen = Counter(
        (sample.name, frozenset(sample.labels.items()))
        for family in registry(cluster).collect()
        for sample in family.samples
    )
    assert [series for series, times in seen.items() if times > 1] == []


def test_values_are_finite(cluster: Cluster) -> None:
    for family in registry(cluster).collect():
        assert all(math.isfinite(sample.value) for sample in family.samples), family.name


def test_every_series_of_a_pod_has_the_labels_of_its_target(healthy: Cluster) -> None:
    wanted = {"job", "instance", "namespace", "pod", "container", "service", "node"}
    for family in registry(healthy).collect():
        for sample in family.samples:
            assert "job" in sample.labels
            assert "instance" in sample.labels
            if sample.labels["job"] not in ("kube-state-metrics", "kubelet", "node-exporter", "tempo"):
                assert wanted <= set(sample.labels), sample.name


@pytest.mark.parametrize(
    "name",
    [
        "up",
        "scrape_samples_scraped",
        "http_server_request_duration_seconds",
        "http_server_active_requests",
        "hikaricp_connections_pending",
        "db_client_connection_pending_requests",
        "process_start_time_seconds",
        "jvm_gc_pause_seconds",
        "resilience4j_circuitbreaker_state",
        "auth_token_validation",
        "config_version_info",
        "pg_up",
        "pg_stat_activity_count",
        "pg_settings_max_connections",
        "pg_stat_statements_seconds",
        "redis_memory_used_bytes",
        "redis_keyspace_misses",
        "redis_errors",
        "kube_deployment_status_replicas_ready",
        "kube_pod_container_status_restarts",
        "container_cpu_usage_seconds",
        "traces_service_graph_request",
    ],
)
def test_the_families_that_dashboards_ask_for_are_there(healthy: Cluster, name: str) -> None:
    assert name in {family.name for family in registry(healthy).collect()}


def test_clusters_do_not_share_a_registry_nor_use_the_global_one() -> None:
    before = {family.name for family in prometheus_client.REGISTRY.collect()}
    one, other = Cluster(seven_services(), 1), Cluster(seven_services(), 2)
    one.run_for(5)
    assert exposition(one) != exposition(other)
    assert {family.name for family in prometheus_client.REGISTRY.collect()} == before


def test_families_and_samples_stand_in_a_fixed_order() -> None:
    def names() -> list[str]:
        cluster = Cluster(seven_services(), 4)
        cluster.run_for(30)
        return exposition(cluster).decode().splitlines()

    assert names() == names()
    families = [line.split()[2] for line in names() if line.startswith("# HELP")]
    assert len(families) == len(set(families))


def test_no_page_gives_away_what_the_simulator_knows(cluster: Cluster) -> None:
    text = exposition(cluster).decode()
    for telling in ("fault", "orphan", "foreign", "inject", "root_cause", "remediation"):
        assert telling not in text
