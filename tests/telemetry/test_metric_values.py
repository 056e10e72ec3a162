"""The numbers on the page are those of the simulated state."""

from collections.abc import Iterable

import pytest

from cluster_sim import Cluster, seven_services
from cluster_sim.clock import SECOND
from cluster_sim.engine.failures import DENIALS, Failure
from cluster_sim.engine.replica import SUM
from cluster_sim.specs import USERS
from cluster_sim.telemetry.collector import registry


def samples(cluster: Cluster, name: str, **labels: str) -> list:
    return [
        sample
        for family in registry(cluster).collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def total(cluster: Cluster, name: str, **labels: str) -> float:
    found = samples(cluster, name, **labels)
    assert found, f"{name} {labels}"
    return sum(sample.value for sample in found)


def counted(histograms: Iterable[list[int]]) -> int:
    return sum(sum(histogram[:SUM]) for histogram in histograms)


def test_request_histograms_hold_every_call_that_a_pod_finished(cluster: Cluster) -> None:
    for name in ("payment-service", "checkout-service", "inventory-service", "auth-service", "config-service"):
        for replica in cluster.service(name).replicas:
            finished = counted(replica.served) + counted(replica.failed.values())
            if finished:
                count = total(cluster, "http_server_request_duration_seconds_count", pod=replica.name)
                everything = total(cluster, "http_server_request_duration_seconds_bucket", pod=replica.name, le="+Inf")
                assert count == everything == finished


def test_buckets_are_cumulative(cluster: Cluster) -> None:
    last: dict[tuple, tuple[float, float]] = {}
    for sample in samples(cluster, "http_server_request_duration_seconds_bucket"):
        labels = {**sample.labels}
        bound = float(labels.pop("le"))
        key = tuple(sorted(labels.items()))
        previous = last.get(key, (0.0, 0.0))
        assert bound > previous[0]
        assert sample.value >= previous[1]
        last[key] = (bound, sample.value)
    assert last
    assert {bound for bound, _ in last.values()} == {float("inf")}


def test_without_trouble_users_got_as_many_answers_as_the_edge_counts() -> None:
    cluster = Cluster(seven_services(), seed=21, noise=0.0)
    cluster.run_for(120)
    requests = total(cluster, "traces_service_graph_request_total", client="user")
    served = sum(
        counted([replica.served[edge.slot]])
        + counted(h for (slot, _), h in replica.failed.items() if slot == edge.slot)
        for edge in cluster.user_edges()
        for replica in cluster.service(edge.server).replicas
    )
    assert requests == served
    assert requests >= cluster.recorder.finished


def test_failed_calls_in_the_graph_are_those_their_clients_counted(cluster: Cluster) -> None:
    for client in {edge.client for edge in cluster.edges}:
        mine = [edge for edge in cluster.edges if edge.client == client]
        failures = sum(n for edge in mine for failure, n in edge.failures.items() if failure not in DENIALS)
        shown = "user" if client == USERS else client
        assert total(cluster, "traces_service_graph_request_failed_total", client=shown) == failures


def test_calls_that_never_got_through_are_requests_too(short_of_connections: Cluster) -> None:
    edge = short_of_connections.edge("payment-service", "postgres-db")
    (server,) = short_of_connections.service("postgres-db").replicas
    lost = edge.failures[Failure.POOL_TIMEOUT]
    assert lost > 0
    requests = total(short_of_connections, "traces_service_graph_request_total", client=edge.client, server=edge.server)
    assert requests == counted([server.served[edge.slot]]) + lost


def test_sessions_by_state_and_by_database_add_up_to_the_slots_used(cluster: Cluster) -> None:
    backends = cluster.service("postgres-db").backends
    assert backends
    assert total(cluster, "pg_stat_activity_count") == backends.used
    assert total(cluster, "pg_stat_database_numbackends") == backends.used
    assert total(cluster, "pg_settings_max_connections") == backends.max_connections


def test_an_exhausted_database_shows_it(short_of_connections: Cluster) -> None:
    used = total(short_of_connections, "pg_stat_activity_count")
    limit = total(short_of_connections, "pg_settings_max_connections")
    reserved = total(short_of_connections, "pg_settings_superuser_reserved_connections")
    assert used == limit - reserved
    assert total(short_of_connections, "hikaricp_connections_timeout_total") > 0


def test_a_full_cache_shows_it(out_of_memory: Cluster) -> None:
    used = total(out_of_memory, "redis_memory_used_bytes")
    limit = total(out_of_memory, "redis_memory_max_bytes")
    cache = out_of_memory.service("redis-cache").spec.cache
    assert cache
    assert limit - cache.entry_bytes <= used <= limit + cache.entry_bytes
    assert total(out_of_memory, "redis_errors_total", err="OOM") > 0
    assert total(out_of_memory, "redis_commands_rejected_calls_total", cmd="set") > 0
    assert total(out_of_memory, "redis_db_keys") > total(out_of_memory, "redis_db_keys_expiring")


def test_lookups_are_hits_and_misses(cluster: Cluster) -> None:
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace
    assert total(cluster, "redis_keyspace_hits_total") == keyspace.hits
    assert total(cluster, "redis_keyspace_misses_total") == keyspace.misses


def test_half_a_rotation_shows_in_checksums_and_rejections(half_rotated: Cluster, healthy: Cluster) -> None:
    def checksums(cluster: Cluster) -> set[str]:
        return {sample.labels["checksum"] for sample in samples(cluster, "config_version_info")}

    assert len(checksums(half_rotated)) == 2
    assert len(checksums(healthy)) == 1
    rejected = samples(half_rotated, "auth_token_validation_total", result="invalid_signature")
    assert {sample.labels["pod"] for sample in rejected} == {f"auth-service-{i}" for i in range(3)}
    assert samples(healthy, "auth_token_validation_total", result="invalid_signature") == []


def test_counters_never_fall_while_no_pod_restarts() -> None:
    cluster = Cluster(seven_services(), seed=9, noise=0.0)
    before: dict[tuple, float] = {}
    for _ in range(4):
        cluster.run_for(20)
        now = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in registry(cluster).collect()
            if family.type in ("counter", "histogram", "summary")
            for sample in family.samples
        }
        assert [series for series, value in before.items() if now[series] < value] == []
        before = now
    assert sum(before.values()) > 0


