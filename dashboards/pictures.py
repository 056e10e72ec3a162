"""The pictures of the documentation: each incident on the overview, and on the dashboard that shows its cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from cluster_sim import FAULTS, begin, seven_services
from cluster_sim.clock import unix_s

from .build import HERE
from .render.page import page
from .render.picture import shoot
from .render.stored import Stored

IMAGES = HERE.parent / "docs" / "images"
SEED = 42
LOOK_S = 180.0
"""From the page to the look at the dashboards."""
WIDTH = 1280
CAUSES = {
    "pg_max_connections_undersized": "postgres",
    "redis_maxmemory_orphan_keys": "redis",
    "jwt_partial_rotation": "auth",
}
"""Fault → dashboard of its cause."""
ROWS = {"overview": 50, "postgres": 24, "redis": 24, "auth": 32}
"""Lines of the grid that are shown."""


def take() -> Iterator[Path]:
    """Play each incident, and write its pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for fault, cause in CAUSES.items():
        cluster = begin(seven_services(), FAULTS[fault], SEED).cluster
        cluster.run_for(LOOK_S)
        api, end_s = Stored(cluster.metrics), unix_s(cluster.now)
        for uid in ("overview", cause):
            board = json.loads((HERE / "grafana" / "dashboards" / f"{uid}.json").read_text(encoding="utf-8"))
            document, height = page(board, api, start_s=unix_s(0) + 60, end_s=end_s, width=WIDTH, rows=ROWS[uid])
            picture = IMAGES / f"{fault.replace('_', '-')}-{uid}.png"
            shoot(document, picture, width=WIDTH, height=height)
            yield picture
