"""What would take too long or too much room is refused."""

from contextlib import suppress
from time import thread_time

import pytest

from cluster_sim.telemetry import logql
from cluster_sim.telemetry.logql.patience import MOST_S, Patience

from .small_store import SECOND, SmallStore, lines, metric, values

MANY = SmallStore(
    *((at / 1000, {"app": "web", "pod": f"web-{at % 2}"}, f"id={at} {'0123456789abcdef' * 20}") for at in range(20_000))
)


def test_too_many_steps() -> None:
    with pytest.raises(logql.QueryError, match="maximum resolution of 11,000 points"):
        logql.over_range(MANY, metric('rate({app="web"}[1m])'), start=0, end=12_000 * SECOND, step=SECOND)


def test_too_many_series() -> None:
    with pytest.raises(logql.QueryError, match=r"maximum of series \(500\) reached"):
        values(MANY, 'count_over_time({app="web"} | logfmt [1m])', 10)
    assert values(MANY, 'count(count_over_time({app="web"} | logfmt id [1m]))', 20) == {(): 20_000}


def test_too_many_quantiles() -> None:
    query = metric('quantile_over_time(0.5, {app="web"} | logfmt | unwrap id [1m])')
    with pytest.raises(logql.QueryError, match="quantile_over_time is limited"):
        logql.over_range(MANY, query, start=0, end=10_999 * SECOND, step=SECOND)


def test_too_many_lines() -> None:
    query = " + ".join(['sum(rate({app="web"}[1m]))'] * 50)
    with pytest.raises(logql.QueryError, match="would read too many lines"):
        values(MANY, query, 20)


@pytest.mark.parametrize(
    "stage", ['|~ "[a-z].{200}zzz"', '| regexp "(?P<x>[0-9].{200}zzz)"', '| logfmt | id=~"[0-9].{200}zz.*"']
)
def test_a_regular_expression_is_given_up_or_done(stage: str) -> None:
    with suppress(logql.QueryError):
        assert len(lines(MANY, '{app="web"} ' + stage, limit=10)) <= 10


def test_a_regular_expression_has_some_time_and_no_more() -> None:
    patience = Patience()
    assert patience.bounded(str.upper)("a") == "A"
    patience.bounded(busy)("a")
    with pytest.raises(logql.QueryError, match="Request timed out"):
        patience.bounded(busy)("a")


def busy(text: str) -> str:
    """Takes more than half of the time that there is."""
    end = thread_time() + 0.6 * MOST_S
    while thread_time() < end:
        pass
    return text