def test_a_restart_sets_the_counters_of_its_pod_to_zero_and_moves_its_start() -> None:
    cluster = Cluster(seven_services(), seed=9, noise=0.0)
    cluster.run_for(60)
    pod = cluster.service("payment-service").replicas[0]
    before = total(cluster, "http_server_request_duration_seconds_count", pod=pod.name)
    started = total(cluster, "process_start_time_seconds", pod=pod.name)
    cluster.restart("payment-service", "Error")
    cluster.run_for(25)
    assert total(cluster, "http_server_request_duration_seconds_count", pod=pod.name) < before
    assert total(cluster, "process_start_time_seconds", pod=pod.name) == started + 60
    assert total(cluster, "kube_pod_container_status_restarts_total", pod=pod.name) == 1
    reasons = samples(cluster, "kube_pod_container_status_last_terminated_reason", pod=pod.name)
    assert [sample.labels["reason"] for sample in reasons] == ["Error"]


def test_a_pod_that_is_starting_is_down_and_has_no_series_of_its_own() -> None:
    cluster = Cluster(seven_services(), seed=9, noise=0.0)
    cluster.run_for(30)
    cluster.restart("checkout-service")
    cluster.run_for(2)
    pod = cluster.service("checkout-service").replicas[0].name
    own = [
        (sample.name, sample.value)
        for family in registry(cluster).collect()
        for sample in family.samples
        if sample.labels.get("pod") == pod and sample.labels["job"] == "checkout-service"
    ]
    assert dict(own) == {"up": 0, "scrape_samples_scraped": 0, "scrape_samples_post_metric_relabeling": 0}
    ready = samples(cluster, "kube_pod_status_ready", pod=pod, condition="true")
    assert [sample.value for sample in ready] == [0]


def test_a_database_that_restarts_is_not_up_and_shows_no_sessions() -> None:
    cluster = Cluster(seven_services(), seed=9, noise=0.0)
    cluster.run_for(30)
    cluster.restart("postgres-db")
    cluster.run_for(2)
    assert total(cluster, "pg_up") == 0
    assert samples(cluster, "pg_stat_activity_count") == []
    cluster.run_for(30)
    assert total(cluster, "pg_up") == 1


def test_scraped_samples_are_those_of_the_target(healthy: Cluster) -> None:
    pod = healthy.service("payment-service").replicas[0].name
    own = [
        sample.name
        for family in registry(healthy).collect()
        for sample in family.samples
        if sample.labels.get("pod") == pod and sample.labels["job"] == "payment-service"
    ]
    scraped = total(healthy, "scrape_samples_scraped", pod=pod, job="payment-service")
    assert scraped == len([name for name in own if name != "up" and not name.startswith("scrape_")])


def test_a_workload_that_is_scaled_shows_what_it_wants_and_what_it_has() -> None:
    cluster = Cluster(seven_services(), seed=9, noise=0.0)
    cluster.run_for(10)
    cluster.scale("payment-service", 6)
    cluster.run_for(3)
    assert total(cluster, "kube_deployment_spec_replicas", deployment="payment-service") == 6
    ready = total(cluster, "kube_deployment_status_replicas_ready", deployment="payment-service")
    assert ready == 3
    assert total(cluster, "kube_deployment_status_replicas_unavailable", deployment="payment-service") == 6 - ready


def test_breakers_are_in_exactly_one_state(cluster: Cluster) -> None:
    for replica in cluster.service("checkout-service").replicas:
        found = samples(cluster, "resilience4j_circuitbreaker_state", pod=replica.name)
        if replica.ready:
            assert sum(sample.value for sample in found) == 1
            breaker = next(iter(replica.breakers.values()), None)
            (now,) = [sample.labels["state"] for sample in found if sample.value]
            assert now == (breaker.state if breaker else "closed")


def test_gc_pauses_add_up_to_the_time_the_pods_stood_still(healthy: Cluster) -> None:
    pods = healthy.service("payment-service").replicas
    shown = total(healthy, "jvm_gc_pause_seconds_sum", service="payment-service")
    assert shown == pytest.approx(sum(pod.paused for pod in pods) / SECOND)
    assert shown > 0
