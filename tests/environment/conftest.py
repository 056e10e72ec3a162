"""Environments in the state that many tests begin from; worlds are cached, because a reset is the dear part."""

from __future__ import annotations

import pickle
from functools import cache

import pytest

from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions

PLANS = {
    "task_easy": (
        ("investigate", "postgres-db", None),
        ("escalate", "database-team", None),
        ("apply_fix", "increase_db_connections", None),
    ),
    "task_medium": (
        ("investigate", "redis-cache", None),
        ("escalate", "infra-team", {"root_cause": "redis-cache", "mechanism": "memory_exhaustion"}),
        ("apply_fix", "flush_redis_cache", None),
        (
            "postmortem",
            None,
            "The root cause is redis-cache. Its memory was full, because a batch job had left keys without expiry, and "
            "it refused every write with an OOM error. The inventory-service fell back to postgres-db and checkout "
            "timed out.",
        ),
    ),
    "task_hard": (
        ("investigate", "auth-service", None),
        ("investigate", "config-service", None),
        ("escalate", "security-team", {"root_cause": "config-service", "mechanism": "partial_rollout"}),
        ("apply_fix", "complete_secret_rotation", None),
        (
            "postmortem",
            None,
            "The root cause is config-service. Its rotation of the JWT signing secret was incomplete, and only two of "
            "three replicas of auth-service had the new key. Tokens were refused with 401 by the replica that "
            "held the old one.",
        ),
    ),
}
"""What a reader of the right evidence does."""


@cache
def _world(task_id: str, seed: int, options: EpisodeOptions) -> bytes:
    environment = IncidentEnvironment()
    environment.reset(task_id, seed, options)
    return pickle.dumps(environment)


def begun(task_id: str, seed: int = 1, **options) -> IncidentEnvironment:
    """An environment just after its reset."""
    return pickle.loads(_world(task_id, seed, EpisodeOptions(**options)))


def act(environment: IncidentEnvironment, kind: str, target=None, details=None):
    """Take one action."""
    return environment.step(Action(action_type=ActionType(kind), target=target, details=details))


@pytest.fixture(params=PLANS)
def task_id(request) -> str:
    """Each task in turn."""
    return request.param
