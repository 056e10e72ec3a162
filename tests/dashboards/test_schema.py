"""The dashboards are what Grafana's schema says, and laid out as a reader expects."""

from __future__ import annotations

import copy
import json

import pytest

from dashboards.build import BOARDS, HERE
from dashboards.render.queries import panels
from tests.dashboards.schema import violations


def board(uid: str) -> dict:
    """A committed dashboard."""
    return json.loads((HERE / "grafana" / "dashboards" / f"{uid}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("uid", BOARDS)
def test_a_dashboard_keeps_to_grafanas_schema(uid):
    """Every key is known, every value of its type, in panels, queries and options too."""
    assert violations(board(uid)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("panels", 1, "titel"), "Pages"),
        (("panels", 1, "title"), 7),
        (("panels", 1, "options", "colorMode"), "rainbow"),
        (("panels", 1, "options", "colour"), "red"),
        (("panels", 1, "targets", 0, "expression"), "up"),
        (("panels", 1, "fieldConfig", "defaults", "thresholds", "steps"), {}),
        (("templating", "list"), [{"name": "service", "type": "quarry"}]),
    ],
)
def test_the_check_finds_what_is_wrong(path, value):
    """Unknown keys and wrong values at every depth."""
    broken = copy.deepcopy(board("overview"))
    inner = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert violations(broken)


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_fill_the_grid_without_overlap(uid):
    """Each square of 24 columns belongs to one panel at most; ids are unique."""
    taken: dict[tuple[int, int], str] = {}
    for panel in board(uid)["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for square in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert taken.setdefault(square, panel["title"]) == panel["title"]
    ids = [panel["id"] for panel in board(uid)["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_says_what_it_shows(uid):
    """Title, description, a unit, and a name for each of several series; no title twice."""
    titles = [panel["title"] for panel in panels(board(uid))]
    assert len(set(titles)) == len(titles)
    for panel in panels(board(uid)):
        assert panel["title"]
        assert panel["description"].endswith(".")
        if panel["type"] in ("timeseries", "stat", "state-timeline"):
            assert panel["fieldConfig"]["defaults"]["unit"]
        if panel["type"] == "timeseries":
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
