"""An episode in a real Prometheus: what it answers is what our own evaluator does."""

from __future__ import annotations

import pytest

from cluster_sim.clock import unix_ms
from cluster_sim.exports.run import Export, export
from cluster_sim.telemetry.promql import Vector, evaluate
from tests.exports.conftest import SEED, plan
from tests.exports.test_openmetrics import ask
from tests.support.real_prometheus import serving

OVER_TIME = (
    "sum by (service) (rate(http_server_request_duration_seconds_count[1m]))",
    "sum by (le) (increase(http_server_request_duration_seconds_bucket[2m]))",
    "count by (job) (count_over_time(up[5m]))",
    "sum by (cmd) (rate(redis_commands_total[3m]))",
    "max by (service) (max_over_time(redis_memory_used_bytes[5m]))",
    "sum by (alertname) (count_over_time(ALERTS[10m]))",
)
"""Queries that look at samples only, so that it does not matter that OpenMetrics cannot say where a series ends."""

AT_ONCE = (
    "sum by (service, state) (pg_stat_activity_count)",
    "count by (__name__) ({job=~'.+'})",
    "sum by (alertname, alertstate) (ALERTS)",
    "sum by (service) (kube_pod_status_ready{condition='true'})",
)
"""Queries of the newest value, which need to know."""


def _same(base: str, episode, queries) -> None:
    """Both answer alike at some instants before and after the page."""
    for at in (episode.onset, episode.paged, episode.cluster.now - 7_000_000_000):
        at_ms = unix_ms(at)
        for query in queries:
            theirs = {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in ask(base, query, at_ms)}
            result = evaluate(episode.cluster.metrics, query, at_ms)
            assert isinstance(result, Vector)
            ours = {tuple(sorted(one.labels.items())): one.value for one in result.samples}
            assert theirs == pytest.approx(ours, rel=1e-9), query


@pytest.mark.slow
def test_backfilled_blocks_give_the_same_rates(written, episode):
    """The file goes through promtool into a Prometheus."""
    with serving(written / "metrics.om") as base:
        _same(base, episode, OVER_TIME)


@pytest.mark.slow
def test_remote_write_gives_the_same_present_as_well(episode):
    """Samples arrive with their markers; external labels are added."""
    with serving(flags=["--web.enable-remote-write-receiver"]) as base:
        labels = (("seed", "{seed}"), ("fault", "{fault}"), ("service", "not this"))
        what = Export(plan=plan(), remote_write=f"{base}/api/v1/write", labels=labels)
        assert export(what, SEED) is None
        _same(base, episode, (*OVER_TIME, *AT_ONCE))
        (marked,) = ask(base, "redis_up", unix_ms(episode.paged))
    assert marked["metric"]["seed"] == str(SEED)
    assert marked["metric"]["fault"] == "redis_maxmemory_orphan_keys"
    assert marked["metric"]["service"] == "redis-cache"
