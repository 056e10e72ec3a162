"""What Prometheus says about its rules, alerts, targets and itself.

Source: https://prometheus.io/docs/prometheus/2.42/querying/api/, and a running 2.42 where the page is silent.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import Response

from cluster_sim import WINDOW, Alert, AlertRule, Cluster, Matcher, RecordingRule, promql

from . import prometheus_wire as wire
from .access import MILLISECOND, Clock, Reading
from .parameters import SECOND
from .prometheus import route
from .prometheus_parameters import limit_of
from .prometheus_wire import APIError, invalid

VERSION = "2.42.0"
RULE_FILE = "rules.yml"
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: of a target that has not been scraped yet."""
STATES = ("inactive", "pending", "firing")
RETENTION = "none"

Rule = AlertRule | RecordingRule


@route("/api/v1/rules")
def rules(reading: Reading) -> Response:
    """The rules by group, in the order of their evaluation, with their alerts."""
    wanted = reading.parameters.get("type").lower()
    if wanted not in ("", "alert", "record"):
        raise invalid("type", f'not supported value "{reading.parameters.get("type")}"')
    cluster, clock = reading.cluster, reading.clock
    groups: dict[str, list[Rule]] = {}
    for rule in cluster.alerts.rules:
        groups.setdefault(rule.group, []).append(rule)
    hidden = {"alert": "recording", "record": "alerting"}.get(wanted)
    told = [
        {
            "name": name,
            "file": RULE_FILE,
            "rules": [
                rule for rule in (rule_told(member, cluster, clock) for member in members) if rule["type"] != hidden
            ],
            "interval": WINDOW / SECOND,
            "limit": 0,
            "evaluationTime": 0,
            "lastEvaluation": last_evaluation(clock),
        }
        for name, members in groups.items()
    ]
    return wire.success(wire.data({"groups": told}))


def rule_told(rule: Rule, cluster: Cluster, clock: Clock) -> dict[str, Any]:
    evaluated = {
        "health": "ok",
        "evaluationTime": 0,
        "lastEvaluation": last_evaluation(clock),
    }
    query = " ".join(rule.expr.split())
    if isinstance(rule, RecordingRule):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"name": rule.record, "query": query, **labels, **evaluated, "type": "recording"}
    active = [alert for alert in cluster.alerts.active if alert.rule.name == rule.name]
    return {
        "state": max((state_of(alert) for alert in active), key=STATES.index, default="inactive"),
        "name": rule.alert,
        "query": query,
        "duration": rule.for_s,
        "keepFiringFor": rule.keep_firing_for_s,
        "labels": dict(rule.all_labels),
        "annotations": dict(rule.annotations),
        "alerts": [alert_told(alert, clock) for alert in active],
        **evaluated,
        "type": "alerting",
    }


@route("/api/v1/alerts")
def alerts(reading: Reading) -> Response:
    """The alerts that are pending or firing."""
    active = reading.cluster.alerts.active
    return wire.success(wire.data({"alerts": [alert_told(alert, reading.clock) for alert in active]}))


def alert_told(alert: Alert, clock: Clock) -> dict[str, Any]:
    kept = {} if alert.absent_since is None else {"keepFiringSince": instant(clock, alert.absent_since)}
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": state_of(alert),
        "activeAt": instant(clock, alert.active_at),
        **kept,
        "value": wire.scientific(alert.value),
    }


def state_of(alert: Alert) -> str:
    return "firing" if alert.firing else "pending"


def instant(clock: Clock, at: int) -> str:
    """A simulated instant as the client is to read it."""
    return wire.instant(clock.outward(clock.epoch + at))


