"""Reads over MCP take time and no step, earn nothing, and belong to the episode's log."""

from __future__ import annotations

import json

import pytest

from cluster_sim import REMEDIATIONS, SERVICES
from env.environment import IncidentEnvironment
from env.errors import BadRequest, EpisodeOver, NotReset, ReadsUsedUp
from env.models import Action
from env.tools import READ_LIMIT_S, READ_S, TOOLS
from tests.environment.conftest import PLANS, act, begun

LONGEST_ANSWER = 40_000
"""Characters."""

CALLS: tuple = (
    ("service_graph", {}),
    ("golden_signals", {}),
    ("golden_signals", {"service": "payment-service"}),
    ("query_metrics", {"promql": '{__name__=~".+"}'}),
    ("query_metrics", {"promql": '{__name__=~".+"}', "last_s": 1800, "step_s": 15}),
    ("query_metrics", {"promql": '{__name__=~".+"}[10m]'}),
    ("query_metrics", {"promql": "1 / 0"}),
    ("query_metrics", {"promql": "up + on (namespace) up"}),
    ("search_logs", {"service": "payment-service", "since_s": 3600, "limit": 200}),
    ("search_logs", {"service": "postgres-db", "grep": "FATAL|ERROR"}),
    ("get_trace", {"service": "payment-service", "errors_only": True, "limit": 20}),
    ("get_trace", {"service": "postgres-db", "min_duration_s": 0.05}),
    ("get_trace", {"trace_id": "0" * 32}),
    ("list_alerts", {}),
    ("list_alerts", {"service": "postgres-db"}),
    ("runbook", {}),
    ("runbook", {"fix": "restart_postgres"}),
)


@pytest.fixture(scope="module")
def incident():
    """An environment that the tests only ask about things."""
    return begun("task_easy", 3)


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
def test_every_tool_answers_briefly(incident, tool, arguments):
    """In JSON, and in no more than a screenful or two."""
    answer = incident.read(tool, arguments)
    assert len(json.dumps(answer)) < LONGEST_ANSWER
    assert answer["time"].startswith("2025-03-14T09:")
    assert len(answer) > 1


def test_what_is_cut_says_so(incident):
    """How much there was, and how to ask for less."""
    found = incident.read("query_metrics", {"promql": '{__name__=~".+"}'})
    assert len(found["result"]) == 50
    assert found["cut"].startswith("50 of ")
    ranged = incident.read("query_metrics", {"promql": '{job="payment-service"}[10m]'})
    assert "points are shown" in ranged["cut"]
    lines = incident.read("search_logs", {"service": "payment-service", "limit": 5})
    assert len(lines["lines"]) == 5
    assert "cut" in lines
    assert "cut" not in incident.read("query_metrics", {"promql": "sum(up)"})


def test_a_read_takes_its_time_and_no_step():
    """Fifteen simulated seconds, and no line of the score."""
    environment = begun("task_easy")
    before = environment.cluster.now
    environment.read("search_logs", {"service": "postgres-db"})
    assert environment.cluster.now - before == READ_S * 1e9
    state = environment.state()
    assert (state["step_count"], state["rewards"]) == (0, [])
    observation = act(environment, "investigate", "postgres-db")
    assert observation.reward == pytest.approx(0.30)
    assert observation.metadata["minutes_since_page"] == pytest.approx(0.75)


def test_reads_stop_at_a_limit_of_simulated_time():
    """The actions are left, and a refused read takes no time."""
    environment = begun("task_easy")
    for _ in range(round(READ_LIMIT_S / READ_S)):
        environment.read("runbook", {})
    before = environment.cluster.now
    with pytest.raises(ReadsUsedUp):
        environment.read("runbook", {})
    assert environment.cluster.now == before
    assert act(environment, "no_op").step == 1


