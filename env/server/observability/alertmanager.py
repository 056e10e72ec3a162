"""Alertmanager's API, version 2: the alerts that fire, by receiver and group. Nothing is silenced or inhibited.

Source: prometheus/alertmanager 0.25, api/v2/openapi.yaml, and a running 0.25 where the page is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from fastapi import Response
from fastapi.responses import PlainTextResponse

from cluster_sim import WINDOW, Alert, Matcher, Severity, promql

from ...errors import EnvError
from ..strict_json import JSONAnswer
from .access import MILLISECOND, Clock, Handler, ReadAPI, Reading
from .parameters import SECOND
from .prometheus_status import generator_url

VERSION = "0.25.0"
RECEIVERS = {Severity.PAGE: "on-call", Severity.TICKET: "tickets"}
GROUP_BY = ("service",)
CONFIG = """\
route:
  receiver: on-call
  group_by: [service]
  routes:
  - receiver: tickets
    matchers: [severity="warning"]
receivers:
- name: on-call
- name: tickets
"""
"""As dashboards/alertmanager.yml routes the alerts of a live cluster."""
VALID_FOR = 240 * SECOND
"""How long a Prometheus with 15 s between evaluations says that an alert lasts unless it is sent again: four times the
resend delay of a minute; source: prometheus 2.42, rules/alerting.go."""

TRUE = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
"""What go-openapi takes for true; anything else is false; source: go-openapi/swag, convert.go."""

FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
MATCHER = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL)
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = Mapping[str, str]


class AlertmanagerError(Exception):
    """A request that Alertmanager refuses; the argument is what it says."""


def refuse(error: EnvError) -> Response:
    """A refusal of the environment: Alertmanager's are JSON strings."""
    return JSONAnswer(error.message, error.status)


api = ReadAPI("alertmanager", refuse)


def route(path: str) -> Callable[[Handler], Handler]:
    """Adds a handler whose errors are answered as Alertmanager writes them."""

    def add(handler: Handler) -> Handler:
        @wraps(handler)
        def answered(reading: Reading) -> Response:
            try:
                return handler(reading)
            except AlertmanagerError as error:
                return JSONAnswer(str(error), 400)

        return api.route(path)(answered)

    return add


@route("/api/v2/alerts")
def alerts(reading: Reading) -> Response:
    """The alerts that fire and meet all filters."""
    return JSONAnswer([told(alert, reading.clock) for alert in wanted(reading)])


@route("/api/v2/alerts/groups")
def groups(reading: Reading) -> Response:
    """The same, by receiver and by what they are grouped by."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Alert]] = {}
    for alert in wanted(reading):
        labels = tuple((name, alert.labels[name]) for name in GROUP_BY if name in alert.labels)
        found.setdefault((RECEIVERS[alert.severity], labels), []).append(alert)
    return JSONAnswer(
        [
            {
                "alerts": [told(alert, reading.clock) for alert in members],
                "labels": dict(labels),
                "receiver": {"name": receiver},
            }
            for (receiver, labels), members in sorted(found.items(), key=lambda group: (group[0][1], group[0][0]))
        ]
    )


@route("/api/v2/receivers")
def receivers(reading: Reading) -> Response:
    return JSONAnswer([{"name": name} for name in RECEIVERS.values()])


@route("/api/v2/silences")
def silences(reading: Reading) -> Response:
    filters(reading)
    return JSONAnswer([])


@route("/api/v2/status")
def status(reading: Reading) -> Response:
    build = {"version": VERSION, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}
    return JSONAnswer(
        {
            "cluster": {"peers": [], "status": "disabled"},
            "config": {"original": CONFIG},
            "uptime": instant(reading.clock, 0),
            "versionInfo": build,
        }
    )


@route("/-/healthy")
def healthy(reading: Reading) -> Response:
    return PlainTextResponse("OK")


@route("/-/ready")
def ready(reading: Reading) -> Response:
    return PlainTextResponse("OK")


# ------------------------------------------------------------ which alerts


def wanted(reading: Reading) -> list[Alert]:
    """The alerts asked for, in the order of their fingerprints."""
    meets, receives = filters(reading), receiver_filter(reading)
    if reading.parameters.get("active", "true").lower() not in TRUE:
        return []
    chosen = [
        alert
        for alert in reading.cluster.alerts.firing()
        if meets(alert.labels) and receives({"receiver": RECEIVERS[alert.severity]})
    ]
    return sorted(chosen, key=lambda alert: fingerprint(alert.labels))


def filters(reading: Reading) -> Callable[[Labels], bool]:
    return selecting([matcher(text) for text in reading.parameters.all("filter")])


def receiver_filter(reading: Reading) -> Callable[[Labels], bool]:
    pattern = reading.parameters.get("receiver")
    try:
        return promql.selects([Matcher("receiver", "=~", pattern)] if pattern else [])
    except promql.QueryError as error:
        raise AlertmanagerError(f"failed to parse receiver param: {error.message}") from None


def matcher(text: str) -> Matcher:
    """A condition such as `severity="critical"` or `service=~pay.*`."""
    written = MATCHER.fullmatch(text)
    if written is None:
        raise AlertmanagerError(f"bad matcher format: {text}")
    label, operator, value = written.groups()
    quoted = len(value) >= 2 and value[0] == value[-1] == '"'
    bare = value[1:-1] if quoted else value
    if '"' in re.sub(r"\\.", "", bare, flags=re.DOTALL):
        raise AlertmanagerError(f"matcher value contains unescaped double quote: {value}")
    return Matcher(label, operator, re.sub(r'\\[\\"n]', lambda escape: ESCAPES[escape[0]], bare))


def selecting(matchers: Iterable[Matcher]) -> Callable[[Labels], bool]:
    try:
        return promql.selects(list(matchers))
    except promql.QueryError as error:
        raise AlertmanagerError(error.message) from None


# ------------------------------------------------------------ how they are told


def told(alert: Alert, clock: Clock) -> dict[str, Any]:
    """An alert as Alertmanager has it from Prometheus, which sends it again at every evaluation."""
    sent = (clock.now - clock.epoch) // WINDOW * WINDOW
    return {
        "annotations": alert.annotations,
        "endsAt": instant(clock, sent + VALID_FOR),
        "fingerprint": fingerprint(alert.labels),
        "receivers": [{"name": RECEIVERS[alert.severity]}],
        "startsAt": instant(clock, alert.fired_at or alert.active_at),
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": instant(clock, sent),
        "generatorURL": generator_url(alert.rule.expr),
        "labels": alert.labels,
    }


def fingerprint(labels: Labels) -> str:
    """FNV-1a over the sorted labels; source: prometheus/common, model/signature.go."""
    total = FNV_OFFSET
    for name, value in sorted(labels.items()):
        for byte in b"%b\xff%b\xff" % (name.encode(), value.encode()):
            total = (total ^ byte) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def instant(clock: Clock, at: int) -> str:
    """A simulated instant as the client is to read it, to the millisecond."""
    whole, ms = divmod(clock.outward(clock.epoch + at) // MILLISECOND, 1000)
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms:03d}Z"
