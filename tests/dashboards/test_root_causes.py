"""Whoever looks at the dashboards two minutes after the page finds the cause of each incident on them."""

from __future__ import annotations

import pytest

from dashboards.render.queries import panels, questions, variables
from tests.dashboards.test_schema import board

pytestmark = pytest.mark.slow

CONNECTIONS, MEMORY, ROTATION = "pg_max_connections_undersized", "redis_maxmemory_orphan_keys", "jwt_partial_rotation"


@pytest.fixture
def shown(recorded):
    """What a panel shows at the look: by query, by the values of some labels."""

    def look(name: str, uid: str, title: str, *labels: str, ref: str = "A") -> dict[tuple[str, ...], float]:
        dashboard, episode = board(uid), recorded[name]
        panel = next(panel for panel in panels(dashboard) if panel["title"] == title)
        question = next(q for q in questions(panel, variables(dashboard)) if q.ref == ref)
        found = episode.api.query("query", query=question.expr, time=str(episode.seen_s))
        return {tuple(s["metric"].get(label, "") for label in labels): float(s["value"][1]) for s in found}

    return look


def test_connections(shown):
    """The pools want more connections than there are, and the pods that came last have none."""
    assert shown("healthy", "postgres", "What the pools want")[()] < 0.9
    assert shown(CONNECTIONS, "postgres", "What the pools want")[()] > 1.1
    assert shown(CONNECTIONS, "postgres", "Connections used")[()] > 0.95
    opened = shown(CONNECTIONS, "postgres", "Pools", "service", "pod")
    failed = shown(CONNECTIONS, "service", "5xx by pod", "pod")
    without = {pod for (service, pod), count in opened.items() if count == 0}
    assert without
    assert {service for (service, pod), count in opened.items() if count == 0} == {"payment-service"}
    assert {pod for (pod,), share in failed.items() if share > 0.5} == without
    assert shown(CONNECTIONS, "postgres", "Cores busy")[()] < 0.3


def test_redis_memory(shown):
    """Keys that never expire fill the memory, writes are refused, and misses load the database."""
    assert shown("healthy", "redis", "Keys without expiry")[()] == 0
    assert shown(MEMORY, "redis", "Keys without expiry")[()] > 1000
    assert shown(MEMORY, "redis", "Memory of maxmemory")[()] > 0.98
    assert set(shown(MEMORY, "redis", "Policy", "maxmemory_policy")) == {("noeviction",)}
    assert shown("healthy", "redis", "Lookups that miss")[()] < 0.15
    assert shown(MEMORY, "redis", "Lookups that miss")[()] > 0.3
    assert shown(MEMORY, "redis", "Writes refused")[()] > 1
    assert shown(MEMORY, "postgres", "Cores busy")[()] > 0.8
    assert shown(MEMORY, "postgres", "Connections used")[()] < 0.8


def test_secret_rotation(shown):
    """One pod of auth-service uses an older configuration than the others and refuses most of what they sign."""
    assert shown("healthy", "auth", "Configurations in use")[()] == 1
    assert shown(ROTATION, "auth", "Configurations in use")[()] == 2
    versions = {pod: int(version) for pod, version in shown(ROTATION, "auth", "Configuration by pod", "pod", "version")}
    behind = min(versions, key=versions.__getitem__)
    assert sorted(versions.values()) == [versions[behind], versions[behind] + 1, versions[behind] + 1]
    refused = {pod: share for (pod,), share in shown(ROTATION, "auth", "Refused by pod", "pod").items()}
    assert max(refused, key=refused.__getitem__) == behind
    assert shown("healthy", "auth", "Tokens refused")[()] < 0.02
    assert shown(ROTATION, "auth", "Tokens refused")[()] > 0.2


def test_the_overview_leads_there(shown):
    """Red where users are hurt, and in the graph the arrow or the figure that points to the cause."""
    for name in (CONNECTIONS, MEMORY, ROTATION):
        assert shown(name, "overview", "Pages firing")[()] >= 1
        assert shown(name, "overview", "Good answers")[()] < 0.97
    assert shown("healthy", "overview", "Pages firing")[()] == 0
    assert shown("healthy", "overview", "Good answers")[()] > 0.99
    calls = shown(CONNECTIONS, "overview", "Service graph", "source", "target", ref="edge_secondarystat")
    assert calls["payment-service", "postgres-db"] > 20
    assert calls["inventory-service", "postgres-db"] < 5
    assert shown(MEMORY, "overview", "How full", ref="C")[()] > 0.98
    denied = {service: share for (service,), share in shown(ROTATION, "overview", "401 by service", "service").items()}
    assert denied["auth-service"] > 0.1
    assert denied["inventory-service"] == 0