def test_reading_everything_earns_nothing():
    """The score is that of doing nothing."""
    environment = begun("task_easy")
    for service in SERVICES:
        environment.read("search_logs", {"service": service})
        environment.read("list_alerts", {"service": service})
    while not environment.done:
        act(environment, "no_op")
    assert environment.state()["score"] == 0.01


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("canary", {}),
        ("query_metrics", {}),
        ("query_metrics", {"promql": "canary("}),
        ("query_metrics", {"promql": 1}),
        ("query_metrics", {"promql": "up", "last_s": 7200, "step_s": 1}),
        ("query_metrics", {"promql": "up", "last_s": -1}),
        ("query_metrics", {"promql": "up", "last_s": True}),
        ("search_logs", {"service": "canary"}),
        ("search_logs", {"service": "redis-cache", "grep": "x" * 201}),
        ("search_logs", {"service": "redis-cache", "since_s": 1e9}),
        ("get_trace", {}),
        ("get_trace", {"trace_id": "canary"}),
        ("get_trace", {"trace_id": "0" * 32, "service": "redis-cache"}),
        ("list_alerts", {"service": ["canary"]}),
        ("runbook", {"fix": "canary"}),
        ("golden_signals", {"canary": 1}),
    ],
)
def test_a_wrong_read_is_refused_and_takes_no_time(incident, tool, arguments):
    """The argument is named, and nothing of what was sent is repeated."""
    before = incident.cluster.now
    with pytest.raises(BadRequest) as refusal:
        incident.read(tool, arguments)
    assert "canary" not in str(refusal.value)
    assert refusal.value.fields
    assert incident.cluster.now == before


def test_nothing_can_be_read_before_and_after_an_episode():
    """There is nothing to read from."""
    with pytest.raises(NotReset):
        IncidentEnvironment().read("runbook", {})
    environment = begun("task_easy")
    while not environment.done:
        act(environment, "no_op")
    with pytest.raises(EpisodeOver):
        environment.read("runbook", {})


def test_a_log_with_reads_replays_to_the_same_bytes(task_id):
    """The state tells what was read and when; the same reads and actions lead to the same world."""
    first = begun(task_id, 4)
    reads = iter(CALLS)
    answers = []
    for step in PLANS[task_id]:
        answers += [first.read(*next(reads)) for _ in range(3)]
        answers.append(act(first, *step).model_dump())
    log = json.loads(json.dumps(first.state()))
    assert len(log["reads"]) == 3 * len(PLANS[task_id])

    second = begun(task_id, 4)
    replayed = []
    for number, action in enumerate([*log["actions"], None]):
        replayed += [second.read(r["tool"], r["arguments"]) for r in log["reads"] if r["after_step"] == number]
        if action is not None:
            replayed.append(second.step(Action(**action)).model_dump())
    assert json.dumps(replayed) == json.dumps(answers)
    assert second.state() == first.state()
    assert second.exposition() == first.exposition()


def test_a_page_that_was_resolved_while_reading_is_shown_at_the_next_step():
    """No observation leaves out what happened since the one before."""
    environment = begun("task_easy", 3)
    REMEDIATIONS["increase_db_connections"].carry_out(environment.cluster)
    for _ in range(20):
        environment.read("runbook", {})
    assert any(line.startswith("[RESOLVED]") for line in act(environment, "postmortem", None, "It is over.").alerts)


def test_the_service_graph_has_every_call_and_its_traffic(incident):
    """Users reach the four services they talk to, and every busy edge has a rate."""
    edges = {(e["client"], e["server"]): e for e in incident.read("service_graph", {})["edges"]}
    assert {server for client, server in edges if client == "user"} == {
        "inventory-service",
        "auth-service",
        "checkout-service",
        "payment-service",
    }
    assert edges["payment-service", "postgres-db"]["failed_rate_hz"] > 0
    assert edges["inventory-service", "redis-cache"]["request_rate_hz"] > 1


def test_a_trace_that_was_found_can_be_read(incident):
    """Spans, a parent before its children, with the error of the one that failed."""
    found = incident.read("get_trace", {"service": "payment-service", "errors_only": True})["traces"]
    assert found
    trace = incident.read("get_trace", {"trace_id": found[0]["trace_id"]})
    assert trace["trace_id"] == found[0]["trace_id"]
    assert any("error" in span for span in trace["spans"])
    assert trace["spans"][0]["depth"] == 0


def test_runbooks_are_of_every_fix_whatever_the_incident(incident):
    """The list is the catalogue."""
    assert set(incident.read("runbook", {})["fixes"]) == set(REMEDIATIONS)
    told = incident.read("runbook", {"fix": "flush_redis_cache"})
    assert told["team"] == REMEDIATIONS["flush_redis_cache"].team


def test_tools_are_described_for_whoever_calls_them():
    """A docstring is the description."""
    assert all(len(tool.description) > 40 for tool in TOOLS.values())
