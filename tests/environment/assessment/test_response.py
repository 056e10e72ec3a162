"""Escalation and cost of the handling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from env.assessment.response import Cost, bytes_of, escalation, falling
from env.assessment.weights import FEW_ACTIONS, LATE_S, MANY_ACTIONS, PROMPT_S
from env.episode import EpisodeRecord, Sight

PAGE = 600_000_000_000


def paged(*calls: tuple[str, float]) -> EpisodeRecord:
    """A record in which teams were paged so many seconds after the page."""
    record = EpisodeRecord(task_id="generated", seed=1)
    for team, after_s in calls:
        record.escalated.append(team)
        record.escalated_at.setdefault(team, PAGE + int(after_s * 1e9))
    return record


def test_who_pages_the_owner_promptly_earns_all_of_the_line():
    assert escalation(paged(("database-team", PROMPT_S)), "database-team", PAGE).share == 1.0


def test_the_line_fades_while_the_owner_is_not_paged():
    middle = escalation(paged(("database-team", (PROMPT_S + LATE_S) / 2)), "database-team", PAGE)
    assert middle.share == pytest.approx(0.5)
    assert escalation(paged(("database-team", LATE_S)), "database-team", PAGE).share == 0.0


def test_paging_the_owner_again_does_not_make_it_later():
    assert escalation(paged(("database-team", 60), ("database-team", LATE_S)), "database-team", PAGE).share == 1.0


def test_every_page_to_another_team_is_false():
    found = escalation(paged(("infra-team", 60), ("infra-team", 90), ("database-team", 120)), "database-team", PAGE)
    assert found.false_pages == ("infra-team", "infra-team")
    assert found.share == 1.0


def test_where_nothing_is_to_be_repaired_any_page_is_false():
    assert escalation(paged(), "", PAGE).share == 1.0
    woken = escalation(paged(("infra-team", 60)), "", PAGE)
    assert (woken.share, woken.false_pages) == (0.0, ("infra-team",))


def test_each_part_of_the_cost_is_a_quarter_of_it():
    free = Cost(actions=FEW_ACTIONS, minutes=1.0, bytes_read=0, dearer=0.0)
    assert free.share == 1.0
    worst = Cost(actions=MANY_ACTIONS, minutes=1e9, bytes_read=1 << 40, dearer=10.0)
    for name in ("actions", "minutes", "bytes_read", "dearer"):
        assert replace(free, **{name: getattr(worst, name)}).share == pytest.approx(0.75), name
    assert worst.share == 0.0


def test_saving_money_earns_no_more_than_spending_none():
    assert Cost(actions=1, minutes=1.0, bytes_read=0, dearer=-0.5).share == 1.0


def test_pages_and_the_wall_dashboard_are_read_for_nothing_and_all_else_is_counted():
    page = Sight(place="0", at=PAGE, alerts=["[FIRING:1] PaymentErrors"])
    look = Sight(place="1", at=PAGE, logs={"redis-cache": ["four", "lines"]}, details={"redis-cache": {"a": 1}})
    read = Sight(place="r1", at=PAGE, answer={"lines": ["x"]})
    assert bytes_of([page]) == 0
    assert bytes_of([page, look, read]) == len("four\nlines\n") + len('{"a": 1}') + len('{"lines": ["x"]}')


@pytest.mark.parametrize(("value", "share"), [(0, 1.0), (10, 1.0), (15, 0.5), (20, 0.0), (99, 0.0)])
def test_a_falling_share(value, share):
    assert falling(value, 10, 20) == share
