"""Point for point against a real Prometheus 2.42: an episode with restarts, sent with its staleness markers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster_sim.clock import unix_ms
from cluster_sim.cluster import Cluster
from cluster_sim.exports.remote_write import RemoteWriter
from cluster_sim.faults import FAULTS
from cluster_sim.incident import begin
from cluster_sim.remediations import REMEDIATIONS
from cluster_sim.services import seven_services
from cluster_sim.telemetry.promql import parse_selector
from cluster_sim.telemetry.series import is_stale
from tests.support.real_prometheus import serving

from .comparing import Comparison
from .generating import Generator
from .vocabulary import vocabulary

SEED = 5
MINUTE_MS = 60_000

QUERIES = r"""
up
up == 0
sum by (job) (up) / count by (job) (up)
count by (__name__) ({__name__=~".+"})
ALERTS
ALERTS{alertstate="firing"}
ALERTS_FOR_STATE
time() - ALERTS_FOR_STATE
count_over_time(ALERTS[5m])
sum by (service) (rate(REQUESTS_count[1m]))
sum by (service) (rate(REQUESTS_count[5m] offset 2m))
sum by (service) (rate(REQUESTS_count{http_response_status_code=~"5.."}[2m]))
sum by (job) (rate(REQUESTS_count{http_response_status_code=~"5.."}[5m])) / sum by (job) (rate(REQUESTS_count[5m]))
histogram_quantile(0.99, sum by (le, service) (rate(REQUESTS_bucket[5m])))
histogram_quantile(0.5, sum by (le) (rate(REQUESTS_bucket[1m])))
histogram_quantile(0.95, sum by (le, service, http_route) (rate(REQUESTS_bucket[2m])))
histogram_quantile(0.9, rate(REQUESTS_bucket[5m]))
sum by (service) (rate(REQUESTS_sum[5m])) / sum by (service) (rate(REQUESTS_count[5m]))
sum by (service) (http_server_active_requests)
max_over_time(sum by (service) (http_server_active_requests)[5m:15s])
sum(pg_stat_activity_count) by (state)
sum(pg_stat_activity_count) / on() group_left pg_settings_max_connections
sum(pg_stat_activity_count) / scalar(pg_settings_max_connections - pg_settings_superuser_reserved_connections) > 0.9
sum by (datname) (pg_stat_database_numbackends)
rate(pg_stat_database_xact_commit[5m])
rate(pg_stat_statements_seconds_total[5m]) / rate(pg_stat_statements_calls_total[5m])
redis_memory_used_bytes / redis_memory_max_bytes
rate(redis_keyspace_hits_total[5m]) / (rate(redis_keyspace_hits_total[5m]) + rate(redis_keyspace_misses_total[5m]))
increase(redis_evicted_keys_total[10m])
sum by (cmd) (irate(redis_commands_total[1m]))
redis_db_keys - redis_db_keys_expiring
redis_instance_info
predict_linear(redis_memory_used_bytes[10m], 600)
deriv(redis_db_keys[5m])
kube_pod_status_ready{condition="true"} == 0
kube_pod_status_ready{condition="false"} * on(pod) group_left(node) kube_pod_info
kube_deployment_status_replicas_ready < kube_deployment_spec_replicas
sum by (pod) (kube_pod_status_phase{phase="Running"})
changes(kube_pod_container_status_restarts_total[10m])
increase(kube_pod_container_status_restarts_total[10m]) > 0
changes(process_start_time_seconds[10m])
time() - process_start_time_seconds
sum by (service) (rate(process_cpu_seconds_total[2m]))
rate(container_cpu_usage_seconds_total[2m])
sum by (client, server) (rate(EDGE_total[2m]))
sum by (server) (rate(EDGE_failed_total[2m])) / sum by (server) (rate(EDGE_total[2m]))
hikaricp_connections_active / hikaricp_connections_max
hikaricp_connections_pending > 0
rate(hikaricp_connections_acquire_seconds_sum[5m]) / rate(hikaricp_connections_acquire_seconds_count[5m])
db_client_connection_count / on(pod, db_client_connection_pool_name) group_left db_client_connection_max
resilience4j_circuitbreaker_state == 1
sum by (result) (rate(auth_token_validation_total[2m]))
count by (version) (config_version_info)
count(count by (version) (config_version_info)) > 1
max(config_last_reload_success_timestamp_seconds) - min(config_last_reload_success_timestamp_seconds)
tomcat_threads_busy_threads / tomcat_threads_config_max_threads
scrape_samples_scraped
sum(scrape_series_added)
absent(up{job="nonexistent"})
absent(up)
avg_over_time(up[10m])
min_over_time(up[5m])
last_over_time(kube_pod_info[10m])
count(last_over_time(kube_pod_info[10m])) - count(kube_pod_info)
resets(REQUESTS_count[20m]) > 0
up unless on(pod) kube_pod_status_ready{condition="true"} == 1
{__name__=~"service:http_.*"}
"""
"""Written with short names for two long ones."""


def queries() -> list[str]:
    """The queries, with the names in full."""
    names = {"REQUESTS": "http_server_request_duration_seconds", "EDGE": "traces_service_graph_request"}
    found = QUERIES.strip()
    for short, full in names.items():
        found = found.replace(short, full)
    return found.splitlines()


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Postgres runs out of connections; it and a service are restarted, another is scaled."""
    incident = begin(seven_services(20), FAULTS["pg_max_connections_undersized"], SEED)
    cluster = incident.cluster
    for name in ("restart_postgres", "restart_inventory_service", "scale_out_payment_service"):
        cluster.run_for(100)
        REMEDIATIONS[name].apply(cluster)
    cluster.run_for(240)
    return cluster


@pytest.fixture(scope="module")
def comparison(cluster) -> Iterator[Comparison]:
    """The store as it is, and the same samples in a Prometheus."""
    now = unix_ms(cluster.now, cluster.epoch_s)
    every = cluster.metrics.select(parse_selector('{__name__=~".+"}'), 0, now)
    with serving(flags=["--web.enable-remote-write-receiver"], config="global: {}\n") as url:
        with RemoteWriter(f"{url}/api/v1/write") as writer:
            writer.write(every)
        yield Comparison(
            cluster.metrics,
            url,
            instants=(now, now - 3 * MINUTE_MS - 77, now - 7 * MINUTE_MS),
            spans=((now - 20 * MINUTE_MS, now, 15_000), (now - 9 * MINUTE_MS + 5, now + 3 * MINUTE_MS, 41_000)),
        )


def test_the_episode_has_series_that_end(cluster):
    """Else it would prove less than it seems."""
    every = cluster.metrics.select(parse_selector('{__name__=~".+"}'), 0, unix_ms(cluster.now, cluster.epoch_s))
    assert len(every) > 1000
    assert sum(is_stale(one.values).any() for one in every) > 50


@pytest.mark.slow
def test_queries_of_an_on_call_engineer_give_the_same(comparison):
    """Over all families of metrics there are."""
    assert comparison.differences(queries()) == []


@pytest.mark.slow
def test_generated_queries_of_an_episode_give_the_same(comparison, cluster):
    """A hundred over all names and labels of the episode."""
    every = cluster.metrics.select(parse_selector('{__name__=~".+"}'), 0, unix_ms(cluster.now, cluster.epoch_s))
    words = vocabulary(
        every,
        SEED,
        histogram="http_server_request_duration_seconds",
        untied=("redis_memory_used_bytes",),
        alike="kube_deployment_s.*",
    )
    generator = Generator(words, SEED)
    assert comparison.differences(generator.query() for _ in range(100)) == []
