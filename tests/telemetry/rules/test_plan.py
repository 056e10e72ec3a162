"""The compiled rules against the general evaluator, evaluation by evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isnan

import pytest

from cluster_sim import FAULTS, RULES, WINDOW, Cluster, RecordingRule, Severity, seven_services
from cluster_sim.clock import unix_ms
from cluster_sim.specs import ScrapeSpec
from cluster_sim.telemetry.alerts import AlertRule
from cluster_sim.telemetry.promql import Vector, evaluate, parse
from cluster_sim.telemetry.promql.nodes import Call, Number
from cluster_sim.telemetry.recordings import SeriesKey
from cluster_sim.telemetry.rules.compiler import Outline
from cluster_sim.telemetry.rules.evaluator import Evaluator, Outcome, generally
from cluster_sim.telemetry.rules.plan import plan_of
from cluster_sim.telemetry.rules.rule import Rule

SMALL = 1e-9


@pytest.fixture
def compared(monkeypatch):
    """Checks each result against the general evaluator's when it is made; gives the number of those compared."""
    counted = [0]
    evaluated = Evaluator.evaluate

    def check(
        cluster: Cluster, rule: Rule, now: int, keys: Sequence[SeriesKey], values: Sequence[float | None]
    ) -> None:
        expected = {key: column[0] for key, column in zip(*generally(cluster, rule, now), strict=True)}
        found = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        assert found.keys() == expected.keys(), f"{rule.name} at {now / 1e9} s"
        for key, value in found.items():
            other = expected[key]
            same = other is not None and (alike(value, other) or at_a_step(cluster, rule, now, key, value))
            assert same, f"{rule.name} at {now / 1e9} s: {key} {value} {other}"
        counted[0] += len(found)

    def both(self: Evaluator, instants: Sequence[int]) -> Iterator[tuple[Sequence[int], Iterator[Outcome]]]:
        for due, outcomes in evaluated(self, instants):
            yield due, checked(self, due, outcomes)

    def checked(self: Evaluator, due: Sequence[int], outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        for rule, outcome in zip(self.rules, outcomes, strict=True):
            for number, now in enumerate(due):
                check(self.cluster, rule, now, outcome.keys, [column[number] for column in outcome.columns])
            yield outcome

    monkeypatch.setattr(Evaluator, "evaluate", both)
    return counted


def alike(one: float, other: float) -> bool:
    return one == other or (isnan(one) and isnan(other)) or abs(one - other) <= SMALL * abs(other)


def at_a_step(cluster: Cluster, rule: Rule, now: int, key: object, value: float) -> bool:
    """Whether a quantile lies where the distribution has a gap, so that its value depends on the order of additions."""
    expr = parse(rule.expr)
    if not isinstance(expr, Call) or expr.function != "histogram_quantile":
        return False
    q, buckets = expr.arguments
    assert isinstance(q, Number)
    ends = []
    for nearby in (q.value * (1 - 1e-12), q.value * (1 + 1e-12)):
        moved = replace(expr, arguments=(Number(value=nearby), buckets))
        found = evaluate(cluster.metrics, moved, unix_ms(now, cluster.epoch_s))
        assert isinstance(found, Vector)
        ends += [s.value for s in found.samples if set(s.labels.items()) <= set(key)]  # type: ignore[call-overload]
    return ends[0] * (1 - SMALL) <= value <= ends[1] * (1 + SMALL)


@pytest.mark.parametrize("jitter", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_incident_gives_the_same_as_the_general_evaluator(fault, jitter, compared):
    """With restarts, a rollout and scaling both ways: the same series, and values within 1e-9."""
    cluster = Cluster(replace(seven_services(), scrape=ScrapeSpec(jitter=jitter)), seed=5)
    cluster.run_for(75)
    FAULTS[fault].inject(cluster)
    cluster.run_for(150)
    cluster.roll("inventory-service")
    cluster.restart("postgres-db")
    cluster.run_for(60)
    cluster = cluster.branch()
    cluster.scale("payment-service", 5)
    cluster.run_for(60)
    cluster.scale("payment-service", 2)
    cluster.restart("redis-cache")
    cluster.run_for(90)
    assert compared[0] > 500


def test_every_rule_is_planned():
    """The general evaluator, a hundred times slower, is needed for none."""
    assert None not in plan_of(tuple(Outline.of(rule) for rule in RULES), frozenset()).rules


UNUSUAL = (
    "topk(2, http_server_active_requests)",
    "up offset 30s",
    "up @ 1741942830",
    "sum without (pod, instance, node) (rate(http_server_request_duration_seconds_count[1m]))",
    "rate(container_cpu_usage_seconds_total[40s])",
    "rate(http_server_request_duration_seconds_sum[1m])",
    "increase(tomcat_threads_busy_threads[1m])",
    "time() - process_start_time_seconds",
    "http_server_request_duration_seconds_count > 100",
    '{__name__=~"redis_.*_bytes"} > 1e6',
    "histogram_quantile(0.9, sum by (le) (increase(http_server_request_duration_seconds_bucket[2m])))",
    "max_over_time(tomcat_threads_busy_threads[1m])",
    "kube_pod_status_ready * on (pod) group_left (node) kube_pod_info",
    "sum by (service) (rate(redis_commands_total[1m]))",
    "avg by (service) (tomcat_threads_busy_threads) + 1",
    "2 * up",
    "up == bool 1",
    "up unless on (service) redis_up",
    "vector(1)",
    "scalar(redis_up)",
    "absent(no_such_metric)",
    "no_such_metric",
    "sum_over_time(up[1m])",
    "sum_over_time(a:recorded[1m])",
    "b:recorded > 0.1",
    "count by (service, le) (rate(http_server_request_duration_seconds_bucket[1m]))",
    "min by (service) (pg_stat_activity_count) or max by (service) (pg_stat_activity_count)",
)
"""Expressions of which the plan knows some parts, or none."""


def test_what_the_plan_does_not_know_is_evaluated_all_the_same(compared):
    """By the general evaluator; what such a rule records is seen by the rules after it."""
    rules: list[Rule] = [
        RecordingRule(record="a:recorded", expr="sum by (service) (rate(jvm_gc_pause_seconds_count[1m]))"),
        RecordingRule(record="b:recorded", expr="topk(3, rate(container_cpu_usage_seconds_total[1m]))"),
        RecordingRule(record="a:recorded", expr="avg by (job) (up)", labels={"also": "this"}),
    ]
    rules += [
        AlertRule(alert=f"Unusual{i}", expr=expr, severity=Severity.TICKET, summary="-")
        for i, expr in enumerate(UNUSUAL)
    ]
    cluster = Cluster(replace(seven_services(), rules=tuple(rules)), seed=3)
    cluster.run_for(100)
    cluster.restart("checkout-service")
    cluster.run_for(80)
    assert compared[0] > 1000


def test_another_scrape_interval_is_left_to_the_general_evaluator(compared):
    """The plan knows scrapes that come as often as the rules are evaluated."""
    cluster = Cluster(replace(seven_services(), scrape=ScrapeSpec(interval_s=10)), seed=2)
    cluster.run_for(95)
    assert compared[0] > 50


@pytest.mark.parametrize("at_s", [45, 90, 195])
def test_a_snapshot_makes_no_difference(at_s):
    """What a restored cluster records is, to the last bit, what the original does."""
    original = Cluster(seven_services(), seed=9)
    original.run_for(at_s)
    original.restart("inventory-service")
    original.scale("payment-service", 4)
    original.run_for(37)
    copy = original.branch()
    for cluster in (original, copy):
        cluster.run_for(120)
    assert recorded(original) == recorded(copy)
    assert repr(original.alerts.active) == repr(copy.alerts.active)


def recorded(cluster: Cluster) -> dict[object, tuple[bytes, bytes]]:
    return {key: (times.tobytes(), values.tobytes()) for key, (times, values) in cluster.recordings.series.items()}


def test_the_rules_are_evaluated_every_15_seconds():
    """At whole quarters of a minute, whatever the steps."""
    cluster = Cluster(seven_services(), seed=1)
    for _ in range(7):
        cluster.run_for(17)
    requests = next(iter(cluster.recordings.series.values()))
    assert list(requests.times) == [n * WINDOW for n in range(2, 8)]
