"""The files of the dashboards, and writing them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from cluster_sim.services import RULES
from cluster_sim.telemetry.rules.file import rule_file_text

from .boards import auth, incident, overview, postgres, redis, service

NOTICE = "# Written by `python -m dashboards build` from the rules of the services.\n"
HERE = Path(__file__).resolve().parent

BOARDS: Mapping[str, Callable[[], Dashboard]] = MappingProxyType(
    {
        "overview": overview.build,
        "service": service.build,
        "postgres": postgres.build,
        "redis": redis.build,
        "auth": auth.build,
        "incident": incident.build,
    }
)
"""By uid, which is also the name of the file."""


def files() -> Mapping[str, str]:
    """Relative path → content of every generated file."""
    boards = {
        f"grafana/dashboards/{uid}.json": json.dumps(build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for uid, build in BOARDS.items()
    }
    return {**boards, "rules.yml": NOTICE + rule_file_text(RULES)}


def write(folder: Path = HERE) -> list[Path]:
    """Write every generated file, and say which."""
    written = []
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return written
