"""Every query of every panel, asked of real Prometheus servers that hold episodes."""

from __future__ import annotations

import pytest

from cluster_sim import SERVICES, ClusterLogs, logql
from cluster_sim.specs import Language
from dashboards.build import BOARDS
from dashboards.render.queries import BUILT_IN, Question, fill_in, panels, questions, variables
from dashboards.render.stored import Stored
from tests.dashboards.conftest import Recorded
from tests.dashboards.test_schema import board

pytestmark = pytest.mark.slow

HTTP_SERVICES = [s.name for s in SERVICES.values() if s.language not in (Language.POSTGRES, Language.REDIS)]
"""The values that the variable `$service` can have."""


def choices(uid: str) -> list[dict[str, str]]:
    """All values of a dashboard's variables."""
    saved = variables(board(uid))
    return [saved | {"$service": name} for name in HTTP_SERVICES] if "$service" in saved else [saved]


def values_of(answer: list[dict]) -> list[float]:
    """Every value of a vector or a matrix."""
    return [float(v) for series in answer for _, v in series.get("values", [series.get("value")])]


@pytest.mark.parametrize("uid", BOARDS)
def test_no_query_fails_and_none_is_always_empty(recorded, uid):
    """Healthy and in each incident, for every value of the variables; a number is there in one of them."""
    empty = []
    for panel in panels(board(uid)):
        numbers: dict[str, int] = {}
        for values in choices(uid):
            for question in questions(panel, values):
                numbers.setdefault(question.ref, 0)
                for episode in recorded.values():
                    for at in (episode.seen_s, episode.end_s) if question.instant else (episode.end_s,):
                        found = values_of(episode.api.ask(question, episode.start_s, at))
                        numbers[question.ref] += sum(value == value for value in found)
        empty += [f"{panel['title']} {ref}" for ref, count in numbers.items() if not count]
    assert empty == []


@pytest.mark.parametrize("uid", BOARDS)
def test_a_clusters_own_store_gives_prometheus_answers(recorded, uid):
    """The pictures, which are drawn from it, show what a real Prometheus would."""
    for panel in panels(board(uid)):
        for question in questions(panel, variables(board(uid))):
            for name, episode in recorded.items():
                real, ours = (
                    {tuple(sorted(series["metric"].items())): values_of([series]) for series in found}
                    for api in (episode.api, Stored(episode.cluster.metrics))
                    for found in [api.ask(question, episode.start_s, episode.seen_s)]
                )
                assert ours.keys() == real.keys(), (name, question)
                for labels, values in real.items():
                    assert ours[labels] == pytest.approx(values, rel=1e-9, abs=1e-12, nan_ok=True), (name, question)


def test_log_panels_show_lines(recorded):
    """Every LogQL query is read by our engine, and finds lines in some episode."""
    for uid in BOARDS:
        for panel in panels(board(uid)):
            for target in panel["targets"]:
                if target["datasource"]["type"] == "loki":
                    query = logql.parse(fill_in(target["expr"], variables(board(uid))))
                    assert isinstance(query, logql.LogQuery)
                    assert any(lines(episode, query) for episode in reversed(recorded.values())), panel["title"]


def lines(episode: Recorded, query: logql.LogQuery) -> list[str]:
    """A few of the last lines that a query finds."""
    answer = logql.logs(ClusterLogs(episode.cluster), query, first=0, last=round(episode.end_s) * 10**9, limit=5)
    return [line for _, entries in answer.streams for _, line in entries]


def test_every_built_in_variable_is_filled_in():
    """No `$` is left in a query."""
    for uid in BOARDS:
        for panel in panels(board(uid)):
            for values in choices(uid):
                for question in questions(panel, values):
                    assert "$" not in question.expr.replace('"$1"', ""), (panel["title"], BUILT_IN)


def test_annotations_mark_pages_and_changes(recorded):
    """Pages in every incident and never in health; the scaling that used up the connections; restarts."""
    marks = {
        (name, annotation["name"]): values_of(
            episode.api.ask(
                Question(panel="", ref="", expr=annotation["expr"], legend="", instant=False),
                episode.start_s,
                episode.end_s,
            )
        )
        for name, episode in recorded.items()
        for annotation in board("incident")["annotations"]["list"]
    }
    for name in recorded:
        assert bool(marks[name, "Pages"]) == (name != "healthy")
    assert marks["pg_max_connections_undersized", "Deploys"]
    assert not marks["healthy", "Deploys"]
    assert marks["redis_maxmemory_orphan_keys", "Tickets"]
    assert all(marks[name, "Starts"] for name in recorded)


def test_the_values_of_the_service_variable_are_the_http_services(recorded):
    """As Grafana asks for them: the values of a label of some series."""
    query = board("service")["templating"]["list"][0]["query"]["query"]
    metric, label = query.removeprefix("label_values(").removesuffix(")").split(", ")
    found = recorded["healthy"].api.query(
        "query", query=f"count by ({label}) ({metric})", time=str(recorded["healthy"].end_s)
    )
    assert sorted(series["metric"][label] for series in found) == sorted(HTTP_SERVICES)
