"""Citations resolve to what was really shown, and to nothing else."""

from __future__ import annotations

import pytest

from env.assessment.sights import Kind, cited
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions
from tests.environment.assessment.conftest import everything_shown, file, investigate, last, paged, thing


@pytest.fixture(scope="module")
def looked():
    """An incident of which several services were looked at, in several ways."""
    environment = paged(1)
    investigate(environment, "redis-cache")
    investigate(environment, "payment-service", {"promql": "sum(up)"})
    environment.read("search_logs", {"service": "inventory-service", "limit": 5})
    environment.read("query_metrics", {"promql": "sum(up)", "last_s": 60.0})
    environment.read("golden_signals", {})
    return environment


def test_everything_that_was_shown_can_be_cited(looked):
    record = looked.scene.record
    ids = list(everything_shown(record))
    assert len(ids) > 40
    assert all(cited(record, id) for id in ids)


def test_a_log_line_is_cited_with_its_service_and_time(looked):
    record = looked.scene.record
    line = record.seen[1].logs["redis-cache"][2]
    found = thing(looked, "1/logs/redis-cache/2")
    assert (found.kind, found.service, found.text, found.at) == (Kind.LINE, "redis-cache", line, record.seen[1].at)


def test_the_name_of_a_metric_is_all_that_follows_the_service(looked):
    """Names hold braces, quotes, commas and slashes."""
    investigate(looked, "payment-service")
    name, value = next(item for item in last(looked).details["payment-service"]["detail"].items() if "/v1/" in item[0])
    found = thing(looked, f"{last(looked).place}/detail/payment-service/{name}")
    assert found.text == name
    assert found.value >= value > 0


def test_a_query_is_cited_with_what_it_asked(looked):
    by_step, by_read = thing(looked, "2/promql"), thing(looked, "r2")
    assert by_step.asked.expression == by_read.asked.expression == "sum(up)"
    assert (by_step.asked.last_s, by_read.asked.last_s) == (None, 60.0)
    assert by_step.answered
    assert by_read.answered


def test_a_line_that_a_read_has_shown_is_of_the_service_that_was_asked(looked):
    record = looked.scene.record
    found = thing(looked, "r1/4")
    assert (found.kind, found.service) == (Kind.LINE, "inventory-service")
    assert found.text == next(sight for sight in record.seen if sight.place == "r1").answer["lines"][4]


@pytest.mark.parametrize(
    "id",
    [
        "",
        "/",
        "0",
        "1",
        "1/",
        "1/logs",
        "1/logs/redis-cache",
        "1/logs/redis-cache/",
        "1/logs/redis-cache/999",
        "1/logs/redis-cache/-1",
        "1/logs/redis-cache/02",
        "1/logs/redis-cache/2/",
        "01/logs/redis-cache/2",
        " 1/logs/redis-cache/2",
        "1/logs/redis-cache/\u0662",
        "1/logs/r\u0435dis-cache/2",
        "1/logs/auth-service/0",
        "9/alerts/0",
        "0/alerts/999",
        "1/promql",
        "2/promql/0",
        "2/trace",
        "1/detail/redis-cache/redis_nonsense",
        "r0",
        "r1/5",
        "r2/0",
        "r99",
        "R1",
        "r1/" + "9" * 5000,
        "1/detail/redis-cache/" + "x" * 5000,
    ],
)
def test_what_was_never_shown_cannot_be_cited(looked, id):
    assert cited(looked.scene.record, id) is None


def test_what_is_shown_after_the_postmortem_was_filed_cannot_be_cited():
    """Neither what its own observation shows, nor steps and reads after it."""
    environment = paged(1)
    investigate(environment, "redis-cache")
    file(environment, "The postmortem comes first.")
    environment.read("search_logs", {"service": "redis-cache"})
    investigate(environment, "redis-cache")
    record = environment.scene.record
    assert cited(record, "1/logs/redis-cache/0")
    assert record.seen[2].alerts
    assert not any(cited(record, id) for id in ("2/alerts/0", "r1", "r1/0", "3/alerts/0", "3/logs/redis-cache/0"))


def test_a_second_postmortem_makes_nothing_more_citable():
    environment = paged(1)
    file(environment, "The first one.")
    investigate(environment, "redis-cache")
    file(environment, "The second one.")
    assert cited(environment.scene.record, "0/alerts/0")
    assert cited(environment.scene.record, "2/logs/redis-cache/0") is None


def test_graded_by_the_table_nothing_is_kept_to_be_cited():
    environment = IncidentEnvironment()
    environment.reset("task_easy", 1, EpisodeOptions())
    environment.step(Action(action_type=ActionType.NO_OP))
    assert cited(environment.scene.record, "0/alerts/0") is None
