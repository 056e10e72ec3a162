"""What is shown, and what never is."""

from __future__ import annotations

import json
import re

import pytest

from cluster_sim import FAULTS, SERVICES
from env.errors import BadRequest
from env.tasks import TASKS
from tests.environment.conftest import act, begun

PAGE = re.compile(
    r"^\[(FIRING:1|RESOLVED)\] (?P<name>[A-Z]\w+) (?P<service>[a-z-]+) \(prod-sim critical oncall\) \| .+ "
    r"[\d.]+(%|s) > [\d.]+(%|s) over 1m for 1m \| since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \| runbook=\S+ "
    r"\| PD#Q\w{6} urgency=high service=(?P=service)$"
)


def test_pages_are_one_line_each_about_what_users_feel(task_id):
    """With status, name, severity, value against threshold and window, start and runbook; never on a datastore."""
    observation = act(begun(task_id), "no_op")
    assert observation.alerts
    for line in observation.alerts:
        match = PAGE.match(line)
        assert match, line
        assert match["service"] not in {"postgres-db", "redis-cache", "config-service"}


def test_logs_come_only_from_the_service_that_was_looked_at():
    """The dashboard shows all services, the log one."""
    observation = act(begun("task_easy"), "investigate", "postgres-db")
    assert list(observation.logs) == ["postgres-db"]
    assert 0 < len(observation.logs["postgres-db"]) <= 60
    assert "detail" in observation.metrics["postgres-db"]
    assert "detail" not in observation.metrics["payment-service"]


def test_the_second_look_shows_only_fresh_lines():
    """Lines that were shown are not shown again."""
    environment = begun("task_easy")
    first = act(environment, "investigate", "postgres-db").logs["postgres-db"]
    second = act(environment, "investigate", "postgres-db").logs["postgres-db"]
    assert second
    assert not set(first) & set(second)


def test_a_log_query_filters_and_looks_back():
    """grep keeps the lines that hold a text, since_s bounds their age."""
    environment = begun("task_easy")
    query = {"logs": {"grep": "FATAL", "since_s": 300}}
    lines = act(environment, "investigate", "postgres-db", query).logs["postgres-db"]
    assert lines
    assert all("FATAL" in line for line in lines)
    nothing = act(environment, "investigate", "postgres-db", {"logs": {"grep": "no such text"}})
    assert nothing.logs["postgres-db"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"promql": "up("},
        {"promql": 1},
        {"promql": "x" * 2_001},
        {"trace": "not hexadecimal"},
        {"trace": "0" * 33},
        {"trace": {}},
        {"promql": "up", "logql": "{}"},
        '{"promql": "up("}',
        {"logs": "FATAL"},
        {"logs": {"grep": 1}},
        {"logs": {"since_s": -1}},
        {"logs": {"x": 1}},
    ],
)
def test_a_query_of_another_shape_is_refused(query):
    """The field is named, and nothing is looked at."""
    environment = begun("task_easy")
    with pytest.raises(BadRequest, match=r"^details"):
        act(environment, "investigate", "postgres-db", query)
    assert environment.state()["step_count"] == 0


def test_a_log_query_may_be_text():
    """The seed's details is a string; JSON in it is read as JSON."""
    query = '{"logs": {"grep": "FATAL", "since_s": 120}}'
    lines = act(begun("task_easy"), "investigate", "postgres-db", query).logs["postgres-db"]
    assert lines
    assert all("FATAL" in line for line in lines)


def test_a_metric_query_is_answered_instead_of_the_log():
    """The value is there, bounded; the tickets are shown, fresh lines are kept for the next look."""
    environment = begun("task_easy")
    observation = act(environment, "investigate", "postgres-db", {"promql": "pg_settings_max_connections"})
    seen = observation.metrics["postgres-db"]
    assert seen["promql"]["result"][0]["value"] > 0
    assert seen["tickets"]
    assert "detail" not in seen
    assert observation.logs == {}
    everything = act(environment, "investigate", "redis-cache", {"promql": '{__name__=~".+"}'})
    assert everything.metrics["redis-cache"]["promql"]["cut"].startswith("50 of ")
    assert act(environment, "investigate", "postgres-db").logs["postgres-db"]


def test_a_metric_query_counts_as_a_look():
    """The line is earned whatever was looked at."""
    assert act(begun("task_easy"), "investigate", "postgres-db", {"promql": "up"}).reward == pytest.approx(0.30)


def test_a_query_that_cannot_be_evaluated_says_why():
    """It has been asked, and takes its step."""
    environment = begun("task_easy")
    seen = act(environment, "investigate", "postgres-db", {"promql": "up + on (namespace) up"})
    assert "duplicate" in seen.metrics["postgres-db"]["promql"]["error"]
    assert environment.state()["step_count"] == 1


def test_a_trace_is_shown_by_its_id():
    """As a log line of an error has it."""
    environment = begun("task_easy")
    found = environment.read("get_trace", {"service": "payment-service", "errors_only": True})["traces"]
    query = {"trace": found[0]["trace_id"], "logs": {"grep": "ERROR"}}
    observation = act(environment, "investigate", "payment-service", query)
    seen = observation.metrics["payment-service"]
    assert seen["trace"]["trace_id"] == found[0]["trace_id"]
    assert any("error" in span for span in seen["trace"]["spans"])
    assert observation.logs["payment-service"]
    unknown = act(environment, "investigate", "payment-service", {"trace": "abc"})
    assert "error" in unknown.metrics["payment-service"]["trace"]


def test_no_observation_names_the_fault_or_reports_success(task_id):
    """Everything an agent can read before the end is searched for the truth."""
    environment = begun(task_id)
    seen = [act(environment, "investigate", service) for service in SERVICES]
    assert not environment.done
    text = json.dumps(
        [observation.model_dump(exclude={"available_actions", "task_description"}) for observation in seen]
    )
    text += json.dumps(environment.info()) + json.dumps(environment.state())
    for fault in FAULTS.values():
        assert fault.name not in text
    for word in ("root_cause", "orphan", "fault", "correct fix", "safe set"):
        assert word not in text, word


def test_a_wrong_and_a_right_fix_are_reported_alike():
    """The message is no oracle: only the name, the service and the time differ."""

    def shape(message):
        return re.sub(r"\d+", "N", message)

    right = act(begun("task_easy"), "apply_fix", "increase_db_connections").message
    wrong = act(begun("task_easy"), "apply_fix", "restart_postgres").message
    assert shape(right).replace("increase_db_connections", "X") == shape(wrong).replace("restart_postgres", "X")


def test_descriptions_tell_symptoms_and_rules_only():
    """No task description names its root service, mechanism alone, team or fix."""
    for task in TASKS.values():
        symptoms = task.description.split("You are the on-call engineer")[0]
        assert task.root.service not in symptoms
        assert str(task.root.mechanism) not in symptoms
        assert task.root.team not in symptoms


def test_agent_text_reaches_nothing_that_others_read():
    """What an agent writes shows up in no log line, no page and no metric."""
    environment = begun("task_easy")
    marker = "zzmarker\n# HELP evil\x1b[31m"
    act(environment, "escalate", "network-team", marker)
    act(environment, "postmortem", None, marker + " was the cause of it all, we think.")
    observation = act(environment, "investigate", "payment-service", marker)
    assert "zzmarker" not in observation.model_dump_json()
    assert b"zzmarker" not in environment.exposition()
