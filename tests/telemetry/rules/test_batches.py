"""Rules evaluated for many instants at once, against their evaluation instant by instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim import FAULTS, RULES, WINDOW, Cluster, RecordingRule, Severity, seven_services
from cluster_sim.specs import ScrapeSpec
from cluster_sim.telemetry.alerts import AlertRule
from cluster_sim.telemetry.rules.rule import Rule
from cluster_sim.telemetry.scrape import Scraper

INSTANTS = [number * WINDOW for number in range(1, 35)]

OTHERS: tuple[Rule, ...] = (
    RecordingRule(record="pod:cpu:rate2m", expr="sum by (service, pod) (rate(container_cpu_usage_seconds_total[2m]))"),
    RecordingRule(record="service:cpu:sum", expr="sum by (service) (pod:cpu:rate2m)", labels={"of": "pods"}),
    RecordingRule(record="service:gc:avg", expr="avg by (service) (increase(jvm_gc_pause_seconds_count[5m])) * 2"),
    RecordingRule(record="cpu:latest", expr="sum by (of) (sum_over_time(service:cpu:sum[30s]))"),
    RecordingRule(record="cpu:lately", expr='sum_over_time(service:cpu:sum{service=~"p.*"}[1m45s])'),
    AlertRule(
        alert="Busy",
        expr="rate(container_cpu_usage_seconds_total[30s]) > 0.4 or on (pod) up == 0",
        severity=Severity.TICKET,
        summary="{{ $labels.pod }} at {{ $value | humanize }}",
        for_s=30,
    ),
    AlertRule(
        alert="Busier",
        expr="service:cpu:sum / on (service) cpu:lately > 0.12 and on (service) service:cpu:sum > 0.1",
        severity=Severity.TICKET,
        summary="{{ $labels.service }} at {{ $value | humanize }}",
        keep_firing_for_s=45,
    ),
    AlertRule(
        alert="Versions",
        expr="count by (job) (count by (job, version) (config_version_info)) >= 1",
        severity=Severity.TICKET,
        summary="{{ $labels.job }} has {{ $value | humanize }}",
    ),
)
"""What the rules of the seven services do not have: sums of sums, sums over time without a guard, other spans."""


def eventful(fault: str, rules: Sequence[Rule] = RULES, *, jitter: bool = True) -> Cluster:
    """A cluster with an incident, in which pods come, go, move and restart, as far as the last instant."""
    cluster = Cluster(replace(seven_services(), rules=tuple(rules), scrape=ScrapeSpec(jitter=jitter)), seed=11)
    cluster.run_for(100)
    FAULTS[fault].inject(cluster)
    cluster.evict(cluster.service("checkout-service").replicas[0])
    cluster.run_for(100)
    cluster.scale("payment-service", 5)
    cluster.evict(cluster.service("redis-cache").replicas[0])
    cluster.run_for(70)
    cluster.restart("postgres-db")
    cluster.roll("inventory-service")
    cluster.run_for(80)
    cluster.scale("payment-service", 2)
    cluster.run_until(INSTANTS[-1] + WINDOW // 3)
    return cluster


def unevaluated(fault: str, rules: Sequence[Rule] = RULES, *, jitter: bool = True) -> bytes:
    """A snapshot of one whose rules have not been evaluated at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scraper, "evaluate", lambda _: None)
        return eventful(fault, rules, jitter=jitter).snapshot()


def evaluated(snapshot: bytes, cuts: Sequence[int]) -> Cluster:
    """The cluster, its rules evaluated for all instants up to a cut, then for those up to the next, and so on."""
    cluster = Cluster.restore(snapshot)
    ends = [0, *cuts, len(INSTANTS)]
    for begin, end in pairwise(ends):
        cluster.alerts.evaluate_all(INSTANTS[begin:end])
    return cluster


