"""The logs of a cluster as streams of entries."""

from cluster_sim import Cluster, Series, logql
from cluster_sim.telemetry.logs import ClusterLogs, recent
from cluster_sim.telemetry.series import Matcher

EVERYTHING = (Matcher("namespace", "=", "shop"),)
FOREVER = (0, 2**62)


def test_the_streams_hold_the_whole_log_in_its_order(cluster: Cluster) -> None:
    logs = ClusterLogs(cluster)
    for name in cluster.services:
        entries = list(logs.entries((Matcher("service", "=", name),), *FOREVER))
        assert [entry.line for entry in entries] == recent(cluster, name, limit=1_000_000)
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_newest_first_is_the_same_the_other_way_round(restarted: Cluster) -> None:
    logs = ClusterLogs(restarted)
    matchers = (Matcher("service", "=", "postgres-db"),)
    forward = list(logs.entries(matchers, *FOREVER))
    backward = list(logs.entries(matchers, *FOREVER, newest_first=True))
    assert [entry.line for entry in backward] == [entry.line for entry in reversed(forward)]


def test_the_streams_of_all_services_are_merged_by_time(cluster: Cluster) -> None:
    times = [entry.at for entry in ClusterLogs(cluster).entries(EVERYTHING, *FOREVER)]
    assert times == sorted(times)


def test_nothing_is_outside_the_span_or_after_now(cluster: Cluster) -> None:
    begin, now = cluster.epoch_s * 10**9, cluster.epoch_s * 10**9 + cluster.now
    logs = ClusterLogs(cluster)
    middle = (begin + now) // 2
    assert all(
        middle <= entry.at <= middle + 30 * 10**9 for entry in logs.entries(EVERYTHING, middle, middle + 30 * 10**9)
    )
    assert all(begin <= entry.at <= now for entry in logs.entries(EVERYTHING, *FOREVER))
    assert not list(logs.entries(EVERYTHING, now + 1, 2**62))


def test_a_pod_has_the_labels_that_its_metrics_have(cluster: Cluster) -> None:
    shared = {"namespace", "pod", "container", "service"}
    metrics: list[Series] = cluster.metrics.select((Matcher("__name__", "=", "http_server_active_requests"),), 0, 2**42)
    scraped = {tuple(series.labels[name] for name in sorted(shared)) for series in metrics}
    streams = ClusterLogs(cluster).streams((Matcher("container", "=~", ".+"),), *FOREVER)
    logged = {tuple(stream[name] for name in sorted(shared)) for stream in streams}
    assert scraped <= logged


def test_the_orchestrators_events_are_a_stream_of_their_own(healthy: Cluster) -> None:
    matchers = (Matcher("job", "=", "loki.source.kubernetes_events"), Matcher("service", "=", "auth-service"))
    entries = list(ClusterLogs(healthy).entries(matchers, *FOREVER))
    assert entries
    assert all("   pod/auth-service-" in entry.line for entry in entries)
    assert all("container" not in entry.stream.labels for entry in entries)


def test_every_stream_that_is_listed_has_entries_and_the_other_way_round(cluster: Cluster) -> None:
    logs = ClusterLogs(cluster)
    listed = {tuple(sorted(stream.items())) for stream in logs.streams(EVERYTHING, *FOREVER)}
    assert listed == {tuple(sorted(entry.stream.labels.items())) for entry in logs.entries(EVERYTHING, *FOREVER)}


def test_a_level_is_found_in_every_format(short_of_connections: Cluster) -> None:
    query = logql.parse('sum by (service, detected_level)(count_over_time({job=~"shop/.+"}[10m]))')
    assert not isinstance(query, logql.LogQuery)
    now = short_of_connections.epoch_s * 10**9 + short_of_connections.now
    found = logql.at_instant(ClusterLogs(short_of_connections), query, now)
    levels = {(labels["service"], labels["detected_level"]) for labels, _ in found.series}
    assert {
        ("payment-service", "error"),
        ("inventory-service", "info"),
        ("config-service", "info"),
        ("postgres-db", "fatal"),
    } <= levels


def test_reading_leaves_the_cluster_as_it_was(unread: Cluster) -> None:
    before = unread.snapshot()
    logs = ClusterLogs(unread)
    first = list(logs.entries(EVERYTHING, *FOREVER))
    assert [entry[:2] for entry in logs.entries(EVERYTHING, *FOREVER)] == [entry[:2] for entry in first]
    assert logs.streams(EVERYTHING, *FOREVER)
    assert unread.snapshot() == before
