"""The rules that watch the seven services."""

from __future__ import annotations

import re

import pytest

from cluster_sim import (
    ALERT_RULES,
    ENDPOINTS,
    FAULTS,
    RECORDING_RULES,
    RULES,
    SERVICES,
    Cluster,
    Severity,
    begin,
    seven_services,
)
from cluster_sim.services.rules import USER_FACING
from cluster_sim.specs import CallTo
from cluster_sim.telemetry.golden import RECORDED
from cluster_sim.telemetry.promql import Vector, evaluate


def test_user_facing_services_are_those_that_users_call():
    """The rules name them, the endpoints say which they are."""
    called = {step.service for endpoint in ENDPOINTS for step in endpoint.steps if isinstance(step, CallTo)}
    called |= {"auth-service"}  # tokens are had from there
    assert set(USER_FACING.split("|")) == called


@pytest.mark.parametrize("rule", [r for r in ALERT_RULES.values() if r.severity is Severity.PAGE], ids=lambda r: r.name)
def test_pages_are_about_what_users_feel(rule):
    """Errors, refusals and latency of the services they talk to, held for a minute; never a datastore or config."""
    assert "service:http_" in rule.expr
    named = set(re.findall(r"[a-z]+-(?:service|db|cache)", rule.expr))
    assert named
    assert named <= set(USER_FACING.split("|"))
    assert rule.for_s == 60
    assert "over 1m for 1m" in rule.summary


def test_every_rule_has_its_words():
    """A summary about a service, in one line; severity and runbook."""
    for rule in ALERT_RULES.values():
        assert re.search(r"\$labels\.(service|pod|instance|server|node)", rule.summary)
        assert "\n" not in rule.summary
        assert rule.all_labels["severity"] in {"critical", "warning"}
        assert rule.annotations["runbook_url"].endswith(rule.alert)
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert set(RECORDED.values()) <= set(RECORDING_RULES)


def test_an_ordinary_hour_has_tickets_that_come_and_go_and_no_page():
    """Noise that an on-call engineer learns to leave alone."""
    cluster = Cluster(seven_services(), seed=6)
    cluster.run_for(3600)
    assert {alert.severity for alert in cluster.alerts.history} == {Severity.TICKET}
    assert len({alert.name for alert in cluster.alerts.history}) >= 3


CAUSES = {
    "pg_max_connections_undersized": {
        "PostgresqlTooManyConnections/postgres-db",
        "ConnectionPoolTimeouts/payment-service",
    },
    "redis_maxmemory_orphan_keys": {"RedisOutOfConfiguredMaxmemory/redis-cache", "RedisRejectedCommands/redis-cache"},
    "jwt_partial_rotation": {"ConfigVersionMismatch/auth-service", "InvalidTokenSignatures/auth-service"},
    "pg_connection_leak": {"PostgresqlTooManyConnections/postgres-db", "ConnectionPoolTimeouts/payment-service"},
    "pg_idle_in_transaction": {"PostgresqlTooManyConnections/postgres-db", "DependencyErrors/payment-service"},
    "pg_connection_storm": {"KubePodRestarted/postgres-db", "ConnectionPoolTimeouts/payment-service"},
}


@pytest.mark.parametrize("fault", CAUSES)
def test_an_incident_opens_tickets_on_its_cause(fault):
    """Half a minute after the page they are there for who looks."""
    cluster = begin(FAULTS[fault].spec(seven_services()), FAULTS[fault], seed=4).cluster
    cluster.run_for(30)
    assert {alert.name for alert in cluster.alerts.firing(Severity.TICKET)} >= CAUSES[fault]
    assert {alert.service for alert in cluster.alerts.firing(Severity.TICKET)} <= set(SERVICES)


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_dashboard_shows_what_the_recording_rules_record(fault):
    """The golden signals in observations and a query for the recorded series give the same numbers."""
    spec = seven_services() if fault is None else FAULTS[fault].spec(seven_services())
    cluster = Cluster(spec, seed=8) if fault is None else begin(spec, FAULTS[fault], seed=8).cluster
    cluster.run_for(47)
    at_ms = cluster.epoch_s * 1000 + cluster.now // 10**6
    for field, name in RECORDED.items():
        found = evaluate(cluster.metrics, name, at_ms)
        assert isinstance(found, Vector)
        recorded = {sample.labels["service"]: sample.value for sample in found.samples}
        for service in USER_FACING.split("|"):
            shown = getattr(cluster.scrapes.golden(service), field)
            if shown is None:  # nobody was served, so there is no latency
                assert service not in recorded
                continue
            assert shown == pytest.approx(recorded.get(service, 0.0), rel=1e-9), (name, service)