def shown(cluster: Cluster) -> dict[str, Any]:
    """All that the rules have led to."""
    alerts = [*cluster.alerts.history, *cluster.alerts.active]
    return {
        "recorded": {key: (t.tobytes(), v.tobytes()) for key, (t, v) in cluster.recordings.series.items()},
        "history": repr(cluster.alerts.history),
        "active": repr(cluster.alerts.active),
        "firing": [alert.name for alert in cluster.alerts.firing()],
        "annotations": [alert.annotations for alert in alerts],
    }


CUTS = st.sets(st.integers(1, len(INSTANTS) - 1)).map(sorted)


@pytest.mark.parametrize(
    ("fault", "rules", "jitter"),
    [
        *((fault, RULES, True) for fault in FAULTS),
        ("redis_maxmemory_orphan_keys", RULES, False),
        ("jwt_partial_rotation", OTHERS, True),
        ("pg_max_connections_undersized", (*OTHERS, *RULES), True),
    ],
)
def test_how_many_instants_are_evaluated_at_once_makes_no_difference(fault, rules, jitter):
    """To the last bit, with series that begin, end and begin again inside a batch."""
    snapshot = unevaluated(fault, rules, jitter=jitter)
    expected = shown(evaluated(snapshot, range(1, len(INSTANTS))))
    assert len(expected["recorded"]) > 30
    assert expected["annotations"]

    @settings(max_examples=12, deadline=None, database=None)
    @given(CUTS)
    def same(cuts: list[int]) -> None:
        assert shown(evaluated(snapshot, cuts)) == expected

    same()
    assert shown(evaluated(snapshot, [])) == expected


@pytest.mark.parametrize("fault", FAULTS)
def test_rules_evaluated_as_time_goes_by_say_the_same(fault):
    """It makes no difference whether later scrapes are there already, nor how a run is cut into steps."""
    together = shown(evaluated(unevaluated(fault), []))
    assert shown(eventful(fault)) == together


def test_what_the_general_evaluator_has_to_do_is_done_instant_by_instant():
    """Its rules see what the others record at the same instant, and nothing later."""
    rules: tuple[Rule, ...] = (
        RecordingRule(record="a:top", expr="topk(2, service:http_requests:rate1m)"),
        *RULES,
        RecordingRule(record="b:top", expr="max(service:http_requests:rate1m) - min(a:top)"),
    )
    snapshot = unevaluated("jwt_partial_rotation", rules)
    expected = shown(evaluated(snapshot, range(1, len(INSTANTS))))
    assert shown(evaluated(snapshot, [7, 20])) == expected
    cluster = evaluated(snapshot, [])
    assert shown(cluster) == expected
    (first, *_), (last, *_) = (cluster.recordings.named(name) for name in ("a:top", "b:top"))
    # The first rule sees what was recorded one instant before.
    assert cluster.recordings.series[first].times[0] == cluster.recordings.series[last].times[0]


def test_a_series_that_moves_to_another_node_is_another_series():
    """The labels of its target are other ones: one ends and one begins, and each is summed up where it belongs."""
    rule = RecordingRule(record="pods", expr="count by (service, node) (up)")
    cluster = Cluster(replace(seven_services(), rules=(rule,)), seed=4)
    cluster.run_for(65)
    moved = cluster.service("redis-cache").replicas[0]
    before = moved.node
    cluster.evict(moved)
    cluster.run_for(60)
    counted = {
        node: cluster.recordings.latest("pods", {"service": "redis-cache", "node": node})
        for node in (before, moved.node)
    }
    assert before != moved.node
    assert counted == {before: None, moved.node: 1.0}


def test_clusters_share_nothing_that_depends_on_them():
    """Two in turns, as if each were alone."""
    alone = [shown(eventful(fault)) for fault in FAULTS]
    snapshots = [unevaluated(fault) for fault in FAULTS]
    clusters = [Cluster.restore(snapshot) for snapshot in snapshots]
    for begin, end in pairwise([0, 3, 5, 20, 21, len(INSTANTS)]):
        for cluster in clusters:
            cluster.alerts.evaluate_all(INSTANTS[begin:end])
    assert [shown(cluster) for cluster in clusters] == alone
