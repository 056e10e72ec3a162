"""The rule file, as promtool reads it and as it fires on an episode."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, RULES, WINDOW, Cluster, Matcher, Series, rule_file_text, seven_services
from cluster_sim.specs import ScrapeSpec
from cluster_sim.telemetry.alerts import Alert, AlertRule, Severity
from cluster_sim.telemetry.promql import Expr, Selector, children, parse
from cluster_sim.telemetry.rules.rule import Rule
from cluster_sim.telemetry.rules.template import FUNCTIONS, Template
from cluster_sim.telemetry.series import NAME, is_stale
from tests.support.real_prometheus import program

EPISODES = {
    "pg_max_connections_undersized": "increase_db_connections",
    "redis_maxmemory_orphan_keys": "flush_redis_cache",
    "jwt_partial_rotation": "restart_config_agents",
}
"""Faults, and what ends them."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def test_promtool_accepts_the_rule_file(tmp_path):
    """No error and no warning, `keep_firing_for` included."""
    (tmp_path / "rules.yml").write_text(rule_file_text(RULES), encoding="utf-8")
    checked = run(program("promtool"), "check", "rules", str(tmp_path / "rules.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(RULES)} rules found" in checked.stdout
    assert any(isinstance(rule, AlertRule) and rule.keep_firing_for_s for rule in RULES)


@pytest.mark.parametrize("fault", EPISODES)
def test_promtool_fires_the_same_alerts_at_the_same_times(fault, tmp_path):
    """At each evaluation of an episode: which alerts fire, with which labels and annotations, and which are pending."""
    (tmp_path / "rules.yml").write_text(rule_file_text(map(without_value, RULES)), encoding="utf-8")
    cluster = Cluster(
        replace(seven_services(), scrape=ScrapeSpec(jitter=False), rules=tuple(map(without_value, RULES))), seed=11
    )
    moments = list(evaluations(cluster, fault))
    assert {alert["labels"]["alertname"] for _, firing, _ in moments for alert in firing} > {"KubePodRestarted"}
    exported = cluster.metrics.select([names_of_rules()], 0, 1 << 60)
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [values(series, cluster) for series in exported],
                "alert_rule_test": [
                    {
                        "eval_time": f"{at // 10**9}s",
                        "alertname": alertname,
                        "exp_alerts": [
                            {"exp_labels": alert["labels"], "exp_annotations": alert["annotations"]}
                            for alert in firing
                            if alert["labels"]["alertname"] == alertname
                        ],
                    }
                    for at, firing, _ in moments
                    for alertname in sorted({rule.alert for rule in RULES if isinstance(rule, AlertRule)})
                ],
                "promql_expr_test": [
                    {
                        "expr": "ALERTS",
                        "eval_time": f"{at // 10**9}s",
                        "exp_samples": [{"labels": written(labels), "value": 1} for labels in states],
                    }
                    for at, _, states in moments
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test), encoding="utf-8")
    tested = run(program("promtool"), "test", "rules", str(tmp_path / "test.yml"))
    assert tested.returncode == 0, (tested.stdout + tested.stderr)[:4000]


def without_value(rule: Rule) -> Rule:
    """The rule with annotations that leave out the value, whose last digit may differ where it is a tie."""
    return (
        replace(rule, summary=re.sub(r"\{\{ \$value[^}]*\}\}", "", rule.summary))
        if isinstance(rule, AlertRule)
        else rule
    )


def test_annotations_are_written_as_prometheus_writes_them(tmp_path):
    """Numbers, durations and shares of all sizes, and labels that are there or not."""
    shown = {name: f"{{{{ $value | {name} }}}} {{{{ $labels.size }}}}{{{{$labels.none}}}}" for name in FUNCTIONS}
    rules = [
        AlertRule(alert=name, expr="x", severity=Severity.TICKET, summary=text, labels={"as": "{{ $labels.size }}!"})
        for name, text in shown.items()
    ]
    numbers = [
        0.0,
        1.0,
        0.382,
        0.05,
        1e-7,
        59.99,
        61.0,
        3601.5,
        90_061.0,
        999.5,
        12_345.678,
        1.5e7,
        2.5e13,
        -0.25,
        -75.0,
    ]
    alerts = [
        (
            rule.alert,
            {"size": str(i), "severity": "warning", "as": f"{i}!"},
            {name: Template(text).expand({"size": str(i)}, number) for name, text in rule.annotations.items()},
        )
        for rule in rules
        for i, number in enumerate(numbers)
    ]
    test = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": f'x{{size="{i}"}}', "values": repr(n)} for i, n in enumerate(numbers)],
                "alert_rule_test": [
                    {
                        "eval_time": "0s",
                        "alertname": rule.alert,
                        "exp_alerts": [
                            {"exp_labels": labels, "exp_annotations": annotations}
                            for alertname, labels, annotations in alerts
                            if alertname == rule.alert
                        ],
                    }
                    for rule in rules
                ],
            }
        ],
    }
    (tmp_path / "rules.yml").write_text(rule_file_text(rules), encoding="utf-8")
    (tmp_path / "test.yml").write_text(json.dumps(test), encoding="utf-8")
    tested = run(program("promtool"), "test", "rules", str(tmp_path / "test.yml"))
    assert tested.returncode == 0, (tested.stdout + tested.stderr)[:4000]


Moment = tuple[int, list[dict[str, Any]], list[dict[str, str]]]


def evaluations(cluster: Cluster, fault: str) -> Iterator[Moment]:
    """Every evaluation of an episode with a fault and its cure: when, the alerts that fire, the states of all."""

    def until(end_s: int) -> Iterator[Moment]:
        while cluster.now < end_s * 10**9:
            cluster.run_until((cluster.now // WINDOW + 1) * WINDOW + 1)
            active = cluster.alerts.active
            states = [
                {
                    NAME: "ALERTS",
                    **alert.labels,
                    "alertstate": "firing" if alert.firing else "pending",
                }
                for alert in active
            ]
            yield cluster.now - 1, [shown(alert) for alert in active if alert.firing], states

    yield from until(150)
    FAULTS[fault].inject(cluster)
    yield from until(450)
    REMEDIATIONS[EPISODES[fault]].apply(cluster)
    cluster.restart("redis-cache")
    yield from until(690)


def shown(alert: Alert) -> dict[str, Any]:
    return {"labels": dict(alert.labels), "annotations": alert.annotations}


def names_of_rules() -> Matcher:
    """The scraped series that the rules look at."""

    def selectors(expr: Expr) -> Iterator[Selector]:
        if isinstance(expr, Selector):
            yield expr
        for child in children(expr):
            yield from selectors(child)

    looked_at = {m.value for rule in RULES for s in selectors(parse(rule.expr)) for m in s.matchers if m.label == NAME}
    return Matcher(NAME, "=~", "|".join(sorted(name for name in looked_at if ":" not in name)))


def values(series: Series, cluster: Cluster) -> dict[str, str]:
    """A series as the input of a promtool test, which begins at zero."""
    steps = [int(at - cluster.epoch_s * 1000) // 15_000 for at in series.times]
    assert all(int(at) % 15_000 == 0 for at in series.times)
    given = ["_"] * (steps[-1] + 1)
    for step, value, stale in zip(steps, series.values, is_stale(series.values), strict=True):
        given[step] = "stale" if stale else repr(float(value))
    return {"series": written(series.labels), "values": " ".join(given)}


def written(labels: Any) -> str:
    text = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()) if name != NAME)
    return f"{labels[NAME]}{{{text}}}"