def last_evaluation(clock: Clock) -> str:
    return instant(clock, (clock.now - clock.epoch) // WINDOW * WINDOW)


@route("/api/v1/targets")
def targets(reading: Reading) -> Response:
    """What is scraped, and how the last scrape went."""
    wanted = reading.parameters.get("state").lower()
    active = [] if wanted == "dropped" else targets_told(reading.cluster, reading.clock)
    return wire.success(wire.data({"activeTargets": active, "droppedTargets": []}))


def targets_told(cluster: Cluster, clock: Clock) -> list[dict[str, Any]]:
    now = clock.now_ms
    interval = cluster.scrapes.interval
    took = {
        series.labels["instance"]: float(series.values[-1])
        for series in cluster.metrics.select(
            [Matcher("__name__", "=", "scrape_duration_seconds")], now - interval // MILLISECOND, now
        )
    }
    told = []
    for target in cluster.metrics.targets():
        if not target.blocks:  # discovered since, and not yet scraped
            continue
        block = target.blocks[-1]
        labels = {name: value for name, value in target.exporter.labels(block.key).items() if name != "metrics_path"}
        path = target.exporter.labels(block.key).get("metrics_path", "/metrics")
        url = f"http://{labels['instance']}{path}"
        refused = f'Get "{url}": dial tcp {labels["instance"]}: connect: connection refused'
        told.append(
            {
                "discoveredLabels": {
                    "__address__": labels["instance"],
                    "__metrics_path__": path,
                    "__scheme__": "http",
                    "__scrape_interval__": f"{interval // SECOND}s",
                    "__scrape_timeout__": f"{interval // SECOND}s",
                    "job": labels["job"],
                },
                "labels": dict(target.exporter.labels(block.key)),
                "scrapePool": labels["job"],
                "scrapeUrl": url,
                "globalUrl": url,
                "lastError": "" if block.up else refused,
                "lastScrape": instant(clock, block.times[-1]),
                "lastScrapeDuration": took.get(labels["instance"], 0.0),
                "health": "up" if block.up else "down",
                "scrapeInterval": f"{interval // SECOND}s",
                "scrapeTimeout": f"{interval // SECOND}s",
            }
        )
    return sorted(told, key=lambda one: (str(one["scrapePool"]), str(one["scrapeUrl"])))


@route("/api/v1/targets/metadata")
def target_metadata(reading: Reading) -> Response:
    """Type and help of the families of the targets that match."""
    metric, pattern = reading.parameters.get("metric"), reading.parameters.get("match_target")
    most = limit_of(reading, "limit must be a number")
    selects = promql.selects(promql.parse_selector(pattern) if pattern else ())
    known = reading.cluster.metrics.metadata()
    found = []
    for target in reading.cluster.metrics.targets():
        labels = dict(target.exporter.labels(target.blocks[-1].key)) if target.blocks else {}
        if not labels or not target.blocks[-1].up or not selects(labels):
            continue
        families = {column.spec.name: column.spec for column in target.exporter.columns(target.blocks[-1].key)}
        for name in (f"{spec.name}_total" if spec.kind == "counter" else spec.name for spec in families.values()):
            if name in known and metric in ("", name):
                kind, told = known[name]
                found.append({"target": labels, "metric": name, "type": kind, "help": told, "unit": ""})
    if metric and not found:
        raise APIError("not_found", "specified metadata not found")
    return wire.success(wire.data(found[:most]))


@route("/api/v1/alertmanagers")
def alertmanagers(reading: Reading) -> Response:
    return wire.success(wire.data({"activeAlertmanagers": [], "droppedAlertmanagers": []}))


@route("/api/v1/status/buildinfo")
def buildinfo(reading: Reading) -> Response:
    """The version whose API and PromQL this is; clients choose what they ask for by it."""
    told = {"version": VERSION, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}
    return wire.success(wire.data(told))


@route("/api/v1/status/runtimeinfo")
def runtimeinfo(reading: Reading) -> Response:
    start = instant(reading.clock, 0)
    told = {
        "startTime": start,
        "CWD": "/",
        "reloadConfigSuccess": True,
        "lastConfigTime": start,
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": RETENTION,
    }
    return wire.success(wire.data(told))


@route("/api/v1/status/config")
def config(reading: Reading) -> Response:
    """The configuration, as far as a client may want it: the intervals."""
    interval = f"{reading.cluster.scrapes.interval // SECOND}s"
    lines = (
        "global:",
        f"  scrape_interval: {interval}",
        f"  evaluation_interval: {WINDOW // SECOND}s",
        f"rule_files:\n- {RULE_FILE}\n",
    )
    return wire.success(wire.data({"yaml": "\n".join(lines)}))


@route("/api/v1/status/flags")
def flags(reading: Reading) -> Response:
    """The flags that change what queries answer."""
    return wire.success(wire.data({"query.lookback-delta": "5m", "query.timeout": "2m"}))


def generator_url(expression: str) -> str:
    """Where an alert comes from, as Prometheus writes it into the alerts that it sends."""
    return f"http://prometheus:9090/graph?g0.expr={quote(expression, safe='')}&g0.tab=1"
