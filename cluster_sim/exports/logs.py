"""Logs as JSON lines: one object per line of a log."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..clock import moment
from .episode import Episode
from .exporter import Exporter, File
from .lines import lines


def _objects(episode: Episode) -> Iterator[str]:
    for line in lines(episode.cluster):
        entry: dict[str, object] = {
            "timestamp": f"{moment(line.at):%Y-%m-%dT%H:%M:%S.%fZ}",
            "service": line.service,
            "pod": line.pod,
            "level": line.level,
            "line": line.text,
        }
        if line.fields:
            entry["fields"] = line.fields
        yield json.dumps(entry, ensure_ascii=False) + "\n"


def _files(episode: Episode) -> Iterator[File]:
    yield "logs.jsonl", _objects(episode)


LOGS = Exporter(name="logs", about="JSON lines", files=_files)
