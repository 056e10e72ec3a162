"""Pictures of dashboards: from the answers of a Prometheus to a page, and from a page to a file."""

from __future__ import annotations

import re

import pytest

from dashboards.render.page import page
from dashboards.render.picture import shoot
from tests.dashboards.test_schema import board
from tests.support.real_prometheus import program

pytestmark = pytest.mark.slow

FAULT = "pg_max_connections_undersized"


def test_a_page_shows_every_panel_with_its_figures(recorded):
    """Titles, services in the table and in the graph, no value that is not a number."""
    episode, overview = recorded[FAULT], board("overview")
    document, height = page(overview, episode.api, start_s=episode.start_s, end_s=episode.seen_s)
    titles = re.findall(r"<h2>(.*?)</h2>", document)
    assert len(titles) == sum(panel["type"] != "row" for panel in overview["panels"])
    assert document.count(">payment-service<") >= 3
    assert height > 1000
    assert "nan" not in re.sub(r"<style>.*?</style>", "", document).lower().replace("tenant", "")


def test_a_browser_takes_the_picture(recorded, tmp_path):
    """A PNG of the size asked for."""
    episode = recorded[FAULT]
    document, height = page(board("redis"), episode.api, start_s=episode.start_s, end_s=episode.seen_s, width=800)
    picture = tmp_path / "redis.png"
    shoot(document, picture, width=800, height=height, browser=program("chromium"))
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20], "big") == 800
    assert int.from_bytes(data[20:24], "big") == height
