"""A recorded episode, and how to forge it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from cluster_sim import WarmUps
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions
from env.trajectory import Trajectory, Verdict, checksum, export, verify_line

WORLDS = WarmUps()
"""Worlds of these tests, each of which is simulated once."""
STATEMENT = {"root_cause": "postgres-db", "mechanism": "connection_limit", "confidence": 0.8}


Move = Action | tuple[str, dict[str, Any]]
"""A step, or a read over MCP."""


def played(task_id: str, *moves: Move, seed: int = 1, keep_whole: bool = False, **options):
    """An environment after some actions and reads."""
    environment = IncidentEnvironment(WORLDS, keep_whole=keep_whole)
    environment.reset(task_id, seed, EpisodeOptions(**options))
    for move in moves:
        if isinstance(move, Action):
            environment.step(move)
        else:
            environment.read(*move)
    return environment


STORY: tuple[Move, ...] = (
    ("search_logs", {"service": "payment-service", "limit": 5}),
    Action(action_type=ActionType.INVESTIGATE, target="payment-service"),
    Action(action_type=ActionType.INVESTIGATE, target="postgres-db", details={"promql": "sum(up)"}),
    ("golden_signals", {}),
    ("runbook", {"fix": "increase_db_connections"}),
    Action(action_type=ActionType.ESCALATE, target="database-team", details=STATEMENT),
    Action(action_type=ActionType.APPLY_FIX, target="increase_db_connections"),
)
"""A good engineer on task_easy."""


@cache
def recorded(keep_whole: bool = False) -> Trajectory:
    """The story, as a record."""
    return export(played("task_easy", *STORY, keep_whole=keep_whole, arrival_rate_hz=10.0), policy="engineer")


def line(record: dict[str, Any]) -> bytes:
    """A record as it is, whatever its checksum."""
    return json.dumps(record).encode() + b"\n"


def sealed(record: dict[str, Any]) -> bytes:
    """A record by somebody who knows how checksums are made."""
    return line(record | {"checksum": checksum(record)})


def judged(text: bytes) -> Verdict:
    return verify_line(text, WORLDS)


@pytest.fixture
def story() -> dict[str, Any]:
    """The record as plain JSON, for a test to forge."""
    return recorded().plain()
